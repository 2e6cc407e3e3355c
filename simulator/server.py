"""The simulator: a local server that speaks the Live API, over links in memory and over WebSocket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, unquote

from ..processors.gemini_live.wire import JsonObject
from ..processors.gemini_live.wire.link import Link, memory_link_pair
from .behaviour import SECOND, Behaviour, Ids, Timing
from .brain import Brain, default_brain
from .brain_script import Script
from .closings import Closing
from .connection import serve_link
from .ears import Ears
from .session import House
from .speech_worker import SpeechWorker
from .store import SessionStore
from .voice import Voice

if TYPE_CHECKING:
    from websockets.asyncio.server import Server

__all__ = ["DEFAULT_PATH", "LocalConnector", "Simulator"]

DEFAULT_PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
"""The path of the Gemini API's Live method."""

_METHOD = re.compile(r"BidiGenerateContent(?:Constrained)?$")
_AGENT = re.compile(r"/+agents/+([^/]+)/")


class LocalConnector:
    """Connects a client in this process to a simulator, as one agent's service.

    It has what the processor ``gemini_live`` expects of a connector.
    """

    label = "local simulator"

    def __init__(self, simulator: Simulator, name: str) -> None:
        self._simulator = simulator
        self._prefix = f"/agents/{quote(name, safe='')}" if name else ""

    async def connect(self, path: str = DEFAULT_PATH, headers: Mapping[str, str] | None = None) -> Link:
        """A fresh connection. Raises ``ValueError`` for a path that is not of the Live API."""
        return self._simulator.open(self._prefix + path, headers)


class Simulator:
    """A Live API of one's own: an async context manager that owns all of its sessions.

    A client is answered by the script that its path names (``/agents/<name>/ws/...``), else by the default one. A key
    may be sent; it is not looked at.

    Args:
        script: what is said when the path names no script; the simulator's own by default.
        scripts: others, by the name of their agent.
        ears, voice: instead of the best that are installed.
        time_scale: factor on all durations: 0 is as fast as possible, 1 as the service.
        strict: refuse unknown fields, as the service does.
        send_cancellation: whether an interruption announces that it cancels the calls of tools.
        send_voice_activity: whether start and end of speech are reported.
        text_frames: send text frames instead of binary ones.
        connection_ns: how long a connection may last, None for ever; `go_away_ns` before that it is told.
        max_sessions: how many may be open at once; more are closed with 1011.
        max_handles: how many resumption handles are remembered.
        seed: other handles and ids for another seed; everything else is the same each time.
    """

    def __init__(
        self,
        *,
        script: Script | None = None,
        scripts: Mapping[str, Script] | None = None,
        ears: Ears | None = None,
        voice: Voice | None = None,
        time_scale: float = 1.0,
        strict: bool = False,
        send_cancellation: bool = True,
        send_voice_activity: bool = True,
        text_frames: bool = False,
        connection_ns: int | None = 600 * SECOND,
        go_away_ns: int = 50 * SECOND,
        max_sessions: int = 64,
        max_handles: int = 256,
        seed: int = 0,
    ) -> None:
        if time_scale < 0 or max_sessions < 1 or max_handles < 1:
            raise ValueError("time_scale must be at least 0, max_sessions and max_handles at least 1")
        self._script = script
        self._scripts = dict(scripts or {})
        self._worker = SpeechWorker(ears, voice)
        self._house = House(
            SessionStore(max_handles),
            Ids(seed),
            Behaviour(
                timing=Timing(scale=time_scale),
                strict=strict,
                send_cancellation=send_cancellation,
                send_voice_activity=send_voice_activity,
                text_frames=text_frames,
                connection_ns=connection_ns,
                go_away_ns=go_away_ns,
            ),
        )
        self._max_sessions = max_sessions
        self._sessions: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._servers: list[Server] = []

    async def __aenter__(self) -> Self:
        if self._group is not None:
            raise RuntimeError("a simulator can be entered once")
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._group is not None
        for server in self._servers:
            server.close(close_connections=False)
        for task in self._sessions:
            task.cancel()
        try:
            # The sessions are ended already; an error of the caller's leaves as it is, in no group.
            await self._group.__aexit__(None, None, None)
        finally:
            for server in self._servers:
                server.close()
                await server.wait_closed()
            await self._worker.close()

    @property
    def notes(self) -> list[str]:
        """What is missing for real speech and how to get it, one line each; known after `warm_up`."""
        return list(self._worker.notes)

    @property
    def sessions(self) -> int:
        """How many are open."""
        return len(self._sessions)

    async def warm_up(self) -> None:
        """Load ears and voice, so that the first answer comes as fast as the second."""
        await self._worker.warm_up()

    def open(self, path: str = DEFAULT_PATH, headers: Mapping[str, str] | None = None) -> Link:
        """Connect a client in memory; returns its end.

        Args:
            headers: accepted for likeness with a real connection, and not looked at.

        Raises:
            ValueError: no method of the Live API has such a path.
        """
        if not _accepts(path):
            raise ValueError(f"the path of a Live API ends in BidiGenerateContent, not in {path[-60:]!r}")
        ours, theirs = memory_link_pair()
        self._start(ours, path)
        return theirs

    def connector(self, name: str = "") -> LocalConnector:
        """What connects the agent of this name."""
        return LocalConnector(self, name)

    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve WebSocket clients, until the simulator ends; returns the port.

        Raises:
            OSError: the address cannot be had.
        """
        from .sockets import serve_websockets

        async def run(link: Link, path: str) -> None:
            await asyncio.wait([self._start(link, path)])

        server = await serve_websockets(host, port, _accepts, run)
        self._servers.append(server)
        bound: int = next(iter(server.sockets)).getsockname()[1]
        return bound

    def _start(self, link: Link, path: str) -> asyncio.Task[None]:
        if self._group is None:
            raise RuntimeError("the simulator is not running: use it with 'async with'")
        if len(self._sessions) >= self._max_sessions:
            return self._group.create_task(_refuse(link, Closing.quota()), name="simulator refusal")
        found = _AGENT.match(path)
        script = self._scripts.get(unquote(found[1]), self._script) if found else self._script

        def make_brain(functions: Iterable[JsonObject], instruction: str) -> Brain:
            return Brain(script or default_brain(), functions, instruction)

        vertex = "google.cloud.aiplatform" in path
        task = self._group.create_task(
            serve_link(link, self._house, make_brain, self._worker, vertex=vertex), name="simulator session"
        )
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)
        return task


def _accepts(path: str) -> bool:
    return _METHOD.search(path.partition("?")[0]) is not None


async def _refuse(link: Link, closing: Closing) -> None:
    await link.close(closing.code, closing.reason)
