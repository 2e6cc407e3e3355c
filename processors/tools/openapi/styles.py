"""How values of parameters are written in an address, a header or a cookie. Pure.

https://spec.openapis.org/oas/v3.1.1#style-values (RFC 6570 for most of them)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from ..http.templates import shown

__all__ = ["Placed", "Where", "in_cookie", "in_form", "in_header", "in_path", "in_query"]

Where = Literal["path", "query", "header", "cookie", "field", "body"]
_DEFAULT_STYLE = {"path": "simple", "header": "simple", "query": "form", "cookie": "form"}
_BETWEEN = {"spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an argument goes, under which name, and how it is written there."""

    where: Where
    name: str = ""
    style: str = ""
    explode: bool = False
    as_json: bool = False
    """Whether it is written as JSON whatever it is: a parameter with ``content``."""

    @classmethod
    def field(cls, name: str, encoding: Mapping[str, Any]) -> Placed:
        """A field of a body, and how a form writes it: without a ``style`` (nor ``explode``) as forms always did."""
        if not encoding.keys() & {"style", "explode", "allowReserved"}:
            return cls("field", name)
        style, explode = str(encoding.get("style") or "form"), encoding.get("explode")
        return cls(
            "field", name, style, style in ("form", "deepObject") if explode is None else bool(explode)
        )

    @classmethod
    def of(cls, parameter: Mapping[str, Any], where: Where) -> Placed:
        """As the document says, and by OpenAPI's defaults where it does not."""
        style = str(parameter.get("style") or _DEFAULT_STYLE[where])
        explode = parameter.get("explode")
        return cls(
            where,
            str(parameter.get("name", "")),
            style,
            style in ("form", "deepObject") if explode is None else bool(explode),
            isinstance(parameter.get("content"), Mapping),
        )


def in_query(placed: Placed, value: Any) -> list[tuple[str, str]]:
    """The pairs that it is."""
    name = placed.name
    if placed.as_json:
        return [(name, _json(value))]
    if placed.style == "deepObject":
        return list(_deep(name, value))
    if isinstance(value, Mapping):
        if placed.explode:
            return [(str(key), one) for key, each in value.items() for one in _each(each)]
        return [(name, ",".join(_flat(value, ",")))]
    if isinstance(value, list):
        if placed.explode:
            return [(name, shown(one)) for one in value]
        return [(name, _BETWEEN.get(placed.style, ",").join(map(shown, value)))]
    return [(name, shown(value))]


def in_form(placed: Placed, value: Any) -> list[tuple[str, str]]:
    """The pairs of a form's field: as its ``encoding`` says, else a list one by one and an object as JSON."""
    if placed.style:
        return in_query(placed, value)
    return [(placed.name, one) for one in _each(value)]


def _deep(name: str, value: Any) -> Iterable[tuple[str, str]]:
    """Objects and lists inside of each other, which the specification leaves open, as most services read them."""
    if isinstance(value, Mapping | list):
        inner = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, one in inner:
            yield from _deep(f"{name}[{key}]", one)
    else:
        yield name, shown(value)


def in_path(placed: Placed, value: Any) -> str:
    """What stands in the place of the field, quoted, so that it stays one part of the path."""
    if placed.as_json:
        return quote(_json(value), safe="")
    parts = [quote(one, safe="=") for one in _parts(placed, value)]
    name = quote(placed.name, safe="")
    if placed.style == "label":
        return "." + ("." if placed.explode else ",").join(parts)
    if placed.style == "matrix":
        if placed.explode and isinstance(value, list):
            return "".join(f";{name}={part}" for part in parts)
        if placed.explode and isinstance(value, Mapping):
            return "".join(f";{part}" for part in parts)
        return f";{name}={','.join(parts)}"
    return ",".join(parts)


def in_header(placed: Placed, value: Any) -> str:
    """The text of the header."""
    return _json(value) if placed.as_json else ",".join(_parts(placed, value))


def in_cookie(placed: Placed, value: Any) -> str:
    """One pair, as it stands among the cookies."""
    text = _json(value) if placed.as_json else ",".join(_parts(placed, value))
    return f"{placed.name}={quote(text, safe='')}"


def _parts(placed: Placed, value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return list(_flat(value, "=" if placed.explode else ","))
    return [shown(one) for one in value] if isinstance(value, list) else [shown(value)]


def _flat(value: Mapping[str, Any], between: str) -> Iterable[str]:
    for key, one in value.items():
        if between == ",":
            yield str(key)
            yield shown(one)
        else:
            yield f"{key}{between}{shown(one)}"


def _each(value: Any) -> list[str]:
    return [shown(one) for one in value] if isinstance(value, list) else [shown(value)]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
