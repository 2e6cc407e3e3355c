"""The inside of a running call, for a caller who is told everything: graph, flow, events, and what can be turned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from ...language.describe.drawing import draw_svg
from ...language.describe.picture import picture_of
from ...pipeline.errors import ConfigError, LivegraphError
from ...pipeline.events import (
    CallEnded,
    CallStarted,
    EdgeStalled,
    Event,
    Interrupted,
    KeyPressed,
    MuteChanged,
    NodeFailed,
    NodeSlow,
    OffloadCut,
    ServiceChanged,
    Tuned,
)
from ...pipeline.options import OptionSpec, live_options, option_specs
from ...pipeline.running.call import Call
from ...pipeline.units import MS
from ..protocol import Error, Flow, FromCaller, Graph, Happened, LiveOption, Tune, Watch
from .leg import Leg

__all__ = ["Watching"]

_EVERY_S = 1.0
"""How often the numbers of the edges are told: as often as a person can read them."""
_TOLD: tuple[type[Event], ...] = (
    Interrupted,
    ServiceChanged,
    NodeFailed,
    EdgeStalled,
    NodeSlow,
    OffloadCut,
    Tuned,
    KeyPressed,
    MuteChanged,
)


class Watching:
    """Answers one caller's ``watch`` and ``tune``. It costs nothing until it is asked, and ends with the call.

    ``title`` stands above the picture of the graph.
    """

    def __init__(self, call: Call, leg: Leg, title: str) -> None:
        self._call = call
        self._leg = leg
        self._title = title
        self._timer: asyncio.TimerHandle | None = None
        self._stops: list[Callable[[], None]] = []
        self._began_ns = 0
        # Only now: what a caller says before its call runs is kept for the first who listens, and that is a box.
        call.events.subscribe(CallStarted, self._begin)
        call.events.subscribe(CallEnded, lambda _: self._stop())

    def _begin(self, event: CallStarted) -> None:
        self._began_ns = event.time_ns
        self._leg.listen(self._heard)

    def _heard(self, message: FromCaller) -> None:
        if self._call.reason:
            return
        if isinstance(message, Watch):
            self._stop()
            if message.on:
                self._start()
        elif isinstance(message, Tune):
            self._tune(message)

    def _start(self) -> None:
        self._show_graph()
        events = self._call.events
        self._stops = [events.subscribe(kind, self._happened) for kind in _TOLD]
        self._measure()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for stop in self._stops:
            stop()
        self._stops = []

    def _measure(self) -> None:
        flows = {
            name: (stats.passed, stats.held, round(stats.held_ns / MS), stats.dropped, stats.stale)
            for name, stats in self._call.stats().items()
        }
        self._leg.tell(Flow(edges=flows))
        self._timer = asyncio.get_running_loop().call_later(_EVERY_S, self._measure)

    def _show_graph(self) -> None:
        checked = self._call.checked
        options = [
            _live_option(name, option_specs(node.processor)[option], value)
            for name, node in checked.nodes.items()
            for option, value in live_options(node.processor, node.options).items()
        ]
        svg = draw_svg(picture_of(checked, title=self._title))
        self._leg.tell(Graph(svg=svg, options=[option for option in options if option is not None]))

    def _happened(self, event: Event) -> None:
        fields = msgspec.to_builtins(event)
        time_ns = fields.pop("time_ns")
        told = ", ".join(f"{name} {value}" for name, value in fields.items() if value not in ("", None, 0))
        at_ms = round((time_ns - self._began_ns) / MS)
        self._leg.tell(Happened(kind=type(event).__name__, at_ms=at_ms, text=told))
        if isinstance(event, Tuned):
            self._show_graph()

    def _tune(self, message: Tune) -> None:
        try:
            self._call.tune({message.node: {message.option: message.value}})
        except KeyError as unknown:
            self._refuse(str(unknown.args[0]), "Look at the graph again: it may have changed.")
        except ConfigError as wrong:
            self._refuse("; ".join(problem.message for problem in wrong.problems), "Choose another value.")
        except LivegraphError as failed:
            self._refuse(str(failed), "")

    def _refuse(self, why: str, remedy: str) -> None:
        self._leg.tell(Error(code="not_tuned", message=why, remedy=remedy))


def _live_option(node: str, spec: OptionSpec, value: Any) -> LiveOption | None:
    """What a page can show as a slider or a switch; other kinds are turned in the file."""
    if isinstance(value, bool):
        return LiveOption(node=node, option=spec.name, value=value, doc=spec.doc)
    if not isinstance(value, int | float):
        return None
    low = high = None
    if spec.range is not None:
        low, high = spec.range.low, spec.range.high
    return LiveOption(
        node=node, option=spec.name, value=value, low=low, high=high, unit=spec.unit, doc=spec.doc
    )
