"""Ports: the typed, named ends of a processor.

Declared on the class, bound per call::

    audio: In[AudioFrame] = In(rate=16_000, channels=1)
    out: Out[AudioFrame] = Out(like="audio")

On the class a port says what it takes or gives; on an instance inside a call it also sends. Where a box has to tell
its edges apart, the port is for many::

    inputs: Ins[AudioFrame] = Ins(doc="the sounds, one edge each")

    def on_inputs(self, frame: AudioFrame, edge: EdgeEnd) -> None: ...
"""

from __future__ import annotations

import asyncio
import types
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar, Union, get_args, get_origin

from .formats import AudioFormat
from .frames import Frame
from .policy import Policy
from .port_spec import Count, EdgeEnd, FromOption, PortSpec

__all__ = ["EdgeEnd", "FromOption", "In", "Ins", "Out", "Outflow", "Outs", "PortSpec", "Room", "port_specs"]

F = TypeVar("F", bound=Frame)

_SENDS_PER_BREATH = 32
_PLENTY = 1 << 62


class _Port(Generic[F]):
    spec: PortSpec
    format: AudioFormat
    """The negotiated audio format; set before ``start``, only on ports that carry audio and are connected."""

    connected: bool
    """Whether at least one edge joins it, in this call."""
    declared: dict[str, Any]

    # On the way of every frame, and a call starts with many of them.
    __slots__ = ("connected", "declared", "format", "spec")

    def __init__(self, **declared: Any) -> None:
        self.declared = declared
        self._be_fresh()

    def bind(self, spec: PortSpec, audio_format: AudioFormat | None) -> Any:
        """What this declaration is for one instance in one call."""
        port = object.__new__(type(self))
        port.declared = self.declared
        port.spec = spec
        port._be_fresh()
        if audio_format is not None:
            port.format = audio_format
        return port

    def _be_fresh(self) -> None:
        raise NotImplementedError


class In(_Port[F]):
    """An input. ``on_<name>(frame)`` handles what arrives: sync inside the sender's step, async behind a queue."""

    advertised: Any
    """What this port tells whoever feeds it (the functions a tool router offers); set it in ``start``."""

    __slots__ = ("advertised",)

    if TYPE_CHECKING:
        # By these static tools compare what flows along an edge (``graph.handles``); nobody calls them.
        def _takes(self, frame: F) -> None: ...
        def _may_take(self) -> F:
            raise NotImplementedError

    def __init__(
        self,
        *,
        rate: Count = None,
        channels: Count = None,
        like: str = "",
        required: bool = True,
        feedback: bool = False,
        only_circles: bool = False,
        named: bool = False,
        policy: Policy | None = None,
        doc: str = "",
    ) -> None:
        super().__init__(
            rate=rate,
            channels=channels,
            like=like,
            named=named,
            required=required and not named,
            feedback=feedback,
            only_circles=only_circles,
            policy=policy,
            doc=doc,
        )

    def _be_fresh(self) -> None:
        self.connected = False
        self.advertised = None


class Ins(In[F]):
    """An input for many edges that are told apart: ``on_<name>(frame, edge)``.

    All of them carry one format. ``on_input_end(port, edge)`` says that one has ended.
    """

    edges: tuple[EdgeEnd, ...]
    """What joins it in this call, in the order of the graph."""

    __slots__ = ("edges",)

    def _be_fresh(self) -> None:
        super()._be_fresh()
        self.edges = ()


class Room(NamedTuple):
    """What still fits behind an output before whoever sends has to wait; true while something does."""

    frames: int
    duration_ns: int
    """Of frames that have a duration."""

    def __bool__(self) -> bool:
        return self.frames > 0 and self.duration_ns > 0


class Step(Protocol):
    """What a node is at."""

    @property
    def answering(self) -> Frame | None:
        """The frame that a handler is at."""
        ...


