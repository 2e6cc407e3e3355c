"""What a program gives to a desk, looked at before the desk is made of it."""

from __future__ import annotations

from typing import get_args

from ..access.grant import ReportLevel
from ..access.ticket_store import TicketStore
from ..arguments import WrongArgument, a_function, an_instance, one_of, whole
from ..limits.caller import CallerLimits
from ..metrics import Metrics
from ..tracing import Tracing
from .arrival import OnCall

__all__ = ["check_settings"]


def check_settings(
    max_calls: int,
    max_pending: int | None,
    limits: CallerLimits | None,
    report: ReportLevel,
    on_call: OnCall | None,
    metrics: Metrics | None,
    tracing: Tracing | None,
    used_tickets: TicketStore | None,
) -> None:
    """Raise ``ValueError`` for what a program without type checks may get wrong."""
    whole("max_calls", max_calls, least=1)
    if max_pending is not None:
        whole("max_pending", max_pending, least=1)
    if limits is not None:
        an_instance("limits", limits, CallerLimits, "a CallerLimits")
    one_of("report", report, get_args(ReportLevel))
    if on_call is not None:
        a_function("on_call", on_call, ["request", "call"])
    if metrics is not None:
        an_instance(
            "metrics", metrics, Metrics, "a Metrics", "Metrics(registry) counts in a registry of yours"
        )
    if tracing is not None:
        an_instance("tracing", tracing, Tracing, "a Tracing", "Tracing() takes the program's own provider")
    if used_tickets is not None and not (hasattr(used_tickets, "use") and hasattr(used_tickets, "forget")):
        raise WrongArgument(
            "used_tickets has no use and forget; SharedTickets(Path(...)) has, see TicketStore"
        )
