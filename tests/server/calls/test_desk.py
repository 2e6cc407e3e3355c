"""A desk without WebRTC: whoever brings a ``Leg`` has calls with limits, grants, inputs, metrics and an end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from livegraph.pipeline import Graph, In, Out, Processor, TextFrame
from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.errors import TransportError
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.pipeline.graph.plan import make_plan
from livegraph.pipeline.units import SECOND
from livegraph.server import CallRequest, Desk, EndReason, Grant, LegNumbers, Refusal, ServedAgent
from livegraph.server.calls.leg import Leg, LegState
from livegraph.server.limits import CallerLimits
from livegraph.server.metrics import Metrics
from livegraph.server.protocol import FromCaller, FromServer, Json, to_json


class Wire:
    """What the boxes of this transport find by type."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[str] = asyncio.Queue()
        self.heard: list[str] = []


class WireLeg:
    """A caller by a transport that the server does not know."""

    kind = "wire"

    def __init__(self, *, there: bool = True) -> None:
        self.id = secrets.token_urlsafe(16)
        self.wire = Wire()
        self.told: list[Json] = []
        self.listeners: list[Callable[[FromCaller], object]] = []
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._there = asyncio.Event()
        if there:
            self._there.set()

    @property
    def state(self) -> LegState:
        """See ``Leg``."""
        return "closed" if self._over.done() else "connected" if self._there.is_set() else "connecting"

    @property
    def resources(self) -> Mapping[type, Any]:
        """See ``Leg``."""
        return {Wire: self.wire}

    @property
    def reason(self) -> str:
        """See ``Leg``."""
        return self._over.result() if self._over.done() else ""

    @property
    def end_reason(self) -> EndReason:
        """See ``Leg``."""
        return EndReason.HUNG_UP if self.reason == "the caller rang off" else EndReason.LOST

    async def reached(self) -> None:
        """See ``Leg``."""
        coming = asyncio.create_task(self._there.wait())
        try:
            await asyncio.wait({coming, self._over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            coming.cancel()
        if self._over.done():
            raise TransportError(self.reason)

    async def connected(self) -> None:
        """See ``Leg``."""
        await self.reached()

    async def closed(self) -> str:
        """See ``Leg``."""
        return await asyncio.shield(self._over)

    def on_over(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """See ``Leg``."""

        def tell(over: asyncio.Future[str]) -> None:
            listener(over.result())

        self._over.add_done_callback(tell)

        def take_back() -> None:
            self._over.remove_done_callback(tell)

        return take_back

    def tell(self, message: FromServer) -> None:
        """See ``Leg``."""
        self.told.append(to_json(message))

    def listen(self, listener: Callable[[FromCaller], object]) -> Callable[[], None]:
        """See ``Leg``."""
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def numbers(self) -> LegNumbers:
        """See ``Leg``."""
        return LegNumbers(round_trip_ms=12.34)

    async def close(self, reason: str) -> None:
        """See ``Leg``."""
        self.ring_off(reason)

    def come(self) -> None:
        """The caller is there."""
        self._there.set()

    def ring_off(self, reason: str = "the caller rang off") -> None:
        """The caller is gone."""
        if not self._over.done():
            self._over.set_result(reason)


class FromWire(Processor):
    """What the caller says."""

    text: Out[TextFrame] = Out()

    async def run(self) -> None:
        """Until the call is over."""
        wire = self.call.resource(Wire)
        assert wire is not None
        while (said := await wire.said.get()) != "that is all":
            await self.text.send(TextFrame(text=said, time_ns=self.call.clock.now_ns()))


class ToWire(Processor):
    """What the caller hears."""

    text: In[TextFrame] = In()

    def on_text(self, frame: TextFrame) -> None:
        """In capitals, for whoever it is."""
        wire = self.call.resource(Wire)
        assert wire is not None
        wire.heard.append(f"{self.call.identity} in {self.call.inputs['room']}: {frame.text.upper()}")


def agent() -> ServedAgent:
    """Says everything back."""
    graph = Graph("echo")
    graph.add("from", FromWire)
    graph.add("to", ToWire)
    graph.connect("from", "to")
    return ServedAgent("echo", make_plan(graph, inputs={"room": InputSpec(default="the hall")}))


def made(leg: WireLeg) -> Callable[[ServedAgent], Any]:
    """``make_leg`` of this leg."""

    async def make(_: ServedAgent) -> Leg:
        return leg

    return make


async def until(fact: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(60):
        while not fact():
            await asyncio.sleep(0.01)


def test_a_caller_of_any_transport_has_a_call() -> None:
    """Its boxes find what the leg brings; grant and inputs are in the call; it is listed, counted, and told its end."""

    async def run() -> None:
        metrics = Metrics()
        async with Desk([agent()], max_calls=2, metrics=metrics) as desk:
            leg = WireLeg(there=False)
            asked = CallRequest(grant=Grant(identity="ada", inputs={"room": "12"}), address="192.0.2.1")
            line = await desk.admit(asked, made(leg))
            (call,) = desk.calls()
            assert (call["state"], call["transport"], call["identity"]) == ("pending", "wire", "ada")
            assert (desk.active, desk.pending) == (1, 1)
            assert leg.told == []
            leg.come()
            leg.wire.said.put_nowait("hello")
            await until(lambda: bool(leg.wire.heard))
            assert leg.wire.heard == ["ada in 12: HELLO"]
            assert [message["type"] for message in leg.told] == ["ready", "state"]
            (call,) = desk.calls()
            assert (call["state"], call["round_trip_ms"], call["jitter_ms"]) == ("running", 12.3, None)
            assert desk.pending == 0
            leg.wire.said.put_nowait("that is all")
            assert line.task is not None
            await line.task
            assert leg.told[-1] == {"type": "end", "reason": "completed"}
            assert leg.state == "closed"
            assert desk.calls() == []
        text = metrics.text().decode()
        assert 'livegraph_calls_total{agent="echo",reason="completed"} 1.0' in text

    run_virtual(run())


@pytest.mark.parametrize(
    ("how", "reason", "end"),
    [
        (lambda desk, line, leg: leg.ring_off(), "hung_up", None),
        (lambda desk, line, leg: leg.ring_off("no beat for 5s"), "lost", None),
        (lambda desk, line, leg: line.call.end("Goodbye for now."), "ended_by_agent", "Goodbye for now."),
        (
            lambda desk, line, leg: asyncio.create_task(desk.end(line.call.id, "We close.")),
            "operator",
            "We close.",
        ),
        (lambda desk, line, leg: asyncio.create_task(desk.end(line.call.id)), "operator", ""),
        (lambda desk, line, leg: asyncio.create_task(desk.hang_up(leg.id)), "hung_up", None),
        (lambda desk, line, leg: asyncio.create_task(desk.drain(0)), "shutdown", ""),
        (lambda desk, line, leg: asyncio.create_task(desk.close()), "shutdown", ""),
        (lambda desk, line, leg: line.call.end("shutdown"), "ended_by_agent", "shutdown"),
    ],
)
def test_every_end_has_a_reason_of_few(how: Callable[..., object], reason: str, end: str | None) -> None:
    """Whoever ends it: metrics have a word of the enumeration, and a caller who is there is told it with the details.

    Words that an agent chooses do not pass for another reason.
    """

    async def run() -> None:
        metrics = Metrics()
        async with Desk([agent()], max_calls=2, metrics=metrics) as desk:
            leg = WireLeg()
            line = await desk.admit(CallRequest(), made(leg))
            await until(lambda: line.running)
            doing = how(desk, line, leg)
            assert line.task is not None
            await line.task
            if isinstance(doing, asyncio.Task):
                await doing
            assert line.end_reason == reason
            ends = [message for message in leg.told if message["type"] == "end"]
            if end is None:
                assert ends == []
            else:
                assert ends == [{"type": "end", "reason": reason} | ({"detail": end} if end else {})]
        assert f'reason="{reason}"}} 1.0' in metrics.text().decode()

    run_virtual(run())


def test_an_operator_ends_a_call_at_once_whose_caller_is_not_there_yet() -> None:
    """Nobody is waited for to whom that could be said; the place is free."""

    async def run() -> None:
        async with Desk([agent()], max_calls=1, metrics=Metrics()) as desk:
            line = await desk.admit(CallRequest(), made(WireLeg(there=False)))
            began = asyncio.get_running_loop().time()
            await desk.end(line.call.id, "We close.")
            assert asyncio.get_running_loop().time() - began < 0.5
            assert line.task is not None and line.task.done()
            assert (line.end_reason, desk.active, desk.calls()) == ("operator", 0, [])

    run_virtual(run())


def test_limits_hold_for_every_transport() -> None:
    """Places, calls of one identity, the longest duration; a leg that cannot be made costs none."""

    async def run() -> None:
        limits = CallerLimits(calls=1, call_duration=10 * SECOND)
        async with Desk([agent()], max_calls=2, metrics=Metrics(), limits=limits) as desk:
            ada = CallRequest(grant=Grant(identity="ada"))

            async def broken(_: ServedAgent) -> Leg:
                assert desk.active == 1
                raise Refusal(502, "no_leg", "There is no line.")

            with pytest.raises(Refusal, match="no line"):
                await desk.admit(ada, broken)
            assert desk.active == 0
            leg = WireLeg()
            line = await desk.admit(ada, made(leg))
            with pytest.raises(Refusal) as refused:
                await desk.admit(ada, made(WireLeg()))
            assert refused.value.code == "too_many_calls"
            await desk.admit(CallRequest(), made(WireLeg()))
            with pytest.raises(Refusal) as refused:
                await desk.admit(CallRequest(), made(WireLeg()))
            assert refused.value.code == "full"
            assert line.task is not None
            await line.task
            assert leg.told[-1] == {"type": "end", "reason": "max_duration"}

    run_virtual(run())


def test_a_caller_who_never_comes_costs_nothing() -> None:
    """The call has not begun when its leg gives up, and ends as one that was not connected."""

    async def run() -> None:
        async with Desk([agent()], max_calls=1, metrics=Metrics()) as desk:
            leg = WireLeg(there=False)
            line = await desk.admit(CallRequest(), made(leg))
            await asyncio.sleep(1)
            assert not line.running
            leg.ring_off("no beat")
            assert line.task is not None
            await line.task
            assert line.end_reason is EndReason.LOST
            assert leg.told == []
            assert desk.active == 0

    run_virtual(run())
