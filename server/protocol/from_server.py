"""What the server says to its callers."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ...pipeline.end_reason import EndReason
from .wire import Json, WireMessage

__all__ = [
    "Confirmed",
    "End",
    "Error",
    "Flow",
    "FromServer",
    "Graph",
    "Happened",
    "Interrupted",
    "LineNumbers",
    "LiveOption",
    "Message",
    "Muted",
    "Persona",
    "Ready",
    "Reply",
    "RunTool",
    "Service",
    "Speech",
    "State",
    "Thought",
    "ToolCall",
    "ToolCancelled",
    "ToolProgress",
    "ToolResult",
    "Transcript",
    "Transfer",
    "Usage",
    "Waited",
]


class Ready(WireMessage, tag="ready", frozen=True):
    """The call runs. ``live`` is where its model is, for people; ``report`` how much the caller is told of it.

    It is told again, with ``state`` and ``muted`` as they stand, to a page that has connected anew.
    """

    version: int
    agent: str
    live: str
    report: Literal["none", "names", "full"]


class State(WireMessage, tag="state", frozen=True):
    """What the agent does: ``listening``, ``thinking``, ``speaking``, ``paused``, ``interrupted``."""

    state: str


class Transcript(WireMessage, tag="transcript", frozen=True):
    """All that is known of an utterance so far; it replaces what was said of the same role and utterance before."""

    role: Literal["user", "agent"]
    text: str
    final: bool
    turn: int
    utterance: int
    interrupted: bool = False
    """Whether it was cut short."""


class Speech(WireMessage, tag="speech", frozen=True):
    """Whether the caller is heard speaking."""

    speaking: bool


class Interrupted(WireMessage, tag="interrupted", frozen=True):
    """A turn of the agent was cut short."""

    turn: int


class ToolCall(WireMessage, tag="tool_call", frozen=True):
    """The agent asks for a tool. ``args`` is empty where callers are told names only."""

    id: str
    name: str
    args: Json
    kind: str = ""
    """Where the tool comes from: ``page`` for a function of the caller's page, which ``run_tool`` asks for."""


class ToolResult(WireMessage, tag="tool_result", frozen=True):
    """It answered, or failed: then ``result`` says how."""

    id: str
    name: str
    ok: bool
    result: Any
    duration_ms: int


class ToolCancelled(WireMessage, tag="tool_cancelled", frozen=True):
    """The agent does not want the answer any more."""

    id: str
    name: str


class ToolProgress(WireMessage, tag="tool_progress", frozen=True):
    """A function tells how far it is: in words, as a ``fraction`` from 0 to 1, or both."""

    id: str
    name: str
    text: str = ""
    fraction: float | None = None


class Confirmed(WireMessage, tag="confirmed", frozen=True):
    """The caller was asked whether the function ``name`` may be used, and has said yes (``agreed``) or no."""

    name: str
    agreed: bool


class Muted(WireMessage, tag="muted", frozen=True):
    """The agent does not hear the caller from now on, by its own rules or the caller's wish, or hears them again."""

    muted: bool


class Thought(WireMessage, tag="thought", frozen=True):
    """What the model thinks and does not say, piece by piece; for callers who are told everything."""

    turn: int
    text: str


class Persona(WireMessage, tag="persona", frozen=True):
    """One of several personas of the agent speaks from now on; ``before`` is empty for the one who begins."""

    persona: str
    before: str = ""


class Transfer(WireMessage, tag="transfer", frozen=True):
    """The call is to go to a human, by one of these addresses. Not everybody is told ``reason`` and ``summary``."""

    to: str
    sip: str = ""
    number: str = ""
    callback: bool = False
    reason: str = ""
    summary: str = ""


class Usage(WireMessage, tag="usage", frozen=True):
    """Tokens that a service counted."""

    node: str
    input_tokens: int
    output_tokens: int
    total_tokens: int
    call_cost_usd: float | None = None
    """What the call has cost so far, where the price is known."""


class Service(WireMessage, tag="service", frozen=True):
    """What became of a connection to a service."""

    node: str
    state: str
    detail: str


class LineNumbers(WireMessage, tag="line", frozen=True, omit_defaults=False):
    """How the line is, every few seconds: the fields of ``MediaStatistics``, which has what they mean."""

    received_packets: int = 0
    received_bytes: int = 0
    receive_bit_rate: int = 0
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
    late_beats: int = 0
    video_frames: int = 0
    video_requests: int = 0


class Waited(WireMessage, tag="waited", frozen=True):
    """How long somebody waited: ``greeting``, ``answer`` and ``silence`` as in ``pipeline.latencies.Latency``."""

    what: Literal["greeting", "answer", "silence"]
    waited_ms: int
    turn: int


class Message(WireMessage, tag="message", frozen=True):
    """What the program around the agent has for the page: any JSON."""

    data: Any


class Reply(WireMessage, tag="reply", frozen=True):
    """What the program answers to ``ask`` with the same ``id``; where it failed, ``data`` says how."""

    id: str
    ok: bool
    data: Any = None


class RunTool(WireMessage, tag="run_tool", frozen=True):
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


class Graph(WireMessage, tag="graph", frozen=True):
    """The call's graph as a picture, and what can be turned; told after ``watch``, and again when something was turned.

    Each line of the picture has the name of its edge as its title.
    """

    svg: str
    options: list[LiveOption]


class Flow(WireMessage, tag="flow", frozen=True):
    """What the edges carry, every second: frames passed, frames waiting, how many milliseconds those last, frames
    dropped, frames of cut turns refused; by the names of the edges."""

    edges: dict[str, tuple[int, int, int, int, int]]


class Happened(WireMessage, tag="event", frozen=True):
    """Something happened inside, ``at_ms`` after the call began."""

    kind: str
    at_ms: int
    text: str


class Error(WireMessage, tag="error", frozen=True):
    """Something failed, in the server's words. Its log has the cause under ``id``."""

    message: str
    remedy: str
    code: str = ""
    id: str = ""
    node: str = ""
    fatal: bool = False
    """Whether the call ends for it."""


class End(WireMessage, tag="end", frozen=True):
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
    | ToolProgress
    | Confirmed
    | Muted
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
