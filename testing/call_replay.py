"""A kept call again: the agent of today hears what the caller said then, and what is different.

The caller's sound, what was typed and which keys were pressed come from the record, at their times. Tools answer as
they answered then, and what they were not asked for is refused: nothing is booked twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from ..audio import Pcm, Resampler, ns_to_samples, samples_to_ns
from ..language import Agent
from ..pipeline.events import Event
from ..pipeline.frames import AudioFrame, DtmfFrame, TextFrame
from ..pipeline.graph.graph import Graph
from ..pipeline.graph.plan import make_plan
from ..pipeline.graph.substitution import substitute
from ..pipeline.latencies import Latencies
from ..pipeline.options import Doc
from ..pipeline.ports import FromOption, Out
from ..pipeline.processor import Processor
from ..pipeline.units import MS, SECOND
from ..processors.tools.errors import ToolError
from ..processors.tools.loading import load_tools
from ..processors.tools.router import ToolRouter
from ..processors.tools.stand_ins import StandIns
from ..transports.decode import AudioFile
from ..transports.file_in import FileIn
from ..transports.file_out import FileOut
from ..transports.record import Recorder
from ..transports.record.lines import event_line, latency_line
from ..transports.webrtc.webrtc_in import WebRTCIn
from ..transports.webrtc.webrtc_out import WebRTCOut
from .boxes import RATES, Announcer, Loudspeaker
from .call_differences import differences
from .timeline import Timeline
from .wire import RecordingFault

__all__ = ["CallReplay", "KeptCall", "is_record", "read_record", "replay_call"]

_FRAME_NS = 20 * MS
_MOST_HEAD_BYTES = 1 << 20

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A record as it was read."""

    head: Json
    lines: list[Json]
    caller: Pcm
    """What the caller said, from the start of the call on, mono at ``rate``."""
    rate: int
    began_ns: int
    """Where in the record the call began: times of lines count from the record's beginning."""


@dataclass(slots=True)
class CallReplay:
    """What came of it."""

    lines: list[Json] = field(default_factory=list)
    """As the recorder would have written them."""
    differences: list[str] = field(default_factory=list)
    """One line each."""
    reason: str = ""


_Time = Annotated[float, msgspec.Meta(ge=-1e6, le=1e9)]


class _Line(msgspec.Struct):
    """What is read of any line behind the head."""

    time_s: _Time


class _Transcript(_Line):
    role: str
    text: str


class _ToolCalled(_Line):
    name: str
    args: dict[str, Any]


class _ToolFinished(_Line):
    name: str
    result: dict[str, Any] | None
    ok: bool = False
    duration_ns: Annotated[int, msgspec.Meta(ge=0, le=10**18)] = 0


class _Latency(_Line):
    what: str
    ms: int


class _Pressed(_Line):
    held_ms: Annotated[int, msgspec.Meta(ge=0, le=10**6)] = 0


_LINES: Mapping[str, type[_Line]] = {
    "transcript": _Transcript,
    "tool_called": _ToolCalled,
    "tool_finished": _ToolFinished,
    "latency": _Latency,
    "pressed": _Pressed,
}


def is_record(lines: Path) -> bool:
    """Whether a file of JSON lines is the record of a call. Raises ``OSError``."""
    with lines.open("rb") as file:
        first = file.readline(_MOST_HEAD_BYTES)
    try:
        head = msgspec.json.decode(first)
    except msgspec.DecodeError:
        return False
    return isinstance(head, dict) and head.get("type") == "record"


def read_record(lines: Path) -> KeptCall:
    """A record, by its lines. Raises ``RecordingFault`` where it makes no sense, ``OSError``, ``LivegraphError``."""
    told: list[Json] = []
    for number, text in enumerate(lines.read_bytes().splitlines(), 1):
        try:
            line = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            if told:
                # The last one of a record that was cut short.
                break
            raise RecordingFault(number, f"no JSON: {error}") from None
        if not isinstance(line, dict):
            raise RecordingFault(number, "no JSON object")
        if told:
            try:
                msgspec.convert(line, _LINES.get(str(line.get("type")), _Line))
            except msgspec.ValidationError as error:
                raise RecordingFault(number, f"no line of a record: {error}") from None
        told.append(line)
    if not told:
        raise RecordingFault(1, "there is nothing in it")
    head = told[0]
    names, rate = head.get("audio") or [], head.get("rate")
    inputs = head.get("inputs") or {}
    whole = isinstance(names, list) and isinstance(inputs, dict)
    if head.get("format") != 1 or not names or not whole or type(rate) is not int:
        raise RecordingFault(1, "not the head of a record that this version can read")
    part = ".part" if lines.stem.endswith(".part") else ""
    name = str(names[0])
    stem = lines.stem.removesuffix(".part")
    if Path(name).name != name or not name.startswith(f"{stem}."):
        raise RecordingFault(1, f"the sound should lie beside it, not in {name!r}")
    sound = _sound(lines.with_name(stem + part + name[len(stem) :]), rate, 2 if len(names) == 1 else 1)
    started = next((line["time_s"] for line in told[1:] if line.get("type") == "call_started"), 0.0)
    began_ns = round(float(started) * SECOND)
    caller = sound[:, 0] if sound.ndim == 2 else sound
    return KeptCall(head, told[1:], caller[max(0, ns_to_samples(began_ns, rate)) :], rate, began_ns)


def _sound(path: Path, rate: int, channels: int) -> Pcm:
    import numpy as np

    file = AudioFile(path, rate, channels)
    try:
        pieces = []
        while len(piece := file.read()):
            pieces.append(piece)
    finally:
        file.close()
    return np.concatenate(pieces) if pieces else np.zeros((0, channels), np.int16)


