"""A plain Python function as a tool: schema from its type hints and docstring, arguments validated.

::

    def book_appointment(day: str, hour: Annotated[int, Meta(ge=8, le=17)], name: str = "") -> dict:
        \"\"\"Book an appointment.

        Args:
            day: the day, such as Monday.
            hour: full hour, 8 to 17.
        \"\"\"

Docstrings may be in Google, NumPy or reST style; a text in ``Annotated`` describes an argument too. Arguments may be
dataclasses, pydantic models, dates and NumPy numbers, and so may results.

A parameter annotated ``ToolContext`` is given the running call, and what a tool may do in it, and is not shown to
the model (``CallContext`` gives the call as boxes have it). An ``async`` function that yields answers several times,
and the model goes on meanwhile.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from ...pipeline import CallContext
from ...pipeline.units import DurationLike, duration_ns
from .argument_types import MISSING, argument
from .catalog import FunctionSpec
from .context import ToolContext
from .docstring import read_docstring
from .errors import ToolError
from .foreign import decode_foreign
from .schema import arguments_schema, lenient
from .settings import (
    Cached,
    Filler,
    OnDuplicate,
    ProgressBy,
    Scheduling,
    ToolOptions,
    ToolSettings,
    Who,
    resolve,
)
from .state import check_state_class

__all__ = ["ToolFunction", "tool"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")

_SETTINGS = "__livegraph_tool__"
_HINT = " (a decorator keeps a function's own by functools.wraps)"


def tool(
    *,
    name: str = "",
    timeout: DurationLike | None = None,
    attempt_timeout: DurationLike | None = None,
    retries: int | None = None,
    blocking: bool | None = None,
    scheduling: Scheduling = "",
    cancel: bool = True,
    exclusive: str | None = None,
    confirm: bool | str | None = None,
    on_duplicate: OnDuplicate | None = None,
    filler: str | Filler | None = None,
    progress: ProgressBy | None = None,
    allow: Who | None = None,
    deny: Who | None = None,
    cache: DurationLike | Cached | None = None,
    cost_usd: float | None = None,
    service: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a tool to give it another name, a deadline of its own, or to say how else it is run::

        @tool(timeout="5s", retries=2, confirm="Shall I book {day} for you?", exclusive="calendar")
        def book(day: str) -> str: ...

    - ``timeout``, ``attempt_timeout``: deadlines of the whole and of one try; ``retries``: how often it is tried again
      when it raises a ``ToolError(retryable=True)`` or a try is not over in time.
    - ``blocking=False`` lets the model talk on; ``scheduling`` (``SILENT``, ``WHEN_IDLE``, ``INTERRUPT``) is for that:
      when the model speaks of the result.
    - ``cancel=False`` is for what must not be cut in its middle, such as a booking: when the model withdraws the call
      the function goes on, and should the same be asked for again, it is the answer to that. Plain functions run in
      threads, which cannot be stopped: they are always so.
    - ``confirm``: it runs only when the caller has said yes to exactly this. ``exclusive``: one at a time for the same
      resource, over all calls of the server. ``on_duplicate``: ``run``, ``join``, ``refuse`` or ``replace`` what is
      asked for again while it runs.
    - ``filler``: what the caller hears when it takes long. ``progress``: whether ``ToolContext.progress`` is shown as
      ``text``, said as ``speech`` or ``off``.
    - ``allow`` and ``deny``: agents and callers. ``cache``: how long a result counts for the same arguments.
      ``cost_usd``: of one run. ``service``: tools that depend on the same share a circuit breaker.

    An agent file may say all of it too (``options`` of an entry of ``tools``), and counts more.
    """

    options = ToolOptions(
        timeout_ns=None if timeout is None else duration_ns(timeout, "timeout"),
        attempt_timeout_ns=None
        if attempt_timeout is None
        else duration_ns(attempt_timeout, "attempt_timeout"),
        retries=retries,
        blocking=blocking,
        scheduling=scheduling,
        cancel=cancel,
        exclusive=exclusive,
        confirm=confirm,
        on_duplicate=on_duplicate,
        filler=filler,
        progress=progress,
        allow=allow,
        deny=deny,
        cache=cache if cache is None or isinstance(cache, Cached) else duration_ns(cache, "cache"),
        cost_usd=cost_usd,
        service=service,
    )

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        setattr(function, _SETTINGS, (name, options))
        return function

    return mark


