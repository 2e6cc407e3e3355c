"""While a caller is on its way the connection to the model is opened, and nothing is asked for that costs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from livegraph.language import parse_agent
from livegraph.liveapi.link import Link, LinkClosed
from livegraph.pipeline import Secret
from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.running.call import Call
from livegraph.processors.gemini_live import Credentials, LiveConnector
from livegraph.processors.gemini_live.endpoint import Endpoint
from livegraph.processors.gemini_live.link_ahead import LinkAhead
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import DEFAULT_PATH, Simulator
from livegraph.simulator.voice import TonesVoice

AGENT = "version: 1\npipeline: [app_in, gemini_live: {greeting: Good morning}, app_out: {from: gemini_live.out}]\n"


class Watched(LiveConnector):
    """The simulator, three seconds away."""

    label = "far away"

    def __init__(self, simulator: Simulator, *, refused: int = 0) -> None:
        self._inner = simulator.connector()
        self._refused = refused
        self.links: list[WatchedLink] = []

    async def connect(self, path: str, headers: Mapping[str, str]) -> Link:
        """Takes its time."""
        await asyncio.sleep(3)
        if self._refused:
            self._refused -= 1
            raise LinkClosed(1006, "nobody there")
        link = WatchedLink(await self._inner.connect(path, headers))
        self.links.append(link)
        return link


class WatchedLink:
    """Counts what is sent."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.sent = 0
        self.aborted = False

    async def send(self, message: str | bytes) -> None:
        """One message."""
        self.sent += 1
        await self._link.send(message)

    async def recv(self) -> str | bytes:
        """One message."""
        return await self._link.recv()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """In an orderly way."""
        await self._link.close(code, reason)

    def abort(self) -> None:
        """At once."""
        self.aborted = True
        self._link.abort()


def calling(resources: Mapping[type, Any]) -> Call:
    """A call of the agent."""
    return parse_agent(AGENT, file="ahead.yaml").plan().call(resources=resources)


def test_only_the_connection_is_made_ahead() -> None:
    """Before the call begins there is a connection over which nothing has been sent; the call then uses it."""

    async def run() -> None:
        async with Simulator(ears=NoEars(), voice=TonesVoice()) as simulator:
            connector = Watched(simulator)
            call = calling({LiveConnector: connector})
            async with call.ahead():
                await asyncio.sleep(10)
                (link,) = connector.links
                assert link.sent == 0
                began = asyncio.get_running_loop().time()
                async with call:
                    assert asyncio.get_running_loop().time() - began < 2.5
                    assert link.sent == 1
                assert connector.links == [link]
            assert not link.aborted

    run_virtual(run())


def test_what_nobody_takes_is_closed() -> None:
    """A call that never began leaves no connection, whether it stood or was on its way."""

    async def run() -> None:
        async with Simulator(ears=NoEars(), voice=TonesVoice()) as simulator:
            connector = Watched(simulator)
            async with calling({LiveConnector: connector}).ahead():
                await asyncio.sleep(10)
            assert [link.aborted for link in connector.links] == [True]
            async with calling({LiveConnector: connector}).ahead():
                await asyncio.sleep(1)
            await asyncio.sleep(10)
            assert len(connector.links) == 1
            assert simulator.sessions == 0

    run_virtual(run())


@pytest.mark.parametrize("how", ["refused", "lost"])
def test_a_connection_that_failed_ahead_costs_the_call_nothing_but_its_time(how: str) -> None:
    """The call makes another, as if nothing had been tried."""

    async def run() -> None:
        async with Simulator(ears=NoEars(), voice=TonesVoice()) as simulator:
            connector = Watched(simulator, refused=1 if how == "refused" else 0)
            call = calling({LiveConnector: connector})
            async with call.ahead():
                await asyncio.sleep(10)
                for link in connector.links:
                    link.abort()
                async with call:
                    assert connector.links[-1].sent == 1

    run_virtual(run())


def test_a_credential_is_fetched_once_and_told_to_nobody() -> None:
    """What was fetched ahead is kept out of what a server says, as what is fetched in the call is."""

    class Fetched(Credentials):
        times = 0

        async def fetch(self) -> Secret:
            """A secret."""
            self.times += 1
            return Secret("fetched-secret")

    async def run() -> None:
        async with Simulator(ears=NoEars(), voice=TonesVoice()) as simulator:
            fetched, connector = Fetched(), Watched(simulator)
            ahead, later = (Endpoint("local", connector, DEFAULT_PATH, credentials=fetched) for _ in range(2))
            async with LinkAhead.opening(ahead) as made:
                assert made is not None
                link = await made.connect(later)
                assert (connector.links, fetched.times) == ([link], 1)
                assert later.redact("it is fetched-secret") == "it is ***"
                assert await made.connect(later) is not link

    run_virtual(run())