class ReplayedCaller(Processor):
    """Says, writes and presses what a caller of a record did, each at its time."""

    kind = "source"

    audio: Out[AudioFrame] = Out(rate=FromOption("rates"), channels=1, doc="the caller's voice")
    text: Out[TextFrame] = Out(doc="what the caller typed")
    keys: Out[DtmfFrame] = Out(doc="keys that the caller pressed")

    def __init__(
        self, *, kept: Annotated[Any, Doc("the call")], rates: Annotated[Any, Doc("rates")] = RATES
    ) -> None:
        self._kept: KeptCall = kept

    async def run(self) -> None:
        """Speak, a frame at a time."""
        kept, clock = self._kept, self.call.clock
        rate = self.audio.format.rate if self.audio.connected else kept.rate
        sound = kept.caller
        if rate != kept.rate:
            import numpy as np

            resampler = Resampler(kept.rate, rate)
            sound = np.concatenate((resampler.process(sound), resampler.flush()))
        others = [line for line in kept.lines if line.get("type") in ("typed", "pressed")]
        origin_ns = clock.now_ns()
        at = 0
        while at < len(sound):
            count = ns_to_samples(samples_to_ns(at, rate) + _FRAME_NS, rate) - at
            piece = sound[at : at + count]
            start_ns = origin_ns + samples_to_ns(at, rate)
            at += len(piece)
            end_ns = origin_ns + samples_to_ns(at, rate)
            await clock.sleep_until_ns(end_ns)
            while others and origin_ns + round(others[0]["time_s"] * SECOND) - kept.began_ns <= end_ns:
                await self._give(others.pop(0))
            if self.audio.connected:
                await self.audio.send(AudioFrame(piece, rate, time_ns=start_ns))

    async def _give(self, line: Json) -> None:
        now_ns = self.call.clock.now_ns()
        if line["type"] == "typed":
            await self.text.send(TextFrame(str(line.get("text", "")), time_ns=now_ns))
        else:
            held_ns = int(line.get("held_ms", 0)) * MS
            await self.keys.send(DtmfFrame(str(line.get("key", "")), time_ns=now_ns, held_ns=held_ns))


def replayed(graph: Graph, kept: KeptCall) -> Graph:
    """``graph`` with the caller of the record at its ends, and nothing that is written."""
    for node in list(graph.nodes.values()):
        if issubclass(node.processor, WebRTCIn | FileIn):
            graph = substitute(graph, node.name, ReplayedCaller, {"kept": kept})
        elif issubclass(node.processor, WebRTCOut | FileOut):
            wanted = node.options.get("rate")
            graph = substitute(graph, node.name, Loudspeaker, {"rates": wanted} if wanted else {})
        elif issubclass(node.processor, Recorder):
            said = {"announce": node.options.get("announce", "")}
            graph = substitute(graph, node.name, Announcer, said)
    return graph


async def replay_call(
    kept: KeptCall, agent: Agent, graph: Graph, resources: Mapping[type, Any], *, run_tools: bool = False
) -> CallReplay:
    """Call ``agent``, whose ends ``replayed`` has exchanged in ``graph``, and compare. Raises ``LivegraphError``.

    ``run_tools`` runs the tools of today instead of answering as they did.
    """
    made = CallReplay()
    plan = make_plan(graph, agent.turns, inputs=agent.inputs, log=agent.log, conversation=agent.conversation)
    given: dict[type, Any] = {Timeline: Timeline(), **resources}
    if not run_tools:
        given[StandIns] = StandIns(dict(_answers(graph, kept.lines)))
    inputs = {name: value for name, value in (kept.head.get("inputs") or {}).items() if name in agent.inputs}
    call = plan.call(
        inputs=inputs, resources=given, call_id="replay", identity=str(kept.head.get("identity", ""))
    )
    latencies = Latencies()

    def see(event: Event) -> None:
        latency = latencies.see(event)
        if (line := event_line(event, 0)) is not None:
            made.lines.append(line)
        if latency is not None:
            made.lines.append(latency_line(latency, 0))

    call.events.subscribe(Event, see)
    await call.run()
    made.reason = call.reason
    made.differences = [*differences(kept.lines, made.lines)]
    return made


def _answers(
    graph: Graph, lines: list[Json]
) -> Iterator[tuple[tuple[str, str], Callable[[Mapping[str, Any]], Awaitable[Any]]]]:
    """What answers in the place of each tool: what it answered then, call by call."""
    finished: dict[str, list[Json]] = {}
    for line in lines:
        if line.get("type") == "tool_finished":
            finished.setdefault(str(line.get("name")), []).append(line)
    for node in graph.nodes.values():
        if issubclass(node.processor, ToolRouter):
            for name in load_tools(node.options["tools"]):
                yield (node.name, name), _answer(name, finished.get(name, []))


def _answer(name: str, then: list[Json]) -> Callable[[Mapping[str, Any]], Awaitable[Any]]:
    left = list(then)

    async def answer(_: Mapping[str, Any]) -> Any:
        if not left:
            raise ToolError(f"{name} was not asked for once more in the call that is replayed")
        line = left.pop(0)
        await asyncio.sleep(line.get("duration_ns", 0) / SECOND)
        result = line.get("result") or {}
        if not line.get("ok"):
            raise ToolError(str(result.get("error", "it failed")))
        return result["output"] if set(result) == {"output"} else result

    return answer
