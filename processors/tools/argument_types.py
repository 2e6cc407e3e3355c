"""From the way people annotate a function to the way msgspec reads it.

Descriptions and limits may be a plain text in ``Annotated``, a ``Doc``, pydantic's ``Field`` or a ``Ge`` of
annotated-types; each becomes ``msgspec.Meta``.
"""

from __future__ import annotations

import collections.abc
import copy
import dataclasses
import functools
import operator
import types
import typing
from datetime import date, datetime, time
from typing import Any, get_type_hints

import msgspec

from .foreign import is_model
from .one_of import readable_union

__all__ = ["MISSING", "argument", "readable", "said_of_fields"]

MISSING: Any = object()
"""There is no default."""

_FORMATS: dict[Any, str] = {datetime: "date-time", date: "date", time: "time"}
_LIMITS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern")


def argument(annotation: Any, default: Any = MISSING) -> tuple[Any, Any]:
    """The type and the default of a parameter as ``msgspec.defstruct`` takes them; `MISSING` where there is none."""
    if _is_field(default):
        # pydantic's `Field(3, ge=1)` in the place of a default.
        annotation = typing.Annotated[annotation, default]
        default = _default_of(default)
    else:
        for extra in _extras(annotation):
            if default is MISSING and _is_field(extra):
                default = _default_of(extra)
    if isinstance(default, list | dict | set | bytearray):
        default = msgspec.field(default_factory=functools.partial(copy.deepcopy, default))
    elif default is not MISSING and not _is_json(default):
        # A model's instance is a new one each time; a mark of the author's own is that very object.
        given = default
        fresh = functools.partial(copy.deepcopy, given) if is_model(type(given)) else lambda: given
        default = msgspec.field(default_factory=fresh)
    return readable(annotation), default


def _is_json(default: Any) -> bool:
    """Whether a schema can show it; what `field` made is shown by msgspec itself."""
    if type(default).__module__.startswith("msgspec"):
        return True
    try:
        msgspec.to_builtins(default)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def readable(annotation: Any) -> Any:
    """`annotation` with all that it says in `msgspec.Meta`, at every depth."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is object:
        return Any
    if origin is collections.abc.Iterable:
        # Whoever takes anything that can be gone through takes a list.
        return readable(list[arguments])  # type: ignore[valid-type]
    if origin is collections.abc.Callable:
        raise TypeError("a function is nothing that a model can give")
    if origin is typing.Annotated:
        inner = readable(arguments[0])
        metas = [meta for extra in arguments[1:] if (meta := _meta(extra)) is not None]
        return functools.reduce(lambda kind, meta: typing.Annotated[kind, meta], metas, inner)
    if annotation in _FORMATS:
        # msgspec names a format only where a zone is wanted.
        return typing.Annotated[annotation, msgspec.Meta(extra_json_schema={"format": _FORMATS[annotation]})]
    if origin is None or origin is typing.Literal or not arguments:
        return annotation
    if getattr(origin, "__module__", "").partition(".")[0] == "numpy":
        return origin
    inside = [readable(each) if each is not Ellipsis else each for each in arguments]
    if origin is typing.Union or origin is types.UnionType:
        return readable_union(functools.reduce(operator.or_, inside))
    if inside == list(arguments):
        return annotation
    return origin[tuple(inside)]


def said_of_fields(kind: Any) -> dict[str, dict[str, dict[str, str]]]:
    """What a schema should say of the fields of the classes inside a type: by the class's name, then the field's."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    _describe(kind, found, set())
    return found


def _describe(kind: Any, found: dict[str, dict[str, dict[str, str]]], seen: set[Any]) -> None:
    for inside in typing.get_args(kind):
        _describe(inside, found, seen)
    if not isinstance(kind, type) or kind in seen or not _has_fields(kind):
        return
    seen.add(kind)
    try:
        hints = get_type_hints(kind, include_extras=True)
    except (NameError, TypeError):
        return
    for name, hint in hints.items():
        said: dict[str, str] = {}
        for extra in _extras(hint):
            if (meta := _meta(extra)) is not None and meta.description:
                said["description"] = meta.description
        bare = typing.get_args(hint)[0] if _extras(hint) else hint
        if bare in _FORMATS:
            said["format"] = _FORMATS[bare]
        if said:
            found.setdefault(kind.__name__, {})[name] = said
        _describe(hint, found, seen)


def _has_fields(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or typing.is_typeddict(kind) or hasattr(kind, "_fields")


def _extras(annotation: Any) -> tuple[Any, ...]:
    return typing.get_args(annotation)[1:] if typing.get_origin(annotation) is typing.Annotated else ()


def _is_field(value: Any) -> bool:
    """Whether it is what pydantic's ``Field(...)`` gives."""
    return type(value).__name__ == "FieldInfo" and type(value).__module__.startswith("pydantic")


def _default_of(field: Any) -> Any:
    if field.is_required():
        return MISSING
    if field.default_factory is not None:
        return msgspec.field(default_factory=field.default_factory)
    return field.default


def _meta(extra: Any) -> msgspec.Meta | None:
    """What an item of ``Annotated`` says; None where that is nothing that a schema can hold."""
    if isinstance(extra, msgspec.Meta):
        return extra
    if isinstance(extra, str):
        return msgspec.Meta(description=extra)
    if isinstance(documentation := getattr(extra, "documentation", None), str):
        return msgspec.Meta(description=documentation)
    if type(extra).__name__ == "Doc" and isinstance(text := getattr(extra, "text", None), str):
        return msgspec.Meta(description=text)
    said: dict[str, Any] = {}
    for each in (extra, *getattr(extra, "metadata", ())):
        for name in _LIMITS:
            if (value := getattr(each, name, None)) is not None and not callable(value):
                said[name] = value
    if isinstance(description := getattr(extra, "description", None), str):
        said["description"] = description
    return msgspec.Meta(**said) if said else None