class Outflow(Protocol):
    """What an output becomes in a call: for the engine, which makes it."""

    @property
    def step(self) -> Step:
        """What the node is at that sends here."""
        ...

    @property
    def ways(self) -> Mapping[type, Callable[[Any], None]]:
        """What takes frames that go on as they came, by class."""
        ...

    def emit(self, frame: Frame) -> None:
        """Hand a frame to every edge."""
        ...

    def blame(self, error: BaseException) -> None:
        """The node is at fault: it sent what cannot go out, and nobody is there to be told by an exception."""
        ...

    @property
    def connected(self) -> bool:
        """Whether there is an edge."""
        ...

    @property
    def targets(self) -> Sequence[Callable[[], In[Any]]]:
        """What gives the inputs at the edges' ends."""
        ...

    def emit_to(self, index: int, frame: Frame) -> None:
        """Hand a frame to one of the edges."""
        ...

    def crowded(self) -> bool:
        """Whether whoever has sent must wait for room."""
        ...

    async def room(self) -> None:
        """Return when there is room."""
        ...

    def left(self) -> Room:
        """How much room there is."""
        ...


_BOUNDLESS = Room(_PLENTY, _PLENTY)
"""Where nothing ever waits."""


class _Nowhere:
    """Where a port is that no call has joined to anything."""

    answering = None


_NOWHERE = _Nowhere()


