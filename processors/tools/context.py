"""``ToolContext``: what a tool sees of its call, and what it may do in it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from ...pipeline.events import ToolProgress, TransferAsked
from ...pipeline.frames import ToolCallFrame
from ...pipeline.running.context import CallContext
from .consent import Consents
from .errors import ToolError
from .result_cache import wish_key
from .spoken import Said, SpokenSoFar
from .state import StateKind, state_of
from .transfer import TransferDesk
from .voice import Voice

__all__ = ["NotConfirmed", "ToolContext", "ToolDesk", "needs_consent", "one_at_a_time"]

S = TypeVar("S")
R = TypeVar("R")


class NotConfirmed(ToolError):
    """The caller has not agreed yet: the model is told to ask, and to call again."""


def needs_consent(name: str, question: str) -> NotConfirmed:
    """What the model is told when the caller must be asked first."""
    asked = (
        f'Ask the caller: "{question}"' if question else "Tell the caller what you are about to do and ask"
    )
    return NotConfirmed(
        "not done: the caller has not agreed to it yet",
        hint=f"{asked}. When the caller has said yes, call {name} again with exactly the same arguments.",
    )


def one_at_a_time(name: str) -> NotConfirmed:
    """What the model is told while the caller has another question to answer."""
    return NotConfirmed(
        "not done, and not to be asked yet: the caller has not answered the question before",
        hint=f"One question at a time: when the caller has answered that, call {name} again.",
    )


class ToolDesk:
    """What the tools of one router share in one call."""

    def __init__(
        self,
        node: str,
        call: CallContext,
        log: logging.LoggerAdapter[logging.Logger],
        consents: Consents,
        voices: Callable[[], list[Voice]],
        state: StateKind | None = None,
        own_state: frozenset[str] = frozenset(),
    ) -> None:
        self.node = node
        self.call = call
        self.log = log
        self.consents = consents
        self.spoken = SpokenSoFar()
        self.voices = voices
        self.state = state
        self.own_state = own_state
        """The personas whose tools keep state of their own."""
        self.wishes: dict[str, tuple[str, dict[str, Any]]] = {}
        """What was asked of the caller, by its key in ``consents``."""
        self.fillers: set[str] = set()
        """What is said now to fill a silence."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def soon(self, action: Callable[[], object]) -> None:
        """Do ``action`` on the call's loop: at once when this is its thread."""
        if threading.get_ident() == self._thread:
            action()
        else:
            self._loop.call_soon_threadsafe(action)

    def say(self, text: str) -> Callable[[], None]:
        """Have the agent say ``text``; what is returned calls it off."""
        stops = [voice.say_line(text) for voice in self.voices()]
        if not stops:
            self.log.warning("%s: nobody in this call can say %r for a tool", self.node, text[:60])

        def call_off() -> None:
            for stop in stops:
                stop()

        return call_off

    def wish(self, name: str, arguments: Mapping[str, Any], key: str) -> bool:
        """The caller is to be asked for this; false while they have another question to answer."""
        if not self.consents.ask(key, self.call.clock.now_ns()):
            return False
        self.wishes = {kept: one for kept, one in self.wishes.items() if self.consents.knows(kept)}
        self.wishes[key] = (name, dict(arguments))
        return True


