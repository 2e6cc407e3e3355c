"""Processors: boxes with ports and options.

A processor is an actor: its handlers never overlap, so it needs no locks. What it is made of::

    class Gain(Processor):
        audio: In[AudioFrame] = In()
        out: Out[AudioFrame] = Out(like="audio")

        def __init__(self, *, factor: Annotated[float, Range(0, 10)] = 1.0) -> None:
            self.factor = factor

        def on_audio(self, frame: AudioFrame) -> AudioFrame: ...

- ``on_<input>(frame)``: a plain method runs inside the sender's step, without a queue; an ``async`` one
  (then all inputs of the node) runs in the node's own task behind bounded queues. What it returns or yields, a
  frame or an iterable of frames, goes to the output that takes its type; ``self.<output>.emit(frame)`` says it
  outright.
- ``run()``: a source, or whatever has a life of its own. When it returns, the node has ended.
- ``start()``, ``stop()``: acquire and release; each has a deadline. Sinks start before sources.
- ``on_interrupt``, ``on_marker``, ``on_end``: see below.
- ``on_tune(*, ...)``: takes all options marked ``Live()``, when one of them changes in a running call. Called between
  frames: never while a handler of the box runs or waits. What it sets counts from the next frame on. It raises nothing;
  values are checked before.
"""

from __future__ import annotations

import functools
import inspect
import logging
import re
import sys
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeVar

from .errors import Fix, Problem
from .frames import Frame, InterruptFrame, Marker
from .ports import EdgeEnd, In, Out, PortSpec, port_specs
from .tunable import check_tunable
from .units import DurationLike, duration_ns

if TYPE_CHECKING:
    from .events import Event
    from .running.context import CallContext
    from .running.offload import ProcessLimits

__all__ = ["NameUsed", "OptionFault", "Processor", "facade", "ports_of"]

_PORT_HINT = re.compile(r"\s*(\w+\.)*(Ins?|Outs?)\[")

_OWN = ("call", "name", "log", "tune")
"""What a call sets on every processor, and whose ``on_`` it calls."""

Emitted = Frame | Iterable[Frame] | None
"""What a handler returns or yields: frames, each to the output that takes its type, or nothing."""

T = TypeVar("T")


class Task(Protocol):
    """What ``spawn``, ``after`` and ``every`` give: something that goes on beside the handlers."""

    @property
    def done(self) -> bool:
        """Whether it has ended, or was cancelled."""
        ...

    def cancel(self) -> None:
        """End it now; again changes nothing."""
        ...


class _Host(Protocol):
    """What the engine does for a processor in a call."""

    def spawn(self, body: Coroutine[Any, Any, object], name: str) -> Task: ...

    def after(self, delay_ns: int, then: Callable[[], Any]) -> Task: ...

    def every(self, period_ns: int, then: Callable[[], Any]) -> Task: ...

    async def offload(
        self, function: Callable[..., T], process: bool | ProcessLimits, args: Any, kwargs: Any
    ) -> T: ...


class OptionFault(Exception):
    """What ``check_options`` yields: the option at fault, one sentence, and what to do.

    ``option`` may lead inside, as ``("tools", 0)``; ``fix`` is the right spelling where there is no doubt about it.
    """

    def __init__(
        self,
        option: str | tuple[str | int, ...],
        message: str,
        hint: str = "",
        *,
        warning: bool = False,
        code: str = "LG220",
        fix: Fix | None = None,
    ) -> None:
        super().__init__(message)
        self.path = (option,) if isinstance(option, str) else option
        self.option, self.message, self.hint, self.warning = str(self.path[0]), message, hint, warning
        self.code, self.fix = code, fix

    def problem(self, node: tuple[str | int, ...]) -> Problem:
        """The same of the node at ``node``."""
        path = (*node, *self.path)
        return Problem(self.code, self.message, path, hint=self.hint, warning=self.warning, fix=self.fix)


