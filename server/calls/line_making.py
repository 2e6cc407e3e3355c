"""A line of a caller who was let in: its call with all that is given to it, and those who watch it."""

from __future__ import annotations

from collections.abc import Callable

from ...processors.tools.page import CallersPage
from ..access.grant import ReportLevel
from ..call_events import CallEvents
from ..metrics import Metrics
from ..tracing import Tracing
from .admission import Admission
from .leg import Leg
from .line import Line
from .page_functions import PageFunctions
from .page_messages import PageMessages
from .reception import Admitted, CallRequest
from .warden import Warden
from .watching import Watching

__all__ = ["LineMaker"]


class LineMaker:
    """Makes the lines of one desk.

    Args:
        report: what callers are told, where their grants say nothing else.
        closing: asked whether the desk ends all calls.
    """

    def __init__(
        self,
        admission: Admission,
        metrics: Metrics,
        tracing: Tracing | None,
        report: ReportLevel,
        closing: Callable[[], bool],
    ) -> None:
        self._admission = admission
        self._metrics = metrics
        self._tracing = tracing
        self._report = report
        self._closing = closing

    def make(self, admitted: Admitted, asked: CallRequest, leg: Leg, began_ns: int) -> Line:
        """The line of a leg; its call has not begun. Raises what making a call raises."""
        agent, arrival, grant = admitted.agent, admitted.arrival, admitted.arrival.grant
        page, messages = PageFunctions(leg), arrival.page
        call = agent.plan.call(
            inputs=arrival.inputs,
            resources={
                **agent.resources,
                CallersPage: page,
                PageMessages: messages,
                **leg.resources,
                **arrival.resources,
            },
            identity=grant.identity,
        )
        page.attach(call)
        messages.attach(call, leg)
        for event, observer in arrival._observers:
            call.events.subscribe(event, observer)
        self._metrics.watch(agent.name, call.events)
        level = grant.report or self._report
        told = CallEvents(call.events, leg.tell, call=call.id, agent=agent.name, live=agent.live, level=level)
        if level == "full":
            Watching(call, leg, agent.title or agent.name)
        warden = Warden(self._admission.limits_of(grant), call.events)
        trace = None
        if self._tracing is not None:
            headers = asked.headers if asked.request is None else asked.request.headers
            trace = self._tracing.begin(agent.name, call.id, agent.plan, call.events, headers)
        return Line(agent, leg, call, told, admitted.entry, warden, began_ns, self._closing, trace)
