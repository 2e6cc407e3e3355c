"""What one caller may do here."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from starlette.requests import HTTPConnection, Request

from ..arguments import WrongArgument, an_instance, one_of, several
from ..limits.caller import CallerLimits

__all__ = ["ANYBODY", "Authorize", "Grant", "ReportLevel", "bearer_of"]

ReportLevel = Literal["none", "names", "full"]
"""What a caller is told of its call besides the conversation itself.

``none``: nothing. ``names``: which tools run and how they end. ``full``: their arguments and results, and the
model's thoughts, as well. The text of an exception is told at no level.
"""

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_LONGEST_BEARER = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a caller that was recognised may do. Raises ``ValueError`` for what is none of it."""

    identity: str = ""
    """Who calls, in words of yours: limits count by it, boxes and tools see it as ``call.identity``."""
    agents: tuple[str, ...] = ()
    """The agents that it may call, the first by default; none named means all."""
    inputs: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    """Inputs of the agent that are set for it: it can neither change nor leave them out."""
    report: ReportLevel | None = None
    """What it is told; the server's level by default."""
    limits: CallerLimits | None = None
    """Other limits than the server's."""
    once: str = ""
    """A name that one call may be made by: another call by the same name is refused."""
    expires_s: float = 0.0
    """When ``once`` is void anyway, in seconds since 1970."""

    def __post_init__(self) -> None:
        an_instance("identity", self.identity, str, "a text")
        an_instance("inputs", self.inputs, Mapping, "a mapping of names to values")
        object.__setattr__(self, "agents", tuple(several("agents", self.agents, "names")))
        if self.report is not None:
            one_of("report", self.report, get_args(ReportLevel))
        if self.limits is not None:
            an_instance("limits", self.limits, CallerLimits, "a CallerLimits")
        an_instance("once", self.once, str, "a text")
        try:
            (self.identity + self.once).encode()
        except UnicodeEncodeError:
            # Half of a surrogate pair: nobody could be told who calls.
            raise WrongArgument(
                "identity or once has half a character; both are text that UTF-8 holds"
            ) from None

    def may_call(self, agent: str) -> bool:
        """Whether it may call this agent."""
        return not self.agents or agent in self.agents

    @property
    def shown(self) -> str:
        """Who it is, for logs: the identity on one line, or a short mark where it is long."""
        if not self.identity:
            return "-"
        if len(self.identity) <= 64 and self.identity.isprintable():
            return self.identity
        return "#" + hashlib.sha256(self.identity.encode(errors="replace")).hexdigest()[:12]


ANYBODY = Grant()
"""Nobody in particular, who may call all agents."""

Authorize = Callable[[Request], Awaitable[Grant | None] | Grant | None]
"""Says what the sender of a request may do; ``None`` when it may do nothing.

It is asked before the body of the request is read. It may raise ``Refusal``, or Starlette's ``HTTPException``. A plain
function is called on the event loop: everybody waits for it.
"""


def bearer_of(request: HTTPConnection) -> str:
    """The token of ``Authorization: Bearer ...``; empty without one, and for one that is too long to be right."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and len(token) <= _LONGEST_BEARER else ""