class NameUsed(NamedTuple):
    """What ``names_used`` yields: an option speaks of the ``name`` of something of this ``kind``.

    ``option`` may lead inside, as ``("rules", 0, "to")``; ``known`` are names that nobody need give. With ``elsewhere``
    something that is not of this graph may have the name, and ``*`` and ``?`` in it stand for any characters: where
    nobody has it, that is a warning.
    """

    kind: str
    name: str
    option: tuple[str | int, ...]
    known: tuple[str, ...] = ()
    elsewhere: bool = False


class Processor:
    """Base of all boxes. ``self.call``, ``self.name`` and ``self.log`` are there from ``start`` on."""

    ages: ClassVar[bool | None] = None
    """Whether its sound ages, so that it is dropped rather than kept waiting: ``True`` for a microphone, ``False`` for
    what makes sound of its own. ``None``: it passes on what comes, and ages if that does; not so a ``service``, and an
    output with a rate that no input has (one that takes any rate has it where the box takes nothing but sound)."""
    uninterruptible: ClassVar[bool] = False
    """Whether an async handler goes on with a frame whose turn was cut; otherwise it is cancelled."""
    paced: ClassVar[bool] = False
    """Whether it takes sound at the pace at which that is heard, so that its handlers wait for the time to come: that
    is no slowness to be named."""
    kind: ClassVar[str] = "processor"
    """``source``, ``sink``, ``service`` or ``processor``; for lists and pictures."""
    at_once: ClassVar[bool] = False
    """Whether it is the end of a caller from outside, so that several calls of its graph run at the same time."""
    composite: ClassVar[bool] = False
    """Whether it stands for a part of a graph, and has no life of its own: a ``SubGraph``."""
    turn_presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """By the preset of ``turns`` (``service``, ``local``, ``telephone``): values of options that a graph leaves out."""
    emits: ClassVar[tuple[type[Event], ...]] = ()
    """Events that a call publishes because of this box, beyond those of any call."""

    call: CallContext
    name: str
    _host: Callable[[], _Host] | None = None

    @functools.cached_property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """Logs with the names of node and call."""
        return logging.LoggerAdapter(self.call.log, {"node": self.name, "call": self.call.id})

    async def start(self) -> None:
        """Acquire what the node needs. Inputs downstream have started already."""

    async def stop(self) -> None:
        """Release it. Called once for every ``start`` that was tried, whatever came of it."""

    async def run(self) -> None:
        """Produce frames, or do what has a life of its own; the node ends when this returns."""

    @property
    def at_rest(self) -> bool | None:
        """For a processor with ``run``: whether nothing is under way in it that frames will come of.

        Asked when the stream has ended and a loop of nodes is drained; ``None``, when nobody knows, is taken for no.
        """
        return None

    def on_interrupt(self, frame: InterruptFrame) -> None:
        """Forget everything of turns up to ``frame.turn``. Called at once, also while an async handler waits."""

    def on_marker(self, port: str, frame: Marker) -> Emitted:
        """A turn began or ended on ``port``. By default it goes on with the media that it frames."""
        for output in marker_routes(type(self)).get(port, ()):
            getattr(self, output).emit(frame)
        return None

    def on_input_end(self, port: str, edge: EdgeEnd) -> Emitted:
        """One of the edges into ``port`` has ended; ``on_end`` follows the last of all."""
        return None

    def on_rewired(self) -> None:
        """Edges of this box were added or taken away while the call runs; between two frames."""

    def on_end(self) -> Emitted | Awaitable[Emitted] | AsyncIterator[Frame]:
        """Every input has ended: return what is still held back. May be ``async``, and yield."""
        return None

    # Across a restart ----------------------------------------------------------------------------

    def snapshot(self) -> Any:
        """With ``on_error: restart``: what the next one in this place is to know, when this one has failed."""
        return None

    def restore(self, state: Any) -> None:
        """Take what ``snapshot`` of the one before gave, unless that is ``None``; after ``start``, before any frame."""

    # Beside the handlers -------------------------------------------------------------------------

    def spawn(self, body: Coroutine[Any, Any, object], *, name: str = "task") -> Task:
        """Run ``body`` beside the handlers. It ends with the node at the latest; what it raises is the node's fault.

        From ``start`` on; it begins when the call runs.
        """
        return self._hosted("spawn", body).spawn(body, name)

    def after(self, delay: DurationLike, then: Callable[[], Any]) -> Task:
        """Call ``then`` once, ``delay`` from now on the call's clock, while no handler is at a frame.

        What it returns is sent, as a handler's result. One that is ``async`` runs beside the handlers.
        """
        return self._hosted("after").after(duration_ns(delay, "delay"), then)

    def every(self, period: DurationLike, then: Callable[[], Any]) -> Task:
        """Call ``then`` each ``period``, as ``after`` does, until the task that this returns is cancelled."""
        period_ns = duration_ns(period, "period")
        if not period_ns:
            raise ValueError("period: must be longer than nothing")
        return self._hosted("every").every(period_ns, then)

    async def offload(
        self, function: Callable[..., T], /, *args: Any, process: bool | ProcessLimits = False, **kwargs: Any
    ) -> T:
        """What ``function`` returns, run in a thread: for work that would hold up every call on this event loop.

        ``process=True`` runs it in one of a pool of processes that all calls share, for Python that computes or may
        crash: ``function`` stands in a module, and it, its arguments and its result can be pickled.
        ``process=ProcessLimits(memory="500MB", time="2s")`` also bounds what it may use. Results come in the order
        in which a handler awaits them; a node has eight at work at the same time, others wait. When the turn of the
        frame at hand is cut, what has not begun is dropped, a process that is at it is ended, and a thread goes on for
        nothing, in its place among the eight; both are logged, counted, and told by the event ``OffloadCut``.

        Raises what ``function`` raises, and ``OffloadError`` when it cannot be sent to a process, or that dies.
        """
        return await self._hosted("offload").offload(function, process, args, kwargs)

    def _hosted(self, what: str, body: Coroutine[Any, Any, object] | None = None) -> _Host:
        if self._host is None:
            if body is not None:
                body.close()
            raise RuntimeError(f"{type(self).__name__}.{what} is there in a call only, from `start` on")
        return self._host()

    @classmethod
    def shared_by_calls(cls, options: Mapping[str, Any]) -> AbstractAsyncContextManager[object] | None:
        """What all calls of a server have in common where this box has these options, such as a program that it starts.

        A server enters it when it opens, before any call, and leaves it after the last one. It does not wait for what
        may take long.
        """
        return None

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        """Faults that types and ranges cannot tell (a file that is not there); runs before any call, fast, offline."""
        return iter(())

    @classmethod
    def names_given(cls, options: Mapping[str, Any]) -> Mapping[str, Collection[str]]:
        """By kind (such as ``agents``): the names that its options give to things, for other boxes to speak of."""
        return {}

    @classmethod
    def names_used(cls, options: Mapping[str, Any]) -> Iterator[NameUsed]:
        """Where its options speak of what another box of the graph has to name."""
        return iter(())

    @classmethod
    def check_surroundings(
        cls, options: Mapping[str, Any], environ: Mapping[str, str]
    ) -> Iterator[OptionFault]:
        """What the box will miss on this machine (a key, an address); only ``check --env`` asks.

        Runs in a thread and may use the network, within a few seconds. Codes: LG601 a credential is missing, LG602 an
        address cannot be reached, LG603 a file cannot be written.
        """
        return iter(())

    @classmethod
    def sound_stops(cls, options: Mapping[str, Any]) -> OptionFault | None:
        """Why the sound of this box may stop with no silence behind what was said, and what would mend it.

        The message goes on after the name of the box; ``None``: it goes on, or is followed by silence.
        """
        return None

    @classmethod
    def needs_silence(cls, options: Mapping[str, Any]) -> str:
        """Why this box has to hear silence behind what is said; a clause, empty when it has not."""
        return ""

    @classmethod
    def turns_told_at(cls, options: Mapping[str, Any]) -> str | None:
        """The input at which a box that talks with the user can be told by a detector when they speak.

        Empty where, with these ``options``, its service finds that out itself; ``None``: it talks with nobody.
        """
        return None


