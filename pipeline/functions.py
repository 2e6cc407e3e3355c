"""``@processor``: a box from a function.

::

    @processor
    def shout(text: TextFrame, *, mark: str = "!") -> TextFrame:
        return TextFrame(text.text.upper() + mark)

- The **first parameter** is the input, its name the port's; the **return annotation** is the output ``out``. Sync or
  async, returning or yielding.
- Parameters **after the ``*``** are the options, live ones too.
- A further parameter ``mood: MoodFrame | None`` is a **second input**: its newest frame, ``None`` before the first.
- ``call: CallContext`` is the **call**, wherever it stands.
- A parameter that is annotated with any other class is the **state**, made anew for every call of the graph::

    @dataclass
    class Count:
        lines: int = 0

    @processor
    def numbered(text: TextFrame, count: Count) -> TextFrame:
        count.lines += 1
        return TextFrame(f"{count.lines}: {text.text}")

- ``@processor(isolation="process", max_memory="500MB", timeout="2s")`` has it run in a process of the pool that all
  calls share: for what computes long, or may crash. It has neither state nor the call there.

What needs more than that is a class of its own.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import pickle
import types
from collections import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from .frames import Frame
from .ports import In, Out
from .processor import Processor, ports_of
from .running.offload import ProcessLimits
from .running.places import Place, found_at, place_of
from .units import DurationLike

__all__ = ["FunctionProcessor", "processor"]

Isolation = Literal["none", "process"]

_MANY = (abc.Iterable, abc.Iterator, abc.Generator, abc.AsyncIterable, abc.AsyncIterator, abc.AsyncGenerator)
_STATES = (dict, list, set)
"""Of the built-in types those that can be a state: the others look like an option without its ``*``."""


class FunctionProcessor(Processor):
    """What ``@processor`` makes; the class has the function's name, ports and options."""

    if TYPE_CHECKING:
        out: Out[Any]
    _function: ClassVar[Callable[..., Any]]
    """What it was made of."""


@dataclass(slots=True)
class _Parts:
    """What the parameters of a function are."""

    port: str
    kinds: Any
    second: dict[str, Any] = field(default_factory=dict)
    """Further inputs, by name, and their frames."""
    states: dict[str, Callable[[], Any]] = field(default_factory=dict)
    call: str = ""
    options: list[inspect.Parameter] = field(default_factory=list)


@overload
def processor(function: Callable[..., Any], /) -> type[FunctionProcessor]: ...


@overload
def processor(
    *, isolation: Isolation, max_memory: int | str | None = None, timeout: DurationLike | None = None
) -> Callable[[Callable[..., Any]], type[FunctionProcessor]]: ...


def processor(
    function: Callable[..., Any] | None = None,
    /,
    *,
    isolation: Isolation = "none",
    max_memory: int | str | None = None,
    timeout: DurationLike | None = None,
) -> type[FunctionProcessor] | Callable[[Callable[..., Any]], type[FunctionProcessor]]:
    """Make a processor of a plain function, whose annotations are its ports: the input first, options after a ``*``.

    See ``livegraph.pipeline.functions`` for a second input, the call, state and isolation. Raises ``TypeError`` that
    says which parameter means nothing, and ``ValueError`` for what is no size or duration.
    """
    if isolation != "process" and (max_memory is not None or timeout is not None):
        raise TypeError('max_memory and timeout bound what runs in a process: isolation="process"')
    limits = ProcessLimits(memory=max_memory, time=timeout) if isolation == "process" else None
    if function is None:
        return lambda function: _made(function, limits)
    return _made(function, limits)


def _made(function: Callable[..., Any], limits: ProcessLimits | None) -> type[FunctionProcessor]:
    hints = get_type_hints(function, include_extras=True)
    parts = _read(function, hints)
    output = _without_none_and_iterable(hints.get("return"))
    ports: dict[str, Any] = {parts.port: In(), **{name: In(required=False) for name in parts.second}}
    annotations: dict[str, Any] = {parts.port: _parametrised(In, parts.kinds)}
    annotations |= {name: _parametrised(In, kinds) for name, kinds in parts.second.items()}
    body: dict[str, Any] = {
        **ports,
        **_methods(function, parts, hints, limits),
        "_function": staticmethod(function),
        "__doc__": function.__doc__,
        "__module__": function.__module__,
    }
    if output is not None:
        if "out" in ports:
            raise TypeError(f"{function.__qualname__}: an input cannot be called 'out', the output is")
        annotations["out"] = _parametrised(Out, output)
        body["out"] = Out(like=parts.port)
    body["__annotations__"] = annotations
    made = type(function.__name__, (FunctionProcessor,), body)
    made.__qualname__ = function.__qualname__
    ports_of(made)
    return made


def _read(function: Callable[..., Any], hints: Mapping[str, Any]) -> _Parts:
    """What each parameter of ``function`` is; ``TypeError`` for one that is nothing."""
    from .running.context import CallContext

    name = function.__qualname__
    parameters = list(inspect.signature(function).parameters.values())
    first = parameters[0] if parameters else None
    if first is None or first.kind is first.KEYWORD_ONLY or first.name not in hints:
        raise TypeError(f"{name}: the first parameter needs the annotation of a frame")
    parts = _Parts(first.name, hints[first.name])
    for parameter in parameters[1:]:
        hint = hints.get(parameter.name)
        if hint is CallContext:
            parts.call = parameter.name
        elif parameter.kind is parameter.KEYWORD_ONLY:
            parts.options.append(parameter)
        elif parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            raise TypeError(f"{name}: {parameter} is neither an input, nor state, nor an option")
        elif frames := _frames(hint):
            if not frames.optional:
                written = f"{parameter.name}: {_shown(hint)} | None"
                raise TypeError(f"{name}: a second input is None before its first frame; write {written}")
            parts.second[parameter.name] = frames.kinds
        else:
            parts.states[parameter.name] = _state(name, parameter, hint)
    return parts


