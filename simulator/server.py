"""The simulator: a local server that speaks the Live API, over links in memory and over WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import re
import ssl
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote

from ..liveapi import JsonObject
from ..liveapi.link import Link, LinkClosed, memory_link_pair
from .authentication import Authenticator, accepts, api_of
from .behaviour import SECOND, Behaviour, Ids, Timing
from .brain import Brain, default_brain
from .brain_script import Script
from .closings import Closing
from .connection import serve_link
from .ears import Ears
from .http_request import HttpRequest, HttpResponse
from .mind import Mind
from .mind_brain import MindBrain
from .personality import PERSONALITIES, Personality, PersonalityName
from .recording import WireEvent
from .scenario import Scenario
from .scenario_player import ScenarioPlayer, ScenarioState
from .server_link import MemoryServerLink, ServerLink
from .session_store import SessionStore
from .shared_state import Entry, SharedState
from .speech_worker import SpeechWorker
from .tokens import TokenError, Tokens
from .voice import Voice

if TYPE_CHECKING:
    from .sockets import SocketServer

__all__ = ["DEFAULT_PATH", "LocalConnector", "Simulator"]

DEFAULT_PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
"""The path of the Gemini API's Live method."""

_AGENT = re.compile(r"/+agents/+([^/]+)/")
_REFUSE_WITHIN_S = 5.0
_NOT_FOUND = b"This is a simulator of the Live API: the path ends in BidiGenerateContent or in auth_tokens.\n"
_TOKENS = re.compile(r"(?:^|/)auth_tokens/?$")


