"""What a server and its callers say to each other while a call runs: every message, typed.

It is one protocol on whatever carries it: a data channel, a WebSocket. Each message is a JSON object whose ``type`` is
the tag of a struct here. A type that a side does not know is ignored, and so is a field, so either side may learn new
ones first; ``PROTOCOL_VERSION`` changes when one loses its meaning. The server's first message, ``ready``, tells it.

Another dialect (RTVI, say) is a ``Dialect``: it says the same things in other words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol, get_args

import msgspec

from ..pipeline.end_reason import EndReason

__all__ = [
    "PROTOCOL_VERSION",
    "Ask",
    "Dialect",
    "End",
    "EndReason",
    "Error",
    "Flow",
    "FromCaller",
    "FromServer",
    "Graph",
    "HangUp",
    "Happened",
    "Interrupted",
    "Json",
    "Keys",
    "LineNumbers",
    "LiveOption",
    "Message",
    "Native",
    "Persona",
    "Playout",
    "Ready",
    "Reply",
    "RunTool",
    "Service",
    "Speech",
    "State",
    "Text",
    "Thought",
    "ToolAnswer",
    "ToolCall",
    "ToolCancelled",
    "ToolResult",
    "Transcript",
    "Transfer",
    "Tune",
    "Usage",
    "Waited",
    "Watch",
    "read_message",
    "to_json",
]

PROTOCOL_VERSION = 1

Json = dict[str, Any]


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """Fields that have a default are left out where they have it."""


# What the server says ------------------------------------------------------------------------------


class Ready(_Message, tag="ready", frozen=True):
    """The call runs. ``live`` is where its model is, for people; ``report`` how much the caller is told of it."""

    version: int
    agent: str
    live: str
    report: Literal["none", "names", "full"]


class State(_Message, tag="state", frozen=True):
    """What the agent does: ``listening``, ``thinking``, ``speaking``, ``paused``, ``interrupted``."""

    state: str


class Transcript(_Message, tag="transcript", frozen=True):
    """All that is known of an utterance so far; it replaces what was said of the same role and utterance before."""

    role: Literal["user", "agent"]
    text: str
    final: bool
    turn: int
    utterance: int
    interrupted: bool = False
    """Whether it was cut short."""


class Speech(_Message, tag="speech", frozen=True):
    """Whether the caller is heard speaking."""

    speaking: bool


class Interrupted(_Message, tag="interrupted", frozen=True):
    """A turn of the agent was cut short."""

    turn: int


class ToolCall(_Message, tag="tool_call", frozen=True):
    """The agent asks for a tool. ``args`` is empty where callers are told names only."""

    id: str
    name: str
    args: Json
    kind: str = ""
    """Where the tool comes from: ``page`` for a function of the caller's page, which ``run_tool`` asks for."""


class ToolResult(_Message, tag="tool_result", frozen=True):
    """It answered, or failed: then ``result`` says how."""

    id: str
    name: str
    ok: bool
    result: Any
    duration_ms: int


class ToolCancelled(_Message, tag="tool_cancelled", frozen=True):
    """The agent does not want the answer any more."""

    id: str
    name: str


class Thought(_Message, tag="thought", frozen=True):
    """What the model thinks and does not say, piece by piece; for callers who are told everything."""

    turn: int
    text: str


class Persona(_Message, tag="persona", frozen=True):
    """One of several personas of the agent speaks from now on; ``before`` is empty for the one who begins."""

    persona: str
    before: str = ""


class Transfer(_Message, tag="transfer", frozen=True):
    """The call is to go to a human, by one of these addresses. Not everybody is told ``reason`` and ``summary``."""

    to: str
    sip: str = ""
    number: str = ""
    callback: bool = False
    reason: str = ""
    summary: str = ""


class Usage(_Message, tag="usage", frozen=True):
    """Tokens that a service counted."""

    node: str
    input_tokens: int
    output_tokens: int
    total_tokens: int
    call_cost_usd: float | None = None
    """What the call has cost so far, where the price is known."""


class Service(_Message, tag="service", frozen=True):
    """What became of a connection to a service."""

    node: str
    state: str
    detail: str


class LineNumbers(_Message, tag="line", frozen=True, omit_defaults=False):
    """How the line is, every few seconds: the fields of ``MediaStatistics``, which has what they mean."""

    received_packets: int = 0
    lost_packets: int = 0
    late_packets: int = 0
    duplicate_packets: int = 0
    reordered_packets: int = 0
    recovered_packets: int = 0
    concealed_ms: float = 0.0
    silent_ms: float = 0.0
    malformed_packets: int = 0
    foreign_packets: int = 0
    sources: int = 0
    jitter_ms: float = 0.0
    buffer_ms: float = 0.0
    buffer_most_ms: float = 0.0
    wait_limit_ms: float = 0.0
    sent_packets: int = 0
    sent_bytes: int = 0
    left_out_packets: int = 0
    skipped_ms: float = 0.0
    lost_by_caller: float = 0.0
    round_trip_ms: float | None = None
    one_way_ms: float | None = None
    queue_ms: float | None = None
    caller_level_db: int | None = None
    bit_rate: int = 0
    fec: bool = False
    complexity: int = 0
    video_frames: int = 0
    video_requests: int = 0


class Waited(_Message, tag="waited", frozen=True):
    """How long somebody waited: ``greeting``, ``answer`` and ``silence`` as in ``pipeline.latencies.Latency``."""

    what: Literal["greeting", "answer", "silence"]
    waited_ms: int
    turn: int


class Message(_Message, tag="message", frozen=True):
    """What the program around the agent has for the page: any JSON."""

    data: Any


