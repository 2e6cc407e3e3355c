"""What happens in a call, for whoever watches: logs, metrics, a recorder, the browser's data channel.

How observers hear of it is in ``event_bus``.
"""

from __future__ import annotations

from typing import Any, Literal

from .event_bus import Event, EventBus
from .frames import Role

__all__ = [
    "CallEnded",
    "CallStarted",
    "Confirmed",
    "EdgeStalled",
    "Event",
    "EventBus",
    "Interrupted",
    "KeyPressed",
    "MuteChanged",
    "NodeFailed",
    "NodeSlow",
    "OffloadCut",
    "PersonaChanged",
    "ServiceChanged",
    "SpeechChanged",
    "StateChanged",
    "ToolCalled",
    "ToolCancelled",
    "ToolFinished",
    "ToolProgress",
    "ToolServiceChanged",
    "Transcript",
    "TransferAsked",
    "Tuned",
    "Usage",
]


class CallStarted(Event, frozen=True, kw_only=True):
    """Every node has started."""

    call: str


class CallEnded(Event, frozen=True, kw_only=True):
    """The call is over; ``error`` is empty unless it failed."""

    call: str
    reason: str
    """One of the words of ``EndReason``."""
    detail: str = ""
    """What whoever ended it says of it, for people."""
    error: str = ""


class StateChanged(Event, frozen=True, kw_only=True):
    """The conversation entered a state (``listening``, ``thinking``, ``speaking``, ``paused``, ``interrupted``)."""

    state: str
    turn: int
    source: str = ""
    """The node whose turn it is."""


class SpeechChanged(Event, frozen=True, kw_only=True):
    """The user began or stopped speaking."""

    speaking: bool


class Interrupted(Event, frozen=True, kw_only=True):
    """Every turn of ``source`` up to ``turn`` was cut; of all sources where it is empty."""

    turn: int
    source: str = ""


class KeyPressed(Event, frozen=True, kw_only=True):
    """The caller pressed a key of a telephone: ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``."""

    key: str


class MuteChanged(Event, frozen=True, kw_only=True):
    """The caller is unheard from now on, or heard again."""

    muted: bool


class Transcript(Event, frozen=True, kw_only=True):
    """What somebody has said so far: ``text`` replaces what was known of ``utterance`` of ``role``."""

    role: Role
    utterance: int
    text: str
    final: bool
    turn: int = 0
    interrupted: bool = False
    source: str = ""
    """The node whose turn it is."""


class ToolCalled(Event, frozen=True, kw_only=True):
    """The model asked for a function."""

    id: str
    name: str
    args: dict[str, Any]
    kind: str = ""
    """Where it comes from, as in ``ToolFinished``."""


class ToolFinished(Event, frozen=True, kw_only=True):
    """A function answered, or failed.

    ``outcome`` is ``answered`` or ``cached`` where ``ok``; otherwise ``refused`` (the tool said why), ``arguments``
    (they are wrong), ``timeout``, ``crashed``, ``unconfirmed`` (the caller has to be asked), ``declined`` (the caller
    said no), ``unavailable`` (its service is left alone), ``busy``, ``denied`` or ``duplicate``.
    """

    id: str
    name: str
    ok: bool
    result: dict[str, Any]
    duration_ns: int
    outcome: str = ""
    kind: str = ""
    """Where the tool comes from: ``python``, ``http``, ``openapi``, ``mcp``."""
    service: str = ""
    """What it depends on, where that is said."""
    attempts: int = 1
    """How often it was tried; 0 when it never ran."""
    cost_usd: float = 0.0
    fault: str = ""
    """Of a tool that crashed: the class of what it raised, and where. The text of it is in the log alone."""


class ToolProgress(Event, frozen=True, kw_only=True):
    """A function tells how far it is: ``fraction`` from 0 to 1, or ``None``."""

    id: str
    name: str
    text: str
    fraction: float | None = None


class Confirmed(Event, frozen=True, kw_only=True):
    """The caller was asked whether the function ``name`` may run with ``args``, and has answered: ``agreed``."""

    name: str
    args: dict[str, Any]
    agreed: bool
    said: str


class ToolServiceChanged(Event, frozen=True, kw_only=True):
    """What tools of this call depend on came, or went.

    ``state`` is ``up`` or ``down`` for an MCP server, and for the circuit breaker of a service ``open`` (it is left
    alone), ``half_open`` (one call tries it) or ``closed``. ``why`` says in one line what went wrong.
    """

    service: str
    kind: str
    """``mcp`` or ``breaker``."""
    state: str
    why: str = ""
    node: str = ""


class ToolCancelled(Event, frozen=True, kw_only=True):
    """The model withdrew a call before it was answered."""

    id: str
    name: str


class Usage(Event, frozen=True, kw_only=True):
    """Tokens that a service counted for one turn, and what they cost.

    Costs are ``None`` where the price is not known; ``call_cost_usd`` is the sum of the call so far.
    """

    node: str
    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_by_modality: dict[str, int]
    output_by_modality: dict[str, int]
    thought_tokens: int = 0
    tool_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = None
    call_cost_usd: float | None = None


class ServiceChanged(Event, frozen=True, kw_only=True):
    """A connection to a service was made, lost, resumed, or is about to be closed."""

    node: str
    state: Literal["connected", "lost", "resumed", "renewed", "going_away", "closed"]
    detail: str = ""


class NodeFailed(Event, frozen=True, kw_only=True):
    """A node raised; ``fatal`` when the call ends for it."""

    node: str
    message: str
    remedy: str = ""
    fatal: bool = True


class EdgeStalled(Event, frozen=True, kw_only=True):
    """Frames wait on an edge because ``node`` has been busy for ``age_ns``."""

    edge: str
    node: str
    age_ns: int


class NodeSlow(Event, frozen=True, kw_only=True):
    """``node`` took ``work_ns`` for ``sound_ns`` of sound: it is slower than real time. Told once.

    Counted is what its handlers take for the sound that comes in. Work in ``run``, timers and spawned tasks belongs to
    no sound and is not seen here: where it holds the loop up, that is in the loop's lag
    (``livegraph_loop_lag_seconds``).
    """

    node: str
    work_ns: int
    sound_ns: int


class OffloadCut(Event, frozen=True, kw_only=True):
    """Nobody waits any more for the function ``work`` that ``node`` has offloaded: its turn was cut, or the node ended.

    ``goes_on``: a thread is at it still, for nothing; a process was ended. ``count`` is how often that was so at this
    node.
    """

    node: str
    work: str
    goes_on: bool
    count: int


class PersonaChanged(Event, frozen=True, kw_only=True):
    """``persona`` speaks from now on, at ``node``; ``before`` is who did, empty at the beginning of a call."""

    persona: str
    before: str = ""
    reason: str = ""
    node: str = ""


class TransferAsked(Event, frozen=True, kw_only=True):
    """The call is to go to a human: whichever transport can do it does it, by one of the addresses.

    ``summary`` is what that human needs to know. Without any address it is only told that ``to`` is wanted.
    """

    to: str
    summary: str = ""
    reason: str = ""
    node: str = ""
    sip: str = ""
    """SIP URI, ``sip:desk@example.org``."""
    number: str = ""
    """Telephone number."""
    callback: bool = False
    """Whether somebody is to call back instead."""


class Tuned(Event, frozen=True, kw_only=True):
    """A node took new values of these options: they count from its next frame on."""

    node: str
    options: tuple[str, ...]
