"""An HTTP request as an entry of ``tools:``, and what holds for everything that calls by HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from ....pipeline.options import Range, Secret
from ..settings import ToolOptions
from .arguments import ArgumentSpec

__all__ = ["HttpTool", "Reach", "Value", "revealed"]

DEFAULT_RETRY_ON = (429, 502, 503, 504)

Value = Secret | int | float | bool
"""Of a header or a part of the query: text, which is never shown, or a number."""


@dataclass(frozen=True, kw_only=True)
class Reach(ToolOptions):
    """What holds for everything that calls by HTTP."""

    headers: dict[str, Value] | None = None
    """Headers of every request; keys come from the environment: ``Authorization: "Bearer ${KEY}"``."""
    query: dict[str, Value] | None = None
    """Parts of the query of every request."""
    hosts: tuple[str, ...] = ()
    """Hosts that may be called beside the one of the address, by redirects too; ``*.example.com`` is all below."""
    private: tuple[str, ...] = ()
    """Addresses, networks or hosts outside the public Internet that may be called: ``127.0.0.1``, ``10.0.0.0/8``."""
    retry_on: tuple[int, ...] = DEFAULT_RETRY_ON
    """Statuses that may pass: with `retries` it is asked again."""
    max_bytes: Annotated[int, Range(1, 100_000_000)] = 1_000_000
    """The longest answer that is read."""
    idempotency_header: str = "Idempotency-Key"
    """Under which name requests that change something carry the key of the caller's wish; empty for none."""


@dataclass(frozen=True, kw_only=True)
class HttpTool(Reach):
    """An HTTP request as a tool: an entry of ``tools``."""

    http: str
    """Method and address: ``GET https://api.example.com/tables/{table}``. ``{table}`` is an argument."""
    name: str = ""
    """What the model calls it."""
    description: str = ""
    """What the model is told of it."""
    arguments: dict[str, ArgumentSpec] | None = None
    """What the model gives; left out, every field of the request is a text."""
    body: Any = None
    """What is sent, as JSON, with fields; left out, what stands nowhere else is sent."""
    form: dict[str, Any] | None = None
    """The same, sent as a form."""
    result: str = ""
    """The part of the answer that the model is given: ``data.items[0]``, ``items[*].name``."""


def revealed(values: Mapping[str, Value] | None) -> dict[str, str]:
    """Headers or query as text, for the one place that sends them."""
    return {
        name: value.reveal()
        if isinstance(value, Secret)
        else str(value).lower()
        if value is True or value is False
        else str(value)
        for name, value in (values or {}).items()
    }