def ports_of(cls: type[Processor]) -> dict[str, PortSpec]:
    """The ports of a processor class by name, in order of declaration.

    Raises ``TypeError`` when an input has no handler or a declaration makes no sense.
    """
    # On the class itself: a call asks for them many times over as it starts.
    specs: dict[str, PortSpec] | None = cls.__dict__.get("_ports_read")
    if specs is None:
        specs = _read_ports(cls)
        type.__setattr__(cls, "_ports_read", specs)
    return specs


def ages(cls: type[Processor]) -> bool | None:
    """Whether the sound of ``cls`` ages; ``None`` when it passes on what comes."""
    if cls.ages is None and getattr(cls, "live", False) is True:
        # The same by the name that it had first.
        return True
    return False if cls.ages is None and cls.kind == "service" else cls.ages


def marker_routes(cls: type[Processor]) -> dict[str, tuple[str, ...]]:
    """By input, the outputs to which markers of its stream go on: those of the same types."""
    routes: dict[str, tuple[str, ...]] | None = cls.__dict__.get("_marker_routes")
    if routes is None:
        ports = ports_of(cls).values()
        outputs = [port for port in ports if port.direction == "out"]
        routes = {
            port.name: tuple(output.name for output in outputs if set(output.types) & set(port.types))
            for port in ports
            if port.direction == "in"
        }
        type.__setattr__(cls, "_marker_routes", routes)
    return routes