class ToolContext(Generic[S]):
    """The call, for a tool that has a parameter annotated with this class; the model does not see the parameter::

        @dataclass
        class Visit:
            booked: int = 0


        def book(call: ToolContext[Visit], day: str) -> str:
            call.state.booked += 1
            call.log.info("for %s", call.identity)
            return f"booked for {day}"

    Everything in it may be used from the threads in which plain functions run.
    """

    def __init__(
        self,
        desk: ToolDesk,
        frame: ToolCallFrame,
        *,
        progress: str = "text",
        keep: Callable[[], Callable[[], None]] | None = None,
    ) -> None:
        self._desk = desk
        self._frame = frame
        self._progress = progress
        self._keep = keep
        self._state_kind: StateKind | None = desk.state
        self.log: logging.LoggerAdapter[logging.Logger] = desk.log
        """A logger that tells node and call."""

    # What is known -------------------------------------------------------------------------------

    @property
    def call(self) -> CallContext:
        """The running call itself, as boxes have it."""
        return self._desk.call

    @property
    def call_id(self) -> str:
        """The call's own name."""
        return self._desk.call.id

    @property
    def tool_call_id(self) -> str:
        """The name of this one use of the tool, as events have it."""
        return self._frame.id

    @property
    def agent(self) -> str:
        """The name of the agent."""
        return self._desk.call.agent

    @property
    def identity(self) -> str:
        """Who calls, as whoever let the caller in knows it; empty where nobody was asked."""
        return self._desk.call.identity

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The values of the agent's inputs in this call, by name."""
        return self._desk.call.inputs

    @property
    def idempotency_key(self) -> str:
        """The same for the same wish of the caller, however often the model asks for it."""
        return self._frame.idempotency_key

    @property
    def transcript(self) -> tuple[Said, ...]:
        """What was said so far, oldest first: of the agent what was heard of it."""
        return self._desk.spoken.all

    @property
    def state(self) -> S:
        """What tools keep for the length of this call: the class in ``ToolContext[...]``, else what ``state`` declares.

        Raises ``LookupError`` where neither says what it is.
        """
        if self._state_kind is None:
            raise LookupError(
                "no state is declared: annotate the parameter with ToolContext[YourDataclass], or give the tool "
                "router the option `state`"
            )
        persona = self._frame.agent
        whose = persona if persona in self._desk.own_state else ""
        made: S = state_of(self._desk.call, self._state_kind, whose)
        return made

    def resource(self, kind: type[R]) -> R | None:
        """What was given to the call under this type, or ``None``."""
        return self._desk.call.resource(kind)

    # What it may do: all of it returns at once ------------------------------------------------------

    def say(self, text: str) -> None:
        """Have the agent say exactly ``text`` as soon as it is silent, while the tool goes on."""
        self._desk.soon(lambda: self._desk.say(text))

    def progress(self, text: str = "", *, fraction: float | None = None) -> None:
        """Tell how far it is: ``fraction`` from 0 to 1. The page shows it; with ``progress: speech`` it is said."""
        if self._progress == "off":
            return
        spoken = self._progress == "speech" and bool(text)
        self._desk.soon(lambda: self._tell_progress(text, fraction, spoken=spoken))

    def ask_to_confirm(self, question: str) -> bool:
        """Whether the caller has answered ``question`` with yes.

        The first time it does not return: the tool ends here, the model is told to ask the caller, and to call the
        tool again with the same arguments; then this gives what the caller was heard to say. So it stands before
        anything that has consequences. A yes counts once.
        """
        desk = self._desk
        key = f"{wish_key(self._frame.name, self._frame.args)} {question}"
        verdict = desk.consents.verdict(key, desk.call.clock.now_ns())
        if verdict in ("yes", "no"):
            desk.consents.spend(key)
            return verdict == "yes"
        if verdict == "unasked" and not desk.wish(self._frame.name, self._frame.args, key):
            raise one_at_a_time(self._frame.name)
        raise needs_consent(self._frame.name, question)

    def transfer(self, to: str, *, summary: str = "", reason: str = "") -> None:
        """Hand the caller on to ``to``: a colleague's name, a SIP URI or a telephone number, with a ``summary``."""
        self._desk.soon(lambda: self._hand_over(to, summary, reason))

    def end_call(self, text: str = "") -> None:
        """End the call when what the agent says has been heard, and ``text`` after it where that is given."""
        self._desk.soon(lambda: self._end(text))

    # ---------------------------------------------------------------------------------------------

    def with_state(self, kind: StateKind) -> ToolContext[Any]:
        """For the router: the same context whose state is of ``kind``."""
        made: ToolContext[Any] = ToolContext(
            self._desk, self._frame, progress=self._progress, keep=self._keep
        )
        made._state_kind = kind
        return made

    def keep_busy(self) -> Callable[[], None]:
        """For tools that cannot be stopped: what they hold alone stays theirs until what is returned is called."""
        return self._keep() if self._keep is not None else lambda: None

    def _tell_progress(self, text: str, fraction: float | None, *, spoken: bool) -> None:
        call = self._desk.call
        if call.events.wants(ToolProgress):
            call.events.publish(
                ToolProgress(
                    time_ns=call.clock.now_ns(),
                    id=self._frame.id,
                    name=self._frame.name,
                    text=text,
                    fraction=fraction,
                )
            )
        if spoken:
            self._desk.say(text)

    def _hand_over(self, to: str, summary: str, reason: str) -> None:
        call = self._desk.call
        if call.events.wants(TransferAsked):
            now_ns = call.clock.now_ns()
            call.events.publish(TransferAsked(time_ns=now_ns, to=to, summary=summary, reason=reason))
        desk = call.resource(TransferDesk)  # type: ignore[type-abstract]  # a Protocol is a key like any other
        if desk is not None:
            desk.transfer(to, summary, reason)

    def _end(self, text: str) -> None:
        self._desk.call.end_after_speech(text, detail=f"the tool {self._frame.name} ended it")
