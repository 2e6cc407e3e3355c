"""A plain Python function as a tool: schema from its type hints and docstring, arguments validated.

::

    def book_appointment(day: str, hour: Annotated[int, Meta(ge=8, le=17)], name: str = "") -> dict:
        \"\"\"Book an appointment.

        Args:
            day: the day, such as Monday.
            hour: full hour, 8 to 17.
        \"\"\"

A parameter annotated ``CallContext`` is given the running call and is not shown to the model. An ``async`` function
that yields answers several times, and the model goes on meanwhile.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

import msgspec

from ...pipeline import CallContext
from ...pipeline.units import DurationLike, duration_ns
from .catalog import FunctionSpec

__all__ = ["ToolError", "ToolFunction", "ToolSettings", "tool"]

_SECTION = re.compile(r"^(args|arguments|parameters)\s*:\s*$", re.IGNORECASE)
_OTHER_SECTION = re.compile(r"^(returns?|raises|yields|examples?|notes?)\s*:\s*$", re.IGNORECASE)
_ARGUMENT = re.compile(r"^\s*\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")

_SETTINGS = "__livegraph_tool__"


class ToolError(Exception):
    """Raise it from a tool to tell the model in words what went wrong; its text is spoken of, so keep it plain."""


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """What ``@tool`` says of a function beyond its signature."""

    name: str = ""
    timeout_ns: int | None = None
    blocking: bool | None = None
    scheduling: str = ""


def tool(
    *,
    name: str = "",
    timeout: DurationLike | None = None,
    blocking: bool | None = None,
    scheduling: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a tool to give it another name, a deadline of its own, or to let the model talk on meanwhile::

        @tool(timeout="5s")
        def look_up(name: str) -> str: ...

    ``scheduling`` (``SILENT``, ``WHEN_IDLE``, ``INTERRUPT``) is for ``blocking=False``: when the model speaks of the
    result.
    """

    timeout_ns = None if timeout is None else duration_ns(timeout, "timeout")

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        setattr(function, _SETTINGS, ToolSettings(name, timeout_ns, blocking, scheduling))
        return function

    return mark


class ToolFunction:
    """One function, ready to be described and called.

    Raises ``TypeError`` when the function cannot be a tool: an argument without annotation, one that cannot be
    written as JSON, ``*args``, or a name that no model accepts.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.settings: ToolSettings = getattr(function, _SETTINGS, ToolSettings())
        self.name = self.settings.name or getattr(function, "__name__", "")
        if not _NAME.fullmatch(self.name):
            raise TypeError(f"{self.name!r} is no name for a tool: letters, digits and _ . : - are allowed")
        if inspect.isgeneratorfunction(function):
            raise TypeError(
                f"{self.name}: a tool that yields is async (async def); a plain one returns a value"
            )
        self.streams = inspect.isasyncgenfunction(function)
        """Whether it answers as often as it yields, while the model goes on."""
        self.is_async = inspect.iscoroutinefunction(function)
        self._context_name = ""
        self._arguments = self._make_arguments()
        self.spec = self._describe()

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """``given`` converted to what the function's annotations ask for.

        Raises ``msgspec.ValidationError``, whose text names the argument and what was expected.
        """
        unknown = sorted(set(given) - set(self._arguments.__struct_fields__))
        if unknown:
            names = ", ".join(self._arguments.__struct_fields__) or "none"
            raise msgspec.ValidationError(f"there is no argument {unknown[0]!r}; there is: {names}")
        # Not strict: models write numbers as strings now and then.
        checked = msgspec.convert(dict(given), self._arguments, strict=False)
        return {name: getattr(checked, name) for name in self._arguments.__struct_fields__}

    def call(self, arguments: Mapping[str, Any], context: CallContext) -> Any:
        """Call the function; an async one gives an awaitable."""
        given = dict(arguments)
        if self._context_name:
            given[self._context_name] = context
        return self.function(**given)

    def _make_arguments(self) -> type[msgspec.Struct]:
        hints = get_type_hints(self.function, include_extras=True)
        fields: list[Any] = []
        for parameter in inspect.signature(self.function).parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
                raise TypeError(f"{self.name}: a tool's arguments have names; {parameter} is not allowed")
            if parameter.name not in hints:
                raise TypeError(f"{self.name}: the argument {parameter.name!r} needs a type annotation")
            if hints[parameter.name] is CallContext:
                self._context_name = parameter.name
                continue
            field = (parameter.name, hints[parameter.name])
            fields.append(field if parameter.default is parameter.empty else (*field, parameter.default))
        return msgspec.defstruct("Arguments", fields, kw_only=True)

    def _describe(self) -> FunctionSpec:
        description, documented = _read_docstring(inspect.getdoc(self.function) or "")
        try:
            schema = _inlined(msgspec.json.schema(self._arguments))
        except TypeError as error:
            raise TypeError(f"{self.name}: an argument has a type that JSON cannot carry: {error}") from error
        properties = schema.get("properties", {})
        for name, text in documented.items():
            if name in properties:
                properties[name].setdefault("description", text)
        parameters: dict[str, Any] = {}
        if properties:
            parameters = {"type": "object", "properties": properties, "required": schema.get("required", [])}
        blocking = self.settings.blocking
        if blocking is None and self.streams:
            blocking = False
        return FunctionSpec(self.name, description, parameters, blocking)


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of the arguments with every reference put in its place: models do not follow them."""
    definitions: dict[str, Any] = schema.get("$defs", {})

    def resolve(part: Any, depth: int) -> Any:
        if isinstance(part, list):
            return [resolve(item, depth) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            if depth > 16:
                raise TypeError("it refers to itself")
            return resolve(definitions[part["$ref"].rpartition("/")[2]], depth + 1)
        return {key: resolve(value, depth) for key, value in part.items() if key not in ("$defs", "title")}

    resolved: dict[str, Any] = resolve(schema, 0)
    return resolved


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """The description before any section, and what the section on arguments says of each."""
    description: list[str] = []
    documented: dict[str, str] = {}
    section, current = "", ""
    for line in text.splitlines():
        if _SECTION.match(line.strip()):
            section = "args"
        elif _OTHER_SECTION.match(line.strip()):
            section = "other"
        elif not section:
            description.append(line)
        elif section == "args":
            if match := _ARGUMENT.match(line):
                current = match[1]
                documented[current] = match[2].strip()
            elif current and line.strip():
                documented[current] += " " + line.strip()
    return "\n".join(description).strip(), documented