class Reply(_Message, tag="reply", frozen=True):
    """What the program answers to ``ask`` with the same ``id``; where it failed, ``data`` says how."""

    id: str
    ok: bool
    data: Any = None


class RunTool(_Message, tag="run_tool", frozen=True):
    """The agent asks for a function of the caller's page; ``tool_answer`` with the same ``id`` is awaited."""

    id: str
    name: str
    args: Json


class LiveOption(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An option that can change while the call runs, and the value that it has. A duration is in nanoseconds."""

    node: str
    option: str
    value: bool | int | float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    """``ns``, ``Hz``, ``B`` or nothing."""
    doc: str = ""


class Graph(_Message, tag="graph", frozen=True):
    """The call's graph as a picture, and what can be turned; told after ``watch``, and again when something was turned.

    Each line of the picture has the name of its edge as its title.
    """

    svg: str
    options: list[LiveOption]


class Flow(_Message, tag="flow", frozen=True):
    """What the edges carry, every second: frames passed, frames waiting, how many milliseconds those last, frames
    dropped, frames of cut turns refused; by the names of the edges."""

    edges: dict[str, tuple[int, int, int, int, int]]


class Happened(_Message, tag="event", frozen=True):
    """Something happened inside, ``at_ms`` after the call began."""

    kind: str
    at_ms: int
    text: str


class Error(_Message, tag="error", frozen=True):
    """Something failed, in the server's words. Its log has the cause under ``id``."""

    message: str
    remedy: str
    code: str = ""
    id: str = ""
    node: str = ""
    fatal: bool = False
    """Whether the call ends for it."""


class End(_Message, tag="end", frozen=True):
    """The call is over; nothing comes after it."""

    reason: EndReason
    detail: str = ""
    """In words: what the agent or the operator said of it."""


FromServer = (
    Ready
    | State
    | Transcript
    | Speech
    | Interrupted
    | ToolCall
    | ToolResult
    | ToolCancelled
    | Thought
    | Persona
    | Transfer
    | Usage
    | Service
    | LineNumbers
    | Waited
    | Message
    | Reply
    | RunTool
    | Graph
    | Flow
    | Happened
    | Error
    | End
)


# What a caller says ----------------------------------------------------------------------------------


class Text(_Message, tag="text", frozen=True):
    """What the caller typed. With ``reply`` off the agent takes it in and says nothing to it yet; with ``aloud`` off
    what it says to it is written and not heard."""

    text: str
    reply: bool = True
    aloud: bool = True


class Keys(_Message, tag="keys", frozen=True):
    """Keys of a telephone that the caller pressed: ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``."""

    keys: str


class Ask(_Message, tag="ask", frozen=True):
    """The page asks the program around the agent; ``reply`` with the same ``id`` answers."""

    id: str
    name: str
    data: Any = None


class Playout(_Message, tag="playout", frozen=True):
    """How long the caller's side keeps the agent's sound before it is heard."""

    delay_ms: float


class HangUp(_Message, tag="hangup", frozen=True):
    """The caller hangs up."""

    dismissed: bool = False
    """Whether it stays to be told that the call is over, rather than to close the line itself."""


class ToolAnswer(_Message, tag="tool_answer", frozen=True):
    """What a function of the page gave; where it failed, ``result`` says how."""

    id: str
    ok: bool
    result: Any = None


class Watch(_Message, tag="watch", frozen=True):
    """The caller wants to see the inside of its call, or no longer. Answered where it is told everything."""

    on: bool


class Tune(_Message, tag="tune", frozen=True):
    """The caller turns an option of its running call. Done where it is told everything."""

    node: str
    option: str
    value: bool | int | float


FromCaller = Text | Keys | Playout | ToolAnswer | Ask | Watch | Tune | HangUp

_CALLERS = {kind.__struct_config__.tag: kind for kind in get_args(FromCaller)}


def to_json(message: FromServer | FromCaller) -> Json:
    """The message as the JSON object that goes over the wire."""
    given = msgspec.to_builtins(message)
    assert isinstance(given, dict)
    return given


def read_message(message: Mapping[str, Any]) -> FromCaller | None:
    """A caller's JSON object as what it means; ``None`` for what is unknown or malformed."""
    tag = message.get("type")
    kind = _CALLERS.get(tag) if isinstance(tag, str) else None
    if kind is None:
        return None
    try:
        read: FromCaller = msgspec.convert(dict(message), kind)
    except msgspec.ValidationError:
        return None
    return read


class Dialect(Protocol):
    """Words for the same things: how one caller's side spells what is said to it, and what it says. Sans-IO."""

    def spell(self, message: FromServer) -> Iterable[Json]:
        """What goes over the wire for a message of ours; nothing where the dialect has no word for it."""
        ...

    def read(self, message: Mapping[str, Any]) -> Iterable[FromCaller]:
        """What a caller's JSON object means. Nothing is raised for what is unknown or malformed."""
        ...

    def replies(self) -> Iterable[Json]:
        """What the dialect itself has to say to what was read since it was asked last: handshakes, refusals."""
        ...

    def farewell(self) -> Iterable[Json]:
        """What goes over the wire last, before the connection is closed at this end."""
        ...


class Native:
    """Our own."""

    def spell(self, message: FromServer) -> Iterable[Json]:
        """See ``Dialect``."""
        return (to_json(message),)

    def read(self, message: Mapping[str, Any]) -> Iterable[FromCaller]:
        """See ``Dialect``."""
        read = read_message(message)
        return () if read is None else (read,)

    def replies(self) -> Iterable[Json]:
        """See ``Dialect``."""
        return ()

    def farewell(self) -> Iterable[Json]:
        """See ``Dialect``."""
        return ()
