"""An offer and its answer as plain data: what goes from where an offer arrives to the worker that takes its call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .access.grant import ANYBODY, Grant

__all__ = ["Answered", "Offer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a caller asks for. All of it can be sent to another process."""

    sdp: str
    kind: str = "offer"
    """The ``type`` that came with it."""
    agent: str | None = None
    """The one that is called; the grant's, or the first, by default."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """What the caller brings along for the inputs that the agent declares."""
    grant: Grant = ANYBODY
    """What this caller may do."""
    address: str = ""
    """Where it asks from; limits count by it."""
    resumes: bool = False
    """Whether the caller comes back when its connection was closed without a goodbye."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By which the call joins a trace: ``traceparent``, ``tracestate``, ``baggage``."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What else the caller's page has sent along, for the program around the agent."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the caller gets for its offer."""

    sdp: str
    type: str
    pc_id: str
    resume: str = ""
    """Good for one further offer, from another connection, that goes on with this call."""
