"""Recorder: keeps calls as they were heard.

Ports: none. It looks at the caller's voice and at what is played to the caller, and is in nobody's way.

Example:
    recorder: {path: "calls/{{call.id}}.flac"}
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from ...audio import Pcm
from ...pipeline.clock import day_time_ns
from ...pipeline.errors import ConfigError, StartError
from ...pipeline.events import CallEnded, Event
from ...pipeline.frames import AudioFrame, DtmfFrame, TextFrame
from ...pipeline.graph.call_files import fixed_folder
from ...pipeline.graph.rims import ears_of, voices_of
from ...pipeline.latencies import Latencies
from ...pipeline.options import CallFile, Doc, Hertz, Range, Unit
from ...pipeline.processor import OptionFault, Processor, ports_of
from ...pipeline.units import MS, SECOND
from .audio_files import FORMATS
from .consent import Asking, Consent
from .lines import Head, Json, event_line, latency_line
from .retention import retention_of
from .spool import Spool
from .upload import Upload, function_of, upload
from .writer import FinishedRecord, RecordWriter

__all__ = ["RecordChanged", "Recorder"]

State = Literal["waiting", "recording", "refused", "failed", "finished"]

_OFF_NS = 2 * SECOND
"""A frame whose own time is off by more tells nothing: it counts from when it came."""
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)


class RecordChanged(Event, frozen=True, kw_only=True):
    """A record began, ended, or will not be: ``recording``, ``refused``, ``failed``, ``finished``."""

    node: str
    state: str
    detail: str = ""
    """The file with its lines, or why not."""


class Recorder(Processor):
    """Keep the call as it was heard: the caller left, the agent right, and all that happened as JSON lines beside.

    The agent's side is what was played to the caller: speech that was cut is cut here. The extension of ``path``
    names the format: wav, flac, opus, ogg. Files have ``.part`` in their names until the call is over, and are readable
    as far as they go. The call never waits for the disk: one that is full ends the record, not the call.

    Tools and programs find it as ``call.resource(Recorder)``: ``consent``, ``pause`` and ``resume``.

    Example:
        recorder: {path: "calls/{{call.id}}.flac"}
    """

    kind = "sink"
    emits = (RecordChanged,)

    def __init__(
        self,
        *,
        path: Annotated[
            Path, CallFile(shared=True), Doc("the file with the sound; JSON lines of the same name beside it")
        ],
        layout: Annotated[
            Literal["stereo", "apart"], Doc("one file of two channels, or a file for each side")
        ] = "stereo",
        rate: Annotated[Hertz, Range(8_000, 48_000), Doc("samples per second of the sound")] = 24_000,
        announce: Annotated[str, Doc("what the agent says before its greeting")] = "",
        consent: Annotated[
            Consent | None, Doc("how the caller is asked first; left out, nobody is asked")
        ] = None,
        keep_for: Annotated[
            int | None,
            Unit("ns"),
            Range(60 * SECOND, None),
            Doc("age at which records of this agent are deleted"),
        ] = None,
        max_size: Annotated[
            int | None,
            Unit("B"),
            Range(1_000_000, None),
            Doc("room for all its records; the oldest are deleted first"),
        ] = None,
        upload: Annotated[Upload | None, Doc("what is done with a record after the call")] = None,
        caller: Annotated[str, Doc("node that is the caller's voice; left out, the microphone")] = "",
        ear: Annotated[str, Doc("node that plays to the caller; left out, the loudspeaker")] = "",
    ) -> None:
        self._path = path
        self._layout = layout
        self._rate = rate
        self._announce = announce
        self._consent = consent
        self._upload = upload
        self._voice, self._ear = caller, ear
        self._send: Callable[..., Any] | None = None
        self._undo: list[Callable[[], None]] = []
        self._latencies = Latencies()
        self._asking: Asking | None = None
        self._state: State = "waiting"
        self._record: FinishedRecord | None = None
        self._paused = False
        self._spool: Spool | None = None
        self._began_ns = 0

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        """The folder must be there, the extension be one that can be written, the question be asked by somebody."""
        path: Path = options["path"]
        if path.suffix not in FORMATS:
            yield OptionFault(
                "path",
                f"a record cannot be a `{path.suffix or path.name}`",
                f"use one of {', '.join(FORMATS)}",
            )
        elif path.suffix in (".opus", ".ogg") and options.get("rate", 24_000) not in _OPUS_RATES:
            yield OptionFault("rate", "Opus does not have this rate", "use 8, 12, 16, 24 or 48 kHz")
        folder = fixed_folder(path)
        if not folder.is_dir() and not folder.parent.is_dir():
            yield OptionFault("path", f"there is no folder {folder.parent}", "create it first")
        if (consent := options.get("consent")) is not None and not (consent.ask or consent.input):
            yield OptionFault("consent", "nobody is asked", "write `ask:` with the question, or `input:`")
        if (wish := options.get("upload")) is not None:
            if not wish.command and wish.function is None:
                yield OptionFault(
                    "upload", "nothing is done with a record", "write `command:` or `function:`"
                )
            try:
                function_of(wish.function)
            except ConfigError as error:
                for problem in error.problems:
                    yield OptionFault(
                        ("upload", "function"), problem.message, problem.hint, code=problem.code
                    )

    # For programs and tools --------------------------------------------------------------------

    @property
    def state(self) -> State:
        """``waiting`` for a yes, ``recording``, ``refused``, ``failed``, ``finished``."""
        return self._state

    @property
    def record(self) -> FinishedRecord | None:
        """The record, once its files are in their place."""
        return self._record

    def consent(self, given: bool) -> None:
        """The caller has agreed, or not. A no, also a later one, leaves nothing on the disk; it is final."""
        if given and self._state == "waiting":
            self._begin()
        elif not given and self._state in ("waiting", "recording"):
            self._refuse("the caller does not want it")

    def pause(self) -> None:
        """Leave out what is said from now on (the number of a card): there is silence in its place."""
        self._paused = True

    def resume(self) -> None:
        """Go on after ``pause``."""
        self._paused = False

    # In the call -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Look at the caller's voice and ear, and begin unless somebody has to agree first."""
        if self._upload is not None:
            self._send = function_of(self._upload.function)
        call = self.call
        nodes = call.running.nodes
        voice = self._voice or next((".".join(port) for port in voices_of(nodes)), "")
        node, _, port = voice.partition(".")
        if not port:
            voice = next((".".join(found) for found in voices_of(nodes) if found[0] == node), voice)
        ears = [self._ear] if self._ear else ears_of(nodes, node)
        for option, name in (("caller", self._voice and node), ("ear", self._ear)):
            if name and name not in nodes:
                hint = f"there are {', '.join(nodes)}"
                raise StartError(self.name, f"there is no node `{name}` (option {option})", remedy=hint)
        self._undo = [call.events.subscribe(Event, self._see)]
        if voice:
            self._undo.append(call.running.tap(voice, self._said))
            outputs = ports_of(nodes[node].processor)
            for name, take in (("text", self._typed), ("keys", self._pressed)):
                if name in outputs and outputs[name].direction == "out":
                    self._undo.append(call.running.tap(f"{node}.{name}", take))
        if ears:
            self._undo.append(call.ears.listen(ears[0], self))
        call.provide(Recorder, self)
        if self._consent is None:
            self._begin()
        else:
            self._hear_consent(self._consent)
        if self._announce and self._state != "refused":
            call.opening.before.append(self._announce)

    def _hear_consent(self, consent: Consent) -> None:
        """Whether the caller has agreed before the call; else they are asked."""
        given = self.call.inputs.get(consent.input) if consent.input else None
        if isinstance(given, bool):
            self.consent(given)
        elif consent.ask:
            self.call.opening.after.append(consent.ask)
            self._asking = Asking(consent)
        else:
            # Whatever else it is, it is no yes.
            self.log.error("the input `%s` says neither yes nor no: is it boolean?", consent.input)
            self._refuse("nobody agreed to it")

    async def stop(self) -> None:
        """Look no more. A call that goes on without its recorder ends the record here."""
        for undo in self._undo[1:]:
            undo()
        if not self.call.running.over:
            self._undo[0]()
            await self._finish("the recorder was taken out")

    def heard(self, samples: Pcm, rate: int, at_ns: int) -> None:
        """What is played to the caller."""
        if spool := self._keeping:
            spool.sound("agent", samples, rate, at_ns)
        self._tick()

    def unheard(self, at_ns: int) -> None:
        """What was told is not played from ``at_ns`` on."""
        if spool := self._keeping:
            spool.cut(at_ns)

    def _said(self, frame: Any) -> None:
        if not isinstance(frame, AudioFrame):
            return
        if spool := self._keeping:
            now_ns, at_ns = self.call.clock.now_ns(), frame.time_ns
            if not -_OFF_NS < at_ns + frame.duration_ns - now_ns < frame.duration_ns:
                at_ns = now_ns - frame.duration_ns
            spool.sound("caller", frame.samples, frame.rate, at_ns)
        self._tick()

    def _typed(self, frame: Any) -> None:
        if isinstance(frame, TextFrame):
            self._note({"type": "typed", "text": frame.text})

    def _pressed(self, frame: Any) -> None:
        if isinstance(frame, DtmfFrame) and not self._paused:
            self._note({"type": "pressed", "key": frame.key, "held_ms": frame.held_ns // MS})

    def _see(self, event: Event) -> Any:
        """Every event of the call; at the last one the record is finished, which the end of the call waits for."""
        latency = self._latencies.see(event)
        if self._asking is not None and self._state == "waiting":
            self._follow(self._asking.see(event))
        if spool := self._recording:
            began_ns = self._began_ns
            spool.line(lambda: event_line(event, began_ns))
            if latency is not None:
                spool.line(lambda: latency_line(latency, began_ns))
        if isinstance(event, CallEnded):
            return self._finish(event.reason)
        return None

    @property
    def _recording(self) -> Spool | None:
        """Where lines go, while there is a record."""
        return self._spool if self._state == "recording" else None

    @property
    def _keeping(self) -> Spool | None:
        """Where sound goes, while it is kept."""
        return None if self._paused else self._recording

    def _note(self, line: Json) -> None:
        if spool := self._recording:
            made = {"time_s": round((self.call.clock.now_ns() - self._began_ns) / SECOND, 3), **line}
            spool.line(lambda: made)

    # Whether it records --------------------------------------------------------------------------

    def _follow(self, verdict: str | None) -> None:
        if verdict == "ask_again":
            assert self._consent is not None
            self.call.running.prompt(f'Say exactly: "{self._consent.ask}"')
        elif verdict is not None:
            self.consent(verdict == "yes")

    def _begin(self) -> None:
        self._state = "recording"
        self._began_ns = self.call.clock.now_ns()
        head = Head(
            call=self.call.id,
            agent=self.call.agent,
            began=datetime.fromtimestamp(day_time_ns() / SECOND, UTC).isoformat(timespec="milliseconds"),
            call_time_s=round(self._began_ns / SECOND, 3),
            rate=self._rate,
            layout=self._layout,
            audio=(),
            identity=self.call.identity,
            inputs=dict(self.call.inputs),
        )
        self._spool = self._open(head)
        self._tell("recording", str(self._path))

    def _open(self, head: Head) -> Spool:
        """The way of this record to the disk."""
        return Spool(
            RecordWriter(self._path, head, self._began_ns),
            f"record of {self.call.id}",
            self._began_ns,
            self.log,
            failed=self._fail,
            kept=self._after,
        )

    def _refuse(self, why: str) -> None:
        """Nothing is kept, nothing is left."""
        self._state = "refused"
        if self._spool is not None:
            self._spool.discard()
        self.log.info("the call is not recorded: %s", why)
        self._tell("refused", why)

    def _fail(self, why: str) -> None:
        """Told once; the call goes on."""
        if self._state != "recording":
            return
        self._state = "failed"
        self.log.error("the record ends here, the call goes on: %s", why)
        self._tell("failed", why)

    def _tell(self, state: str, detail: str) -> None:
        events = self.call.events
        if events.wants(RecordChanged):
            events.publish(
                RecordChanged(time_ns=self.call.clock.now_ns(), node=self.name, state=state, detail=detail)
            )

    # The way to the disk -------------------------------------------------------------------------

    def _tick(self) -> None:
        now_ns = self.call.clock.now_ns()
        if self._asking is not None and self._state == "waiting":
            self._follow(self._asking.tick(now_ns))
        spool = self._recording
        if spool is None or not spool.is_due(now_ns):
            return
        if (self._announce or self._asking is not None) and not self.call.opening.taken:
            # Without its announcement there must be no record.
            self.log.error("nobody in this agent says what is to be said before a record: %s", self._announce)
            self._refuse("nobody announces it")
            return
        spool.hand_over(now_ns)

    async def _finish(self, reason: str) -> None:
        if self._state == "waiting":
            self._refuse("nobody agreed to it")
        spool = self._recording
        if spool is None:
            return
        record = await spool.finish(self.call.clock.now_ns(), reason)
        if record is not None:
            self._state, self._record = "finished", record
            self._tell("finished", str(record.lines))

    def _after(self, record: FinishedRecord) -> None:
        """In the record's thread: what is done with it."""
        if self._record is None:
            self._record = record
        if self._upload is not None:
            upload(record, self._upload, self._send)
        retention = retention_of(self.call.running.written.get(self.name), record.agent)
        if retention is not None:
            retention.apply(day_time_ns())
