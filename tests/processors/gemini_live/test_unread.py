"""A server that takes a connection and reads nothing is lost, whether it sends or not, and the call ends in time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from livegraph.language import parse_agent
from livegraph.liveapi.link import Link, LinkClosed
from livegraph.pipeline import ProcessorError
from livegraph.pipeline.clock import run_virtual
from livegraph.processors.gemini_live import LiveConnector

AGENT = "version: 1\npipeline: [app_in, gemini_live: {greeting: Good morning}, app_out: {from: gemini_live.out}]\n"
FIVE_MINUTES = 300


class Unread:
    """A link into nothing: what is sent fills the buffers of the network, and then nothing goes any more."""

    exact = False
    piece_ns = 0
    received = 0

    def __init__(self, *, talks: bool) -> None:
        self._talks = talks
        self._told = 0
        self._sent = 0
        self._closed = asyncio.Event()

    async def send(self, message: str | bytes) -> None:
        """As long as there is room."""
        self._sent += 1
        if self._sent > 20:
            await self._closed.wait()
        if self._closed.is_set():
            raise LinkClosed(1006)

    async def recv(self) -> str | bytes:
        """The setup's answer; then something each second, or nothing."""
        if self._closed.is_set():
            raise LinkClosed(1006)
        self._told += 1
        if self._told == 1:
            return json.dumps({"setupComplete": {}})
        if self._talks:
            await asyncio.sleep(1)
            return json.dumps({"serverContent": {}})
        await self._closed.wait()
        raise LinkClosed(1006)

    async def probe(self) -> None:
        """Nobody answers."""
        await self._closed.wait()
        raise LinkClosed(1006)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Nobody answers that either."""
        await self._closed.wait()

    def abort(self) -> None:
        """Gone."""
        self._closed.set()


class Nowhere(LiveConnector):
    """Where nobody reads."""

    label = "the wall"

    def __init__(self, *, talks: bool) -> None:
        self._talks = talks
        self.connections = 0

    async def connect(self, path: str, headers: Mapping[str, str]) -> Link:
        """At once."""
        self.connections += 1
        return Unread(talks=self._talks)


@pytest.mark.parametrize("talks", [True, False], ids=["talks", "silent"])
def test_who_reads_nothing_is_lost_and_the_call_ends(talks: bool) -> None:
    """After a second connection that takes nothing the caller is told; minutes, not hours."""

    async def run() -> float:
        connector = Nowhere(talks=talks)
        call = parse_agent(AGENT, file="unread.yaml").plan().call(resources={LiveConnector: connector})
        with pytest.raises(ProcessorError, match="reads nothing"):
            await call.run()
        # A second session, and the line that an agent falls back to.
        assert 2 <= connector.connections <= 3
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) < FIVE_MINUTES