def facade(name: str, ports: Iterable[PortSpec]) -> type[Processor]:
    """A class that has ``ports`` and does nothing: what stands for a part of a graph while that is wired."""
    made = type(name, (Processor,), {"__doc__": None})
    type.__setattr__(made, "_ports_read", {port.name: port for port in ports})
    return made


def _read_ports(cls: type[Processor]) -> dict[str, PortSpec]:
    specs = port_specs(cls, _port_hints(cls))
    for name in dir(cls):
        if isinstance(getattr(cls, name, None), In | Out) and name not in specs:
            raise TypeError(f"{cls.__qualname__}: the port {name!r} needs an annotation, In[...] or Out[...]")
    for spec in specs.values():
        if hasattr(Processor, spec.name) or hasattr(Processor, f"on_{spec.name}") or spec.name in _OWN:
            raise TypeError(
                f"{cls.__qualname__}: a port cannot be called {spec.name!r}, which means something else"
            )
        handled = cls.composite or spec.direction == "out" or callable(getattr(cls, f"on_{spec.name}", None))
        if not handled:
            raise TypeError(
                f"{cls.__qualname__}: input {spec.name!r} needs a method on_{spec.name}(self, frame)"
            )
    check_tunable(cls, specs.values())
    return specs


def _port_hints(cls: type) -> dict[str, Any]:
    """Annotations of ``cls`` and its bases; of those still written as text only the ports' are evaluated."""
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, hint in _annotations(base).items():
            if isinstance(hint, str):
                if not _PORT_HINT.match(hint):
                    continue
                hint = eval(hint, vars(sys.modules[base.__module__]))
            hints[name] = hint
    return hints


def _annotations(cls: type) -> Mapping[str, Any]:
    if sys.version_info >= (3, 14):
        import annotationlib

        # Names that exist for type checkers only must not keep a class from being used.
        return annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    return inspect.get_annotations(cls)
