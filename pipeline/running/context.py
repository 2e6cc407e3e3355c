"""What a processor sees of the call that it runs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..clock import Clock
from ..end_reason import EndReason
from ..events import EventBus
from ..turns.conversation import Conversation
from .call_functions import CallFunction
from .call_log import CallLog, LogPolicy
from .ears import Ears

if TYPE_CHECKING:
    from ..graph.declarations import NodeSpec
    from .host import Host

__all__ = ["CallContext", "Opening", "Running", "set_idempotency_key"]

R = TypeVar("R")

_idempotency_key: ContextVar[str] = ContextVar("livegraph_idempotency_key", default="")


def set_idempotency_key(key: str) -> None:
    """What ``CallContext.idempotency_key`` gives in this task, and in threads that it starts."""
    _idempotency_key.set(key)


class Backlog(Protocol):
    """Where frames wait outside of any edge."""

    @property
    def full(self) -> bool:
        """Whether so much waits that a source which can wait should."""
        ...

    async def room(self) -> None:
        """Return as soon as it is not full."""
        ...


@dataclass(slots=True)
class Opening:
    """What whoever speaks first says besides its greeting. Boxes put sentences in when they start."""

    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    taken: bool = False
    """Whether somebody says it."""

    def around(self, greeting: str) -> str:
        """``greeting`` with all that is to be said; from now on it counts as taken."""
        self.taken = True
        return " ".join(part.strip() for part in (*self.before, greeting, *self.after) if part.strip())


class Running(Protocol):
    """What a box can ask of the call that it runs in."""

    @property
    def over(self) -> bool:
        """Whether the call ends."""
        ...

    @property
    def nodes(self) -> Mapping[str, NodeSpec]:
        """Its graph as it is now."""
        ...

    @property
    def written(self) -> Mapping[str, NodeSpec]:
        """The same as they were written: with names of files that are not filled in."""
        ...

    def tap(self, output: str, observer: Callable[[Any], object]) -> Callable[[], None]:
        """As ``Call.tap``."""
        ...

    def prompt(self, text: str) -> bool:
        """As ``Call.prompt``."""
        ...


class CallContext:
    """``self.call`` of a processor: the clock, the events, the conversation, and what the caller brought along."""

    def __init__(
        self,
        call_id: str,
        clock: Clock,
        events: EventBus,
        conversation: Conversation,
        resources: Mapping[type, Any],
        end: Callable[[str, str], None],
        log: CallLog | None = None,
        inputs: Mapping[str, Any] | None = None,
        identity: str = "",
        agent: str = "",
        running: Running | None = None,
    ) -> None:
        self.id = call_id
        self.agent = agent
        """The name of the agent: of the plan that the call was made from."""
        self.inputs: Mapping[str, Any] = MappingProxyType(dict(inputs or {}))
        """The values of the agent's inputs in this call, by name."""
        self.identity = identity
        """Who calls, as whoever let the caller in knows it; empty where nobody was asked."""
        self.clock = clock
        self.events = events
        self._node = ""
        self.conversation = conversation
        """The conversation of the call, as this node has it."""
        self.log = log or CallLog(LogPolicy())
        """What boxes log by; ``self.log`` of a box adds its name."""
        self.backlogs: list[Backlog] = []
        """Where sound waits outside of any edge, such as in front of a service: a source that is faster than real time
        waits while one of them is full."""
        self.shelf: dict[Any, Any] = {}
        """What boxes keep for each other for the length of the call, by keys of theirs."""
        self.ears = Ears()
        """Who listens to what is played to the caller."""
        self.opening = Opening()
        """What is said at the start, besides the greeting."""
        self._running = running
        self._resources = dict(resources)
        self._end = end
        self.functions: list[CallFunction] = []
        """Functions of the call itself, for every model in it. To be added before the nodes start."""
        self.host: Host | None = None
        """Who sees to the manners of the call; where there is none, the call is ended and nothing more."""

    def at(self, node: str) -> CallContext:
        """What the processor of ``node`` is given: the same, and turns that it opens are its own."""
        mine = object.__new__(CallContext)
        own = self.__dict__.copy()
        own["_node"] = node
        own["conversation"] = self.conversation.seat(node)
        mine.__dict__ = own
        return mine

    def resource(self, kind: type[R]) -> R | None:
        """What was given to the call under the type ``kind`` (a peer connection, a connector), or ``None``."""
        return self._resources.get(kind)

    def provide(self, kind: type[R], value: R) -> None:
        """From now on ``resource(kind)`` gives ``value`` to boxes and tools of this call."""
        self._resources[kind] = value

    def heard(self, samples: Any, rate: int, at_ns: int) -> None:
        """For a box that plays sound: the caller hears ``samples`` from ``at_ns`` of the call's clock on.

        To be told of silence as well, so that the sound is one stream; a record is made of it.
        """
        for ear in self.ears.of(self._node):
            ear.heard(samples, rate, at_ns)

    def unheard(self, at_ns: int) -> None:
        """For a box that told more than was played, when that was cut: from ``at_ns`` on nothing of it is heard."""
        for ear in self.ears.of(self._node):
            ear.unheard(at_ns)

    @property
    def running(self) -> Running:
        """The call itself, for boxes that look at others. Raises ``RuntimeError`` outside of one."""
        if self._running is None:
            raise RuntimeError("there is no call")
        return self._running

    @property
    def idempotency_key(self) -> str:
        """In a tool: a key that is the same for the same wish of the user, however often the model asks for it.

        Pass it on to whoever books or pays, so that a repeated request is recognised. Empty elsewhere.
        """
        return _idempotency_key.get()

    def end(self, reason: EndReason | str, detail: str = "") -> None:
        """Ask the call to end now (a hang-up). Returns at once; the first reason counts."""
        self._end(reason, detail)

    def end_after_speech(
        self, text: str = "", reason: EndReason | str = EndReason.GOODBYE, detail: str = ""
    ) -> None:
        """Ask the call to end once ``text`` was said and heard; see ``Call.end_after_speech``."""
        if self.host is None:
            self._end(reason, detail)
        else:
            self.host.end_after_speech(text, reason, detail)

    def say(self, text: str) -> bool:
        """Have the agent say ``text`` now, word for word; whether anybody can."""
        return self.host is not None and self.host.say(text)

    def redacted(self, value: Any) -> Any:
        """A text or JSON without what nobody may write down: for boxes that do (see ``guard_rails``)."""
        redact = self.events.redact
        return value if redact is None else redact(value, False)

    def mute(self, on: bool = True) -> None:
        """Hear nothing of the caller from now on, or hear them again."""
        if self.host is None:
            self.conversation.mute(on)
        else:
            self.host.mute(on)

    def muted_by_caller(self, on: bool) -> None:
        """For a box that callers come in by: the caller has switched their microphone off, or on again."""
        if self.host is None:
            self.conversation.mute(on)
        else:
            self.host.muted_by_caller(on)