def _wall_clock() -> float:
    """Seconds since 1970: what the times in a request for a token are told in."""
    return datetime.now(UTC).timestamp()


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

    A client is answered by the script that its path names (``/agents/<name>/ws/...``), else by the default one.

    Args:
        script: what is said when the path names no script; the simulator's own by default.
        scripts: others, by the name of their agent.
        scenario: what happens besides. Its settings stand for arguments that are not given.
        ears, voice: instead of the best that are installed.
        mind: a text model that thinks in the place of the scripts; an address is enough (`Mind`).
        keys: the API keys that are good; by default every key is, and none too.
        time_scale: factor on all durations: 0 is as fast as possible, 1 as the service.
        record: told of all that passes on the wire, such as a `WireLog`.
        max_sessions: how many may be open at once; more are closed with 1011.
        max_handles: how many resumption handles are remembered.
        personality: how unkind it is to its clients: ``kind``, ``typical`` or ``hostile`` (`personality`).
        seed: another seed has other handles and ids, and other moods; everything else is the same each time.
        wall_clock: seconds since 1970, for the times in requests for ephemeral tokens.
        options: attributes of `Behaviour`: `strict` (by default where the model is known), `models`,
            `send_cancellation`, `send_voice_activity`, `interim_transcripts`, `text_frames`, `connection_ns`,
            `go_away_ns`, `session_ns`, `video_session_ns`, `handle_ns`, `release_ns`, `setup_within_ns`.
    """

    def __init__(
        self,
        *,
        script: Script | None = None,
        scripts: Mapping[str, Script] | None = None,
        scenario: Scenario | None = None,
        ears: Ears | None = None,
        voice: Voice | None = None,
        mind: Mind | str | None = None,
        keys: Collection[str] | None = None,
        time_scale: float | None = None,
        record: Callable[[WireEvent], None] | None = None,
        max_sessions: int = 64,
        max_handles: int = 256,
        personality: PersonalityName | None = None,
        seed: int | None = None,
        wall_clock: Callable[[], float] = _wall_clock,
        **options: Any,
    ) -> None:
        scenario = scenario or Scenario()
        chosen = {**scenario.settings, **options}
        keys = chosen.pop("keys", None) if keys is None else keys
        scale = chosen.pop("time_scale", 1.0)
        scale = scale if time_scale is None else time_scale
        if scale < 0 or max_sessions < 1 or max_handles < 1:
            raise ValueError("time_scale must be at least 0, max_sessions and max_handles at least 1")
        chosen["models"] = frozenset(chosen.get("models", ()))
        asked_seed = chosen.pop("seed", 0)
        seed = asked_seed if seed is None else seed
        asked_name = chosen.pop("personality", "kind")
        mood = Personality(personality or asked_name, seed)
        if mood.name not in PERSONALITIES:
            raise ValueError(
                f"there is no personality {mood.name!r}: it is one of {', '.join(PERSONALITIES)}"
            )
        if chosen.get("send_cancellation") is None:
            chosen["send_cancellation"] = mood.announces_cancellations
        ids = Ids(seed)
        self._script = script or scenario.brain
        self._scripts = dict(scripts or {})
        self._mind = Mind(mind) if isinstance(mind, str) else mind
        self._worker = SpeechWorker(ears, voice, self._mind)
        self._record = record
        self._wall_clock = wall_clock
        self._tokens = Tokens(ids)
        self._authenticator = Authenticator(keys, self._tokens)
        behaviour = Behaviour(timing=Timing(scale=scale), **chosen)
        state = ScenarioState(scenario, personality=mood)
        self._shared = SharedState(SessionStore(max_handles), ids, behaviour, state)
        self._max_sessions = max_sessions
        self._sessions: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._servers: list[SocketServer] = []

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
            server.stop_listening()
        for task in self._sessions:
            task.cancel()
        try:
            # The sessions are ended already; an error of the caller's leaves as it is, in no group.
            await self._group.__aexit__(None, None, None)
        finally:
            for server in self._servers:
                await server.close()
            await self._worker.close()

    @property
    def notes(self) -> list[str]:
        """What is missing for real speech and how to get it, one line each; known after `warm_up`."""
        return list(self._worker.notes)

    @property
    def sessions(self) -> int:
        """How many are open."""
        return len(self._sessions)

    def add_script(self, name: str, script: Script) -> None:
        """From now on ``/agents/<name>/ws/...`` is answered by ``script``; open sessions keep theirs."""
        self._scripts[name] = script

    async def warm_up(self) -> None:
        """Load ears and voice, so that the first answer comes as fast as the second."""
        await self._worker.warm_up()

    def open(self, path: str = DEFAULT_PATH, headers: Mapping[str, str] | None = None) -> Link:
        """Connect a client in memory; returns its end.

        Args:
            headers: those in which a key or a token may be.

        Raises:
            ValueError: no method of the Live API has such a path.
        """
        if not accepts(path):
            raise ValueError(f"the path of a Live API ends in BidiGenerateContent, not in {path[-60:]!r}")
        ours, theirs = memory_link_pair()
        player = self._enter()
        if player.refused_status is not None:
            ours.abort()
        else:
            self._start(MemoryServerLink(ours), path, headers or {}, player)
        return theirs

    def connector(self, name: str = "") -> LocalConnector:
        """What connects the agent of this name."""
        return LocalConnector(self, name)

    def create_token(self, body: bytes = b"{}") -> str:
        """Make an ephemeral token, as a request to ``/v1beta/auth_tokens`` with this body does.

        Raises:
            ValueError: the request makes no sense.
        """
        now_ns = round(asyncio.get_running_loop().time() * SECOND)
        return self._tokens.create(body, now_ns=now_ns, wall_s=self._wall_clock())

    async def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        secret: str = "",
    ) -> int:
        """Serve WebSocket clients and requests for tokens, until the simulator ends; returns the port.

        Args:
            tls: with it TLS is spoken as well, on the same port.
            secret: what every path begins with; who does not know it, and every page in a browser, is refused.

        Raises:
            OSError: the address cannot be had.
        """
        from .sockets import listen

        def answer_the_initiated(request: HttpRequest) -> HttpResponse | Callable[[ServerLink], None]:
            prefix = f"/{secret}/"
            known = request.path[: len(prefix)].encode(errors="replace")
            # A program of ours sends no Origin; a page cannot help it.
            if "origin" in request.headers or not hmac.compare_digest(known, prefix.encode()):
                return HttpResponse(404, b"There is nothing here.\n")
            return self._answer(replace(request, path=request.path[len(prefix) - 1 :]))

        server = await listen(host, port, answer_the_initiated if secret else self._answer, tls)
        self._servers.append(server)
        return server.port

    def _answer(self, request: HttpRequest) -> HttpResponse | Callable[[ServerLink], None]:
        """A response to a request, or how to go on with the WebSocket that it asks for."""
        path, headers = request.path, request.headers
        if request.method == "OPTIONS":
            # A browser asks whether it may.
            return HttpResponse(204, b"")
        if _TOKENS.search(path.partition("?")[0]):
            return self._answer_with_token(request)
        if request.method != "GET" or not accepts(path):
            return HttpResponse(404, _NOT_FOUND)
        player = self._enter()
        if player.refused_status is not None:
            return HttpResponse(player.refused_status, b"The scenario refuses this connection.\n")
        if api_of(path).vertex and self._authenticator.admit(path, headers).refusal is not None:
            return HttpResponse.error(
                401, "UNAUTHENTICATED", "Request had invalid authentication credentials."
            )

        def start(link: ServerLink) -> None:
            self._start(link, path, headers, player)

        return start

    def _answer_with_token(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponse.error(405, "UNIMPLEMENTED", "A token is asked for by POST.")
        refusal = self._authenticator.may_create_tokens(request.path, request.headers).refusal
        if refusal is not None and refusal.code == 1008:
            return HttpResponse.error(403, "PERMISSION_DENIED", refusal.reason)
        if refusal is not None:
            return HttpResponse.error(400, "INVALID_ARGUMENT", refusal.reason)
        try:
            return HttpResponse.of_json({"name": self.create_token(request.body)})
        except TokenError as error:
            return HttpResponse.error(400, "INVALID_ARGUMENT", str(error))

    def _enter(self) -> ScenarioPlayer:
        if self._group is None:
            raise RuntimeError("the simulator is not running: use it with 'async with'")
        return self._shared.scenario.enter(round(asyncio.get_running_loop().time() * SECOND))

    def _start(
        self, link: ServerLink, path: str, headers: Mapping[str, str], player: ScenarioPlayer
    ) -> asyncio.Task[None]:
        assert self._group is not None
        if len(self._sessions) >= self._max_sessions:
            return self._group.create_task(_refuse(link, Closing.quota()), name="simulator refusal")
        found = _AGENT.match(path)
        script = self._scripts.get(unquote(found[1]), self._script) if found else self._script

        def make_brain(functions: Iterable[JsonObject], instruction: str) -> Brain:
            kind = Brain if self._mind is None else MindBrain
            return kind(script or default_brain(), functions, instruction)

        entry = Entry(api_of(path), self._authenticator.admit(path, headers), player)
        task = self._group.create_task(
            serve_link(link, self._shared, make_brain, self._worker, entry, self._record),
            name="simulator session",
        )
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)
        return task


async def _refuse(link: Link, closing: Closing) -> None:
    """Close, but as the service does: not before the client has said what it wants."""
    with contextlib.suppress(LinkClosed, TimeoutError):
        async with asyncio.timeout(_REFUSE_WITHIN_S):
            await link.recv()
    await link.close(closing.code, closing.reason)