class Out(_Port[F]):
    """An output. ``emit`` hands a frame to every edge; ``send`` also waits while one of them is full.

    What is handed over must be what the port declares: a frame of its types, audio in its format as int16, which is
    read-only from then on. Anything else raises ``TypeError`` or ``ValueError``, here.
    """

    __slots__ = ("_late", "_loop", "_outflow", "_sent", "_step", "_ways")

    if TYPE_CHECKING:

        def _given(self) -> F:
            raise NotImplementedError

        def _may_give(self, frame: F) -> None: ...

    def __init__(
        self,
        *,
        rate: Count = None,
        channels: Count = None,
        like: str = "",
        named: bool = False,
        doc: str = "",
    ) -> None:
        super().__init__(rate=rate, channels=channels, like=like, named=named, doc=doc)

    def _be_fresh(self) -> None:
        self.connected = False
        self._outflow: Outflow | None = None
        self._step: Step = _NOWHERE
        self._ways: Mapping[type, Callable[[Any], None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._late: deque[F] = deque()
        """What other threads have handed over."""
        self._sent = 0

    def emit(self, frame: F) -> None:
        """Hand over ``frame`` now. Never waits: a step may overfill a queue, up to four times its bound.

        To be called where the call's loop runs: in another thread it raises ``RuntimeError``, but for the very frame
        that a plain handler is at just then, as looking at the thread each time would cost a fifth of the hop. Once the
        node has ended or stopped, frames are refused and counted.
        """
        # On every frame's way: what goes on just as it came needs no look, nor at the thread, which costs a fifth.
        if frame is self._step.answering:
            way = self._ways.get(type(frame))
            if way is not None:
                way(frame)
                return
        if self._outflow is not None:
            self._outflow.emit(frame)

    def emit_threadsafe(self, frame: F) -> None:
        """``emit`` from any thread: the frame goes out as soon as the call's loop comes to it, in order.

        What was handed over before the node ends goes out before its end.
        """
        if self._loop is None:
            raise RuntimeError("the port is not part of a running call")
        self._late.append(frame)
        self._loop.call_soon_threadsafe(self.emit_late)

    async def send(self, frame: F) -> None:
        """``emit``, then wait until every queue behind it has room: for ``run`` and async handlers."""
        self.emit(frame)
        outflow = self._outflow
        if outflow is not None and outflow.crowded():
            await outflow.room()
        self._sent += 1
        if not self._sent % _SENDS_PER_BREATH:
            # Where nothing is ever full, a tight loop of sends would keep everybody else waiting.
            await asyncio.sleep(0)

    @property
    def room(self) -> Room:
        """What still fits into the fullest of the blocking queues behind: a source that can choose makes less."""
        return self._outflow.left() if self._outflow is not None else _BOUNDLESS

    def peers_advertise(self) -> list[Any]:
        """What the connected inputs advertise. Inputs start before the outputs that feed them."""
        if self._outflow is None:
            return []
        told = [target().advertised for target in self._outflow.targets]
        return [advertised for advertised in told if advertised is not None]

    def wire(self, outflow: Outflow) -> None:
        """For the engine: join the port to its edges."""
        self._outflow = outflow
        # Looked up once, for every frame.
        self._step, self._ways = outflow.step, outflow.ways
        self.connected = outflow.connected
        self._loop = asyncio.get_running_loop()

    def emit_late(self) -> None:
        """For the engine: hand over what came from other threads."""
        while self._late:
            frame = self._late.popleft()
            # Called by the loop, which would only log what is raised.
            try:
                self.emit(frame)
            except BaseException as error:
                if self._outflow is None:
                    raise
                self._outflow.blame(error)


class Outs(Out[F]):
    """An output for many edges that are told apart: ``emit`` serves all of them, ``emit_to`` one."""

    edges: tuple[EdgeEnd, ...]
    """What joins it in this call, in the order of the graph."""

    __slots__ = ("edges",)

    def _be_fresh(self) -> None:
        super()._be_fresh()
        self.edges = ()

    def emit_to(self, name: str, frame: F) -> None:
        """Hand ``frame`` to the edge that is called ``name``. ``KeyError`` when there is none."""
        for edge in self.edges:
            if edge.name == name:
                if self._outflow is not None:
                    self._outflow.emit_to(edge.index, frame)
                return
        there = ", ".join(edge.name for edge in self.edges) or "none"
        raise KeyError(f"{self.spec.name} has no edge to {name!r}; there is: {there}")


_KINDS: dict[Any, tuple[str, bool]] = {
    In: ("in", False),
    Ins: ("in", True),
    Out: ("out", False),
    Outs: ("out", True),
}
"""For each class of ports: its direction, and whether edges are told apart."""


def port_specs(cls: type, hints: Mapping[str, Any]) -> dict[str, PortSpec]:
    """The ports that ``cls`` declares, in order of declaration, base classes first.

    Raises ``TypeError`` when a declaration makes no sense.
    """
    specs: dict[str, PortSpec] = {}
    for name, hint in hints.items():
        origin = get_origin(hint)
        if origin not in _KINDS:
            continue
        kinds = _frame_types(get_args(hint)[0])
        if not kinds:
            raise TypeError(f"{cls.__qualname__}.{name}: a port carries subclasses of Frame")
        prototype = getattr(cls, name, None)
        if prototype is None:
            prototype = origin()
            setattr(cls, name, prototype)
        if not isinstance(prototype, origin):
            raise TypeError(f"{cls.__qualname__}.{name}: declared as {origin.__name__}, set to {prototype!r}")
        direction, many = _KINDS[origin]
        specs[name] = PortSpec(name, direction, kinds, many=many, **prototype.declared)
    for spec in specs.values():
        if spec.like and (spec.like not in specs or specs[spec.like].direction != "in"):
            raise TypeError(f"{cls.__qualname__}.{spec.name}: like={spec.like!r} is not an input of it")
        seen = [spec.name]
        while specs[seen[-1]].like:
            if specs[seen[-1]].like in seen:
                raise TypeError(f"{cls.__qualname__}.{spec.name}: like= leads in a circle")
            seen.append(specs[seen[-1]].like)
    return specs


def _frame_types(hint: Any) -> tuple[type[Frame], ...]:
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    kinds = [member for member in members if isinstance(member, type) and issubclass(member, Frame)]
    return tuple(kinds) if len(kinds) == len(members) else ()
