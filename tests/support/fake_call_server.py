"""A server that the page can call, under the test's control: real HTTP, a real peer, no agent behind.

    async with fake_call_server() as server:
        ...the page at ``server.url`` calls...
        await server.send("state", state="thinking")

The peer sends the caller's own voice back. What the agent "does" is what the test sends on the data channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aioice.ice
import pytest
import uvicorn
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from aiortc.sdp import candidate_from_sdp
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import livegraph.server
from livegraph.server.client_file import client_file

__all__ = ["FakeCallServer", "Refusal", "fake_call_server"]

_PAGE = Path(livegraph.server.__file__).parent / "page"

DEFAULT_AGENTS = [
    {
        "name": "receptionist",
        "title": "Receptionist",
        "description": "The front desk of a dental practice: knows the opening hours and books appointments.",
    },
    {"name": "echo", "title": "Echo", "description": "Says back what you say."},
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the next offers get instead of an answer."""

    status: int
    code: str
    message: str = ""
    remedy: str = ""
    retry_after_s: int | None = None


@dataclass(slots=True)
class FakeCallServer:
    """One page's server. Lists grow as things happen; the test reads them."""

    agents: list[dict[str, Any]]
    url: str = ""
    port: int = 0
    refusal: Refusal | None = None
    answer_gate: asyncio.Event = field(default_factory=asyncio.Event)
    greeting: bool = True
    deaf: bool = False
    offers: list[dict[str, Any]] = field(default_factory=list)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    peers: list[RTCPeerConnection] = field(default_factory=list)
    channels: list[RTCDataChannel] = field(default_factory=list)

    async def send(self, type: str, **fields: Any) -> None:
        """Send one message on the newest call's data channel."""
        await self.until(lambda: bool(self.channels) and self.channels[-1].readyState == "open")
        self.channels[-1].send(json.dumps({"type": type, **fields}))

    async def break_off(self) -> None:
        """Close the newest call's peer with no goodbye of its own."""
        await self.peers[-1].close()

    def fall_silent(self) -> None:
        """Send nothing on the newest call's connection any more, as a machine that was switched off."""
        ice: Any = getattr(self.peers[-1].sctp.transport.transport, "_connection")  # type: ignore[union-attr]  # noqa: B009

        async def nothing(*_: object) -> None: ...

        ice.sendto = ice.send = nothing
        for protocol in ice._protocols:
            protocol.send_stun = lambda message, address: None

    async def until(self, true: Callable[[], bool], within_s: float = 30.0) -> None:
        """Wait until the condition holds.

        Raises:
            TimeoutError: it did not.
        """
        async with asyncio.timeout(within_s):
            while not true():
                await asyncio.sleep(0.02)

    def _note(self, data: str) -> None:
        message = json.loads(data)
        # The page tells of its own buffer every few seconds: no test is about when.
        if message["type"] != "playout":
            self.received.append(message)

    # ---- routes ----

    async def _agents(self, _: Request) -> Response:
        return JSONResponse({"agents": self.agents, "default": self.agents[0]["name"]})

    async def _client(self, _: Request) -> Response:
        return Response(client_file(), media_type="text/javascript")

    async def _config(self, _: Request) -> Response:
        return JSONResponse({"iceServers": []})

    async def _offer(self, request: Request) -> Response:
        offer = await request.json()
        self.offers.append(offer)
        await self.answer_gate.wait()
        if (no := self.refusal) is not None:
            headers = {} if no.retry_after_s is None else {"Retry-After": str(no.retry_after_s)}
            error = {"code": no.code, "message": no.message, "remedy": no.remedy}
            return JSONResponse({"error": error}, no.status, headers)
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peers.append(pc)

        @pc.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            pc.addTrack(track)

        @pc.on("datachannel")
        def on_channel(channel: RTCDataChannel) -> None:
            self.channels.append(channel)
            channel.on("message", self._note)
            if self.greeting:
                channel.send(
                    json.dumps({"type": "ready", "agent": offer.get("agent"), "live": "local simulator"})
                )
                channel.send(json.dumps({"type": "state", "state": "listening"}))

        await pc.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
        await pc.setLocalDescription(await pc.createAnswer())
        sdp = pc.localDescription.sdp
        if self.deaf:  # an answer whose candidates lead nowhere
            sdp = "\r\n".join(line for line in sdp.split("\r\n") if not line.startswith("a=candidate"))
            await pc.close()
        answer = {"sdp": sdp, "type": pc.localDescription.type, "pc_id": f"call-{len(self.peers)}"}
        return JSONResponse(answer)

    async def _trickle(self, request: Request) -> Response:
        body = await request.json()
        pc = self.peers[int(body["pc_id"].removeprefix("call-")) - 1]
        for item in body["candidates"]:
            self.candidates.append(item)
            candidate = candidate_from_sdp(item["candidate"].removeprefix("candidate:"))
            candidate.sdpMid, candidate.sdpMLineIndex = item["sdp_mid"], item["sdp_mline_index"]
            if not self.deaf:
                await pc.addIceCandidate(candidate)
        return Response(status_code=204)

    async def _hang_up(self, request: Request) -> Response:
        pc_id = request.path_params["pc_id"]
        self.hung_up.append(pc_id)
        await self.peers[int(pc_id.removeprefix("call-")) - 1].close()
        return Response(status_code=204)

    def app(self) -> Starlette:
        """The page and its API, under the content policy that the page must live with."""
        return Starlette(
            routes=[
                Route("/client.js", self._client),
                Route("/api/agents", self._agents),
                Route("/api/config", self._config),
                Route("/api/offer", self._offer, methods=["POST"]),
                Route("/api/offer", self._trickle, methods=["PATCH"]),
                Route("/api/offer/{pc_id}", self._hang_up, methods=["DELETE"]),
                Mount("/", StaticFiles(directory=_PAGE, html=True)),
            ],
            middleware=[Middleware(_ContentPolicy)],
        )


class _ContentPolicy:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", b"default-src 'self'"),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        await self._app(scope, receive, with_policy)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave Ctrl-C to pytest."""
        yield


@asynccontextmanager
async def fake_call_server(agents: list[dict[str, Any]] | None = None) -> AsyncIterator[FakeCallServer]:
    """Serve the page on a free port of the loopback interface while the block lasts."""
    server = FakeCallServer(DEFAULT_AGENTS if agents is None else agents)
    server.answer_gate.set()
    listener = socket.create_server(("127.0.0.1", 0))
    server.port = listener.getsockname()[1]
    server.url = f"http://localhost:{server.port}/"
    config = uvicorn.Config(
        server.app(), log_level="warning", ws="none", lifespan="off", timeout_graceful_shutdown=1
    )
    web = _Server(config)
    with pytest.MonkeyPatch.context() as patch:
        # aioice offers no loopback address of its own accord: a machine may have no other.
        patch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
        serving = asyncio.create_task(web.serve(sockets=[listener]))
        try:
            yield server
        finally:
            web.should_exit = True
            await serving
            listener.close()
            await asyncio.gather(*(pc.close() for pc in server.peers))