@dataclass(frozen=True, slots=True)
class _Frames:
    kinds: Any
    optional: bool


def _frames(hint: Any) -> _Frames | None:
    """The frames of ``X`` or ``X | Y | None``; ``None`` for a hint of anything else."""
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    kinds = [member for member in members if member is not type(None)]
    if not kinds or not all(isinstance(kind, type) and issubclass(kind, Frame) for kind in kinds):
        return None
    return _Frames(functools.reduce(lambda one, other: one | other, kinds), len(kinds) < len(members))


def _state(name: str, parameter: inspect.Parameter, hint: Any) -> Callable[[], Any]:
    """What makes the state that ``parameter`` is given."""
    made = get_origin(hint) or hint
    if not isinstance(made, type) or (made.__module__ == "builtins" and made not in _STATES):
        raise TypeError(f"{name}: options come after a * in the parameters, and {parameter} stands before it")
    if parameter.default is not parameter.empty:
        raise TypeError(
            f"{name}: {parameter.name} is state, made by {made.__name__}() for every call: no default"
        )
    try:
        inspect.signature(made).bind()
    except TypeError as error:
        raise TypeError(
            f"{name}: {parameter.name} is state, but {made.__name__}() cannot be made: {error}"
        ) from None
    except ValueError:
        pass  # a class without a signature
    return made


def _methods(
    function: Callable[..., Any], parts: _Parts, hints: Mapping[str, Any], limits: ProcessLimits | None
) -> dict[str, Callable[..., Any]]:
    """Constructor, tuning and handlers of the class."""

    def init(self: Any, **given: Any) -> None:
        made = {name: make() for name, make in parts.states.items()}
        self._given = {**dict.fromkeys(parts.second), **made, **given}

    def on_tune(self: Any, **live: Any) -> None:
        self._given.update(live)

    async def start(self: Any) -> None:
        self._given[parts.call] = self.call

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    init.__signature__ = inspect.Signature([own, *parts.options])  # type: ignore[attr-defined]  # for inspect.signature
    init.__annotations__ = {
        option.name: hints[option.name] for option in parts.options if option.name in hints
    }

    handle: Any
    if limits is not None:
        handle = _isolated(function, parts, limits)
    elif inspect.iscoroutinefunction(function):

        async def handle(self: Any, frame: Frame) -> Any:
            return await function(frame, **self._given)
    elif inspect.isasyncgenfunction(function):

        async def handle(self: Any, frame: Frame) -> Any:
            async for made in function(frame, **self._given):
                yield made
    else:

        def handle(self: Any, frame: Frame) -> Any:
            return function(frame, **self._given)

    methods = {"__init__": init, "on_tune": on_tune, f"on_{parts.port}": handle}
    methods |= {f"on_{name}": _keeper(name) for name in parts.second}
    return methods | ({"start": start} if parts.call else {})


def _isolated(function: Callable[..., Any], parts: _Parts, limits: ProcessLimits) -> Any:
    """The handler that has ``function`` run in another process; ``TypeError`` when that cannot be."""
    name = function.__qualname__
    if parts.states or parts.call:
        raise TypeError(f"{name}: what runs in a process of its own has neither state nor the call there")
    if inspect.isasyncgenfunction(function):
        raise TypeError(f"{name}: what runs in a process of its own returns, or yields without async")

    async def there(self: Any, frame: Frame) -> Any:
        place = place_of(function.__module__, name)
        sent = pickle.dumps((frame, self._given))
        return pickle.loads(await self.offload(_run_there, place, sent, process=limits))

    if not inspect.isgeneratorfunction(function):
        return there

    async def each(self: Any, frame: Frame) -> Any:
        for made in await there(self, frame):
            yield made

    return each


def _run_there(place: Place, sent: bytes) -> bytes:
    """In the other process: call the function at ``place``. The frames' own classes are known once it is found."""
    made = found_at(place)
    function = made._function if isinstance(made, type) and issubclass(made, FunctionProcessor) else made
    frame, given = pickle.loads(sent)
    result = function(frame, **given)
    if inspect.isawaitable(result):
        result = asyncio.run(_awaited(result))
    elif inspect.isgenerator(result):
        result = list(result)
    return pickle.dumps(result)


async def _awaited(result: Any) -> Any:
    return await result


def _keeper(name: str) -> Callable[[Any, Frame], None]:
    """The handler of a second input: keeps the newest frame."""

    def keep(self: Any, frame: Frame) -> None:
        self._given[name] = frame

    return keep


def _parametrised(port: Any, kind: Any) -> Any:
    """``port[kind]`` for a class known only at run time, which static tools do not take for a type."""
    return port[kind]


def _shown(hint: Any) -> str:
    return getattr(hint, "__name__", str(hint))


def _without_none_and_iterable(hint: Any) -> Any:
    """``Iterable[X] | None`` and ``X | None`` give ``X``; ``None`` gives ``None``."""
    if hint is None or hint is type(None):
        return None
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        members = [
            _without_none_and_iterable(member) for member in get_args(hint) if member is not type(None)
        ]
        return functools.reduce(lambda one, other: one | other, members)
    if origin in (*_MANY, list, tuple):
        return _without_none_and_iterable(get_args(hint)[0])
    return hint
