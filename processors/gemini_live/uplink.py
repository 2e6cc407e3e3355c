"""What goes up, as messages in the outbox: sound, turns that we mark, texts, context, pictures, results."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...liveapi import (
    Blob,
    ClientContent,
    ClientMessage,
    Content,
    ContextTools,
    ContextUpdate,
    FunctionResponse,
    RealtimeInput,
    Tool,
    ToolResponse,
    encode_client,
)
from ...liveapi.models import ModelCapabilities
from ...pipeline.frames import AudioFrame, SpeechEndFrame, SpeechStartFrame
from ...pipeline.running.context import CallContext
from ...pipeline.units import MS, SECOND
from .capture.activity import ActivityWindow, Step
from .capture.idle import IdleTimer
from .dialogue.calls import Late, told_late
from .dialogue.protocol import LiveProtocol
from .session.outbox import Kind, Outbox

__all__ = ["Uplink"]

_STREAM_IDLE_NS = 1 * SECOND
"""A microphone silent for longer is closed for the service, which else waits for the end of a sentence."""
_ON_THE_WAY_NS = 250 * MS
"""What was sent later than that before an answer began is not what is answered."""


class Uplink:
    """Fills the outbox of one call. Everything returns at once.

    Args:
        can: what the model takes.
        pre_roll_ns: with turns marked by us, how far before its onset a turn begins; ``None``: the service finds the
            turns.
        warn: told once of what is lost.
    """

    def __init__(
        self,
        call: CallContext,
        outbox: Outbox,
        protocol: LiveProtocol,
        can: ModelCapabilities,
        pre_roll_ns: int | None,
        warn: Callable[[str], None],
    ) -> None:
        self._call = call
        self._outbox = outbox
        self._protocol = protocol
        self._can = can
        self._warn = warn
        self._window = None if pre_roll_ns is None else ActivityWindow(pre_roll_ns)
        self._idle = IdleTimer(call.clock, _STREAM_IDLE_NS, lambda: self._signal(Kind.STREAM_END))
        self._warned: set[str] = set()

    # Sound and turns ---------------------------------------------------------------------------

    def audio(self, frame: AudioFrame) -> None:
        """The user's sound."""
        if self._window is not None:
            self._take(self._window.audio(frame, self._call.turns.state))
            return
        self._put_audio(frame)
        self._idle.touch()

    def speech(self, frame: SpeechStartFrame | SpeechEndFrame) -> None:
        """A detector of ours hears the user begin or end; it counts where the service does not listen for itself."""
        if self._window is None:
            return
        if isinstance(frame, SpeechStartFrame):
            self._take(self._window.started(frame.time_ns, self._call.turns.state))
        else:
            self._take(self._window.stopped())

    def interrupted(self) -> None:
        """The conversation has settled that the user interrupts."""
        if self._window is not None:
            self._take(self._window.decide(self._call.turns.state))

    @property
    def user_open(self) -> bool:
        """Whether a turn of the user that we mark is open."""
        return self._window is not None and self._window.open

    def end(self) -> None:
        """The user will say no more."""
        if self._window is not None:
            self._take(self._window.stopped())
        elif self._idle.armed:
            self._idle.cancel()
            self._signal(Kind.STREAM_END)

    def close(self) -> None:
        """The call is over."""
        self._idle.cancel()

    def _put_audio(self, frame: AudioFrame) -> None:
        self._outbox.put_audio(frame.samples, frame.rate)
        if self._outbox.dropped_ns:
            self._warn_once("too much audio waits to be sent: the oldest is dropped")

    def _take(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if isinstance(step, AudioFrame):
                self._put_audio(step)
            elif step == "start":
                self._signal(Kind.START)
            else:
                self._signal(Kind.END)
                self._protocol.expects_answer()

    # Messages ----------------------------------------------------------------------------------

    def text(self, text: str) -> None:
        """What the user wrote: it is answered."""
        self._send(ClientMessage(realtime_input=RealtimeInput(text=text)), plain=text)
        self._protocol.expects_answer()

    def context(self, text: str, *, reply: bool) -> bool:
        """Text for the model to know, and to answer if asked to; ``False`` when this model takes none."""
        if self._can.client_content == "any_time":
            turns = [Content.of_text(text, "user")]
            self._send(ClientMessage(client_content=ClientContent(turns, reply)))
        elif reply:
            self._send(ClientMessage(realtime_input=RealtimeInput(text=text)))
        else:
            return False
        if reply:
            self._protocol.expects_answer()
        return True

    def greet(self, greeting: str) -> None:
        """Have the model speak first."""
        self.context(f'Greet the caller now. Say exactly: "{greeting}"', reply=True)

    def update(self, instructions: Content | None, tools: list[Tool] | None) -> bool:
        """New instructions or tools; ``False`` when this model takes them with a new connection only."""
        if not self._can.context_update:
            return False
        wrapped = None if tools is None else ContextTools(tools)
        self._send(ClientMessage(context_update=ContextUpdate(instructions, wrapped)))
        return True

    def respond(self, given: list[FunctionResponse] | Late) -> None:
        """A function's result."""
        if isinstance(given, Late):
            self.context(given.text, reply=True)
        elif given:
            first = given[0]
            told = RealtimeInput(text=told_late(first.name, first.response or {}))
            plain = encode_client(ClientMessage(realtime_input=told)).decode()
            self._send(ClientMessage(tool_response=ToolResponse(given)), Kind.RESULT, plain)

    def picture(self, jpeg: bytes) -> None:
        """What the user's camera shows."""
        blob = Blob(jpeg, "image/jpeg")
        message = encode_client(ClientMessage(realtime_input=RealtimeInput(video=blob)))
        self._outbox.put_picture(message.decode())

    def show(self, data: bytes, mime_type: str) -> None:
        """A picture that belongs to a function's result; none in front of it is replaced."""
        blob = Blob(data, mime_type)
        message = encode_client(ClientMessage(realtime_input=RealtimeInput(video=blob)))
        self._outbox.put(message.decode(), Kind.PICTURE)

    def answering(self) -> None:
        """The model begins to answer: it has taken in what it was sent before."""
        self._outbox.answered(self._call.clock.now_ns() - _ON_THE_WAY_NS)

    def _signal(self, kind: Kind) -> None:
        self._outbox.signal(kind)

    def _send(self, message: ClientMessage, kind: Kind = Kind.TEXT, plain: str = "") -> None:
        if not self._outbox.put(encode_client(message).decode(), kind, plain):
            self._warn_once("too many messages wait to be sent: one is dropped")

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)
