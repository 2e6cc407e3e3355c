"""What goes up, as messages in the outbox: sound, turns that we mark, texts, context, pictures, results.

Methods that may end the user's turn, or ask for an answer, say so: ``True`` when an answer is due from now on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from msgspec import structs

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
from ...pipeline.turns.controller import TurnState
from ...pipeline.units import MS, SECOND
from .answers.decisions import AskAgain
from .answers.prompts import prompt
from .capture.activity import ActivityWindow, Step
from .capture.idle import IdleTimer
from .dialogue.calls import Late, told_late
from .session.outbox import Kind, Outbox

__all__ = ["Uplink"]

_STREAM_IDLE_NS = 1 * SECOND
"""A microphone silent for longer is closed for the service, which else waits for the end of a sentence."""
_TOO_BIG = "the result was too big to be sent"
_RATE = 16_000
_ON_THE_WAY_NS = 250 * MS
"""What was sent later than that before an answer began is not what is answered."""


class Uplink:
    """Fills the outbox of one call. Everything returns at once.

    Args:
        can: what the model takes.
        pre_roll_ns: with turns marked by us, how far before its onset a turn begins; ``None``: the service finds the
            conversation.
        trailing_ns: silence that is sent when the user's sound ends, for a model that has to hear the end.
        warn: told once of what is lost.
    """

    def __init__(
        self,
        call: CallContext,
        outbox: Outbox,
        can: ModelCapabilities,
        pre_roll_ns: int | None,
        trailing_ns: int,
        warn: Callable[[str], None],
    ) -> None:
        self._call = call
        self._outbox = outbox
        self._can = can
        self._warn = warn
        self._trailing_ns = trailing_ns
        self._window = None if pre_roll_ns is None else ActivityWindow(pre_roll_ns)
        self._idle = IdleTimer(call.clock, _STREAM_IDLE_NS, self._stream_ends)
        self._warned: set[str] = set()

    # Sound and turns ---------------------------------------------------------------------------

    def audio(self, frame: AudioFrame) -> bool:
        """The user's sound."""
        if self._window is not None:
            return self._take(self._window.audio(frame, self._heard_in))
        self._put_audio(frame)
        self._idle.touch()
        return False

    def speech(self, frame: SpeechStartFrame | SpeechEndFrame) -> bool:
        """A detector of ours hears the user begin or end; it counts where the service does not listen for itself."""
        if self._window is None:
            return False
        if isinstance(frame, SpeechStartFrame):
            return self._take(self._window.started(frame.time_ns, self._heard_in))
        return self._take(self._window.stopped())

    def interrupted(self) -> bool:
        """The conversation has settled that the user interrupts."""
        return self._window is not None and self._take(self._window.decide(self._heard_in))

    @property
    def user_open(self) -> bool:
        """Whether a turn of the user that we mark is open."""
        return self._window is not None and self._window.open

    def end(self) -> bool:
        """The user will say no more."""
        if self._window is not None:
            return self._take(self._window.stopped())
        if self._idle.armed:
            self._idle.cancel()
            self._stream_ends()
        return False

    def close(self) -> None:
        """The call is over."""
        self._idle.cancel()

    @property
    def _heard_in(self) -> TurnState:
        """What the conversation is doing, for the user's turns: an agent that gives way to nobody is talked over."""
        conversation = self._call.conversation
        speaking = conversation.state is TurnState.SPEAKING and not conversation.gives_way
        return TurnState.LISTENING if speaking else conversation.state

    def _put_audio(self, frame: AudioFrame) -> None:
        self._outbox.put_audio(frame.samples, frame.rate)
        if self._outbox.dropped_ns:
            self._warn_once("too much audio waits to be sent: the oldest is dropped")

    def _take(self, steps: Iterable[Step]) -> bool:
        ended = False
        for step in steps:
            if isinstance(step, AudioFrame):
                self._put_audio(step)
            elif step == "start":
                self._signal(Kind.START)
            else:
                self._signal(Kind.END)
                ended = True
        return ended

    def _stream_ends(self) -> None:
        """The microphone is closed for now."""
        if self._trailing_ns:
            # Such a model waits for silence that it can hear, whatever it is told.
            self._outbox.put_audio(np.zeros(_RATE * self._trailing_ns // SECOND, np.int16), _RATE)
        self._signal(Kind.STREAM_END)

    # Messages ----------------------------------------------------------------------------------

    def text(self, text: str) -> None:
        """What the user wrote: it is answered."""
        self._send(ClientMessage(realtime_input=RealtimeInput(text=text)), plain=text)

    def context(self, text: str, *, reply: bool, kind: Kind = Kind.TEXT) -> bool:
        """Text for the model to know, and to answer if asked to; ``False`` when this model takes none."""
        if self._can.client_content == "any_time":
            turns = [Content.of_text(text, "user")]
            self._send(ClientMessage(client_content=ClientContent(turns, reply)), kind)
        elif reply:
            self._send(ClientMessage(realtime_input=RealtimeInput(text=text)), kind)
        else:
            return False
        return True

    def greet(self, greeting: str) -> None:
        """Have the model speak first."""
        self.context(f'Greet the caller now. Say exactly: "{greeting}"', reply=True)

    def say(self, text: str) -> None:
        """Have the model say ``text``, word for word."""
        self.context(f'Say exactly: "{text}"', reply=True)

    def ask_again(self, ask: AskAgain) -> None:
        """Have the model answer what it has not answered."""
        self.context(prompt(ask), reply=True, kind=Kind.NUDGE)

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
            # One that nobody is to speak of is in the history, which is all that such a model can be told silently.
            self.context(given.text, reply=not given.silent)
        elif given:
            first = given[0]
            plain = ""
            if first.scheduling != "SILENT":
                told = RealtimeInput(text=told_late(first.name, first.response or {}))
                plain = encode_client(ClientMessage(realtime_input=told)).decode()
            too_big = [structs.replace(one, response={"error": _TOO_BIG}, parts=[]) for one in given]
            refusal = encode_client(ClientMessage(tool_response=ToolResponse(too_big))).decode()
            self._send(ClientMessage(tool_response=ToolResponse(given)), Kind.RESULT, plain, refusal)

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

    def _send(
        self, message: ClientMessage, kind: Kind = Kind.TEXT, plain: str = "", refusal: str = ""
    ) -> None:
        if not self._outbox.put(encode_client(message).decode(), kind, plain, refusal):
            self._warn_once("too many messages wait to be sent: one is dropped")

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)