class ToolFunction:
    """One function, ready to be described and called.

    Raises ``TypeError`` when the function cannot be a tool: an argument without annotation, one that cannot be
    written as JSON, ``*args``, or a name that no model accepts.
    """

    def __init__(self, function: Callable[..., Any], name: str = "") -> None:
        self.function = function
        inner = _inner(function)
        marked: tuple[str, ToolOptions | None] = getattr(
            function, _SETTINGS, getattr(inner, _SETTINGS, ("", None))
        )
        self.options = marked[1]
        """What ``@tool`` says of it."""
        self.settings: ToolSettings = replace(resolve(marked[1]), name=marked[0])
        own = getattr(inner, "__name__", "")
        # An object that can be called has the name of its class.
        self.name = marked[0] or name or (type(function).__name__ if own == "__call__" else own)
        if not _NAME.fullmatch(self.name):
            raise TypeError(f"{self.name!r} is no name for a tool: letters, digits and _ . : - are allowed")
        if inspect.isgeneratorfunction(inner):
            raise TypeError(
                f"{self.name}: a tool that yields is async (async def); a plain one returns a value"
            )
        self.streams = inspect.isasyncgenfunction(inner)
        """Whether it answers as often as it yields, while the model goes on."""
        self.is_async = inspect.iscoroutinefunction(inner)
        self.home: tuple[str, str] | None = None
        """Module and attribute by which any process finds it, where it has such a place."""
        self._context_name = ""
        self._wants_tool_context = False
        self.state: type[Any] | None = None
        """The class of the state that it keeps in a call, where its annotation names one."""
        self._by_place: list[str] = []
        """The arguments that the function takes by their place only, in order."""
        self._arguments = self._make_arguments()
        self._schema = self._make_schema()
        self._defaulted = self._without_null()
        self.spec = self._describe()

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """``given`` converted to what the function's annotations ask for.

        Raises ``msgspec.ValidationError``, whose text names the argument and what was expected.
        """
        unknown = sorted(set(given) - set(self._arguments.__struct_fields__))
        if unknown:
            names = ", ".join(self._arguments.__struct_fields__) or "none"
            raise msgspec.ValidationError(f"there is no argument {unknown[0]!r}; there is: {names}")
        plain = {
            name: lenient(value, self._schema.get("properties", {}).get(name, {}))
            for name, value in given.items()
            # Nothing, where nothing is not allowed, is the default.
            if value is not None or name not in self._defaulted
        }
        # Not strict: models write numbers as strings now and then.
        checked = msgspec.convert(plain, self._arguments, strict=False, dec_hook=decode_foreign)
        return {name: getattr(checked, name) for name in self._arguments.__struct_fields__}

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The same, with a ``ToolError`` for the model."""
        try:
            return self.arguments(given)
        except msgspec.ValidationError as error:
            raise ToolError(f"wrong arguments: {error}") from None

    def call(self, arguments: Mapping[str, Any], context: ToolContext[Any]) -> Any:
        """Call the function; an async one gives an awaitable."""
        given = dict(arguments)
        if self._context_name and not self._wants_tool_context:
            given[self._context_name] = context.call
        elif self._context_name:
            given[self._context_name] = context if self.state is None else context.with_state(self.state)
        placed = [given.pop(name) for name in self._by_place]
        return self.function(*placed, **given)

    def _make_arguments(self) -> type[msgspec.Struct]:
        try:
            hints, signature = _hints(self.function), inspect.signature(self.function)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{self.name}: what it takes cannot be read: {error}") from error
        bound = self.function.keywords if isinstance(self.function, functools.partial) else {}
        fields: list[Any] = []
        for parameter in signature.parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise TypeError(
                    f"{self.name}: a tool's arguments have names; {parameter} is not allowed{_HINT}"
                )
            if parameter.name in bound:
                # What is settled is not the model's to choose.
                continue
            if parameter.name not in hints:
                raise TypeError(f"{self.name}: the argument {parameter.name!r} needs a type annotation")
            if self._takes_context(parameter.name, hints[parameter.name]):
                continue
            if parameter.kind is parameter.POSITIONAL_ONLY:
                self._by_place.append(parameter.name)
            default = MISSING if parameter.default is parameter.empty else parameter.default
            try:
                kind, default = argument(hints[parameter.name], default)
            except TypeError as error:
                raise TypeError(f"{self.name}: the argument {parameter.name!r}: {error}") from error
            fields.append((parameter.name, kind) if default is MISSING else (parameter.name, kind, default))
        try:
            return msgspec.defstruct("Arguments", fields, kw_only=True)
        except TypeError as error:
            raise TypeError(f"{self.name}: the arguments cannot be read: {error}") from error

    def _takes_context(self, name: str, hint: Any) -> bool:
        """Whether the parameter is given the call, and is none of the model's."""
        kind = get_origin(hint) or hint
        if kind is not CallContext and kind is not ToolContext:
            return False
        if self._context_name:
            raise TypeError(
                f"{self.name}: {self._context_name!r} and {name!r} are both the call: one is enough"
            )
        self._context_name, self._wants_tool_context = name, kind is ToolContext
        if given := get_args(hint):
            try:
                check_state_class(given[0])
            except TypeError as error:
                raise TypeError(f"{self.name}: the state of {name!r} cannot be kept: {error}") from None
            self.state = given[0]
        return True

    def _make_schema(self) -> dict[str, Any]:
        try:
            return arguments_schema(self._arguments)
        except TypeError as error:
            raise TypeError(f"{self.name}: an argument has a type that JSON cannot carry: {error}") from error

    def _without_null(self) -> frozenset[str]:
        """The arguments with a default that null is no value of."""
        found = set()
        for field in msgspec.structs.fields(self._arguments):
            if not field.required:
                try:
                    msgspec.convert(None, field.type, dec_hook=decode_foreign)
                except (msgspec.ValidationError, TypeError):
                    found.add(field.encode_name)
        return frozenset(found)

    def _describe(self) -> FunctionSpec:
        properties = self._schema.get("properties", {})
        text = inspect.getdoc(_inner(self.function)) or ""
        description, documented = read_docstring(text, properties)
        for name, said in documented.items():
            if name in properties and said:
                properties[name].setdefault("description", said)
        parameters: dict[str, Any] = {}
        if properties:
            required = self._schema.get("required", [])
            parameters = {"type": "object", "properties": properties, "required": required}
        blocking = self.settings.blocking
        if blocking is None and self.streams:
            blocking = False
        return FunctionSpec(self.name, description, parameters, blocking)


def _inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """What does the work: behind a partial, and of an object that can be called its method."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or hasattr(function, "__wrapped__"):
        return function
    method: Callable[..., Any] = type(function).__call__
    return method if inspect.isfunction(method) else function


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations, of what is decorated those of the function inside."""
    inner = inspect.unwrap(_inner(function))
    return get_type_hints(inspect.unwrap(inner), include_extras=True)
