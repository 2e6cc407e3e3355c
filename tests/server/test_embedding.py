"""Inside of other programs: mounted without a lifespan, answered from a route of one's own, and the examples."""

import asyncio
import importlib.util
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiortc import RTCSessionDescription
from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from livegraph.cli.web import WebServer
from livegraph.language import parse_agent
from livegraph.pipeline import AudioFrame, In, Processor
from livegraph.pipeline.events import CallStarted
from livegraph.pipeline.graph.graph import Graph
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.pipeline.graph.plan import make_plan
from livegraph.server import Arrival, CallDesk, Grant, Refusal, ServedAgent, make_app
from livegraph.server.metrics import Metrics
from livegraph.testing import no_tasks_left
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from support.web import Reply, Web
from support.webrtc import Caller

AGENT = "version: 1\ntitle: Echo\npipeline: [webrtc_in, webrtc_out]\n"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    """The module of an example."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@asynccontextmanager
async def served(app: Any, *, lifespan: str = "on") -> AsyncIterator[Web]:
    """Any ASGI application on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listening = asyncio.Event()
        server = WebServer(app, listening.set, grace_s=1)
        server.config.lifespan = lifespan  # type: ignore[assignment]
        task = asyncio.create_task(server.serve(sockets=[listener]))
        async with asyncio.timeout(20):
            await listening.wait()
        try:
            yield Web(listener.getsockname()[1], None, server)  # type: ignore[arg-type]
        finally:
            server.should_exit = True
            await task


async def an_offer() -> str:
    """A good offer of nobody."""
    caller = Caller(None)
    sdp = await caller.offer()
    await caller.hang_up()
    return sdp


async def talk(web: Web, path: str, **headers: str) -> Caller:
    """A call by the offer route at ``path``; returns when its agent is ready."""
    caller = Caller()
    offer = {"sdp": await caller.offer(), "type": "offer"}
    reply = await web.send_json("POST", path, offer, **headers)
    assert reply.status == 200, reply.body
    await caller.pc.setRemoteDescription(RTCSessionDescription(reply.json["sdp"], "answer"))
    async with asyncio.timeout(20):
        while not caller.messages:
            await asyncio.sleep(0.01)
    assert caller.messages[0]["type"] == "ready"
    return caller


@pytest.mark.parametrize("lifespan", ["on", "off"])
def test_mounted_it_answers_calls(lifespan: str) -> None:
    """Nobody runs the lifespan of what is mounted, and calls are answered all the same; ``close`` ends them."""

    async def run() -> None:
        voice = make_app([parse_agent(AGENT, file="echo.yaml")])
        outer = Starlette(routes=[Mount("/voice", voice)])
        async with no_tasks_left(settle_s=3), served(outer, lifespan=lifespan) as web:
            page: Reply = await web.ask("GET", "/voice/")
            assert page.headers["content-type"].startswith("text/html")
            assert (await web.ask("GET", "/voice/api/agents")).json["default"] == "echo"
            assert (await web.ask("GET", "/voice/main.js")).status == 200
            assert (await web.ask("GET", "/voice")).status == 307
            caller = await talk(web, "/voice/api/offer")
            assert voice.state.desk.active == 1
            await voice.state.desk.close()
            assert voice.state.desk.active == 0
            await caller.hang_up()

    asyncio.run(run())


def test_two_applications_in_one_process_below_a_prefix() -> None:
    """Each has its agents, its calls and its numbers; addresses that are handed out have the prefix that a proxy takes
    away, and what an application answers to preflights it answers below its mount."""

    async def run() -> None:
        apps = {
            name: make_app([parse_agent(AGENT, file=f"{name}.yaml")], metrics=True) for name in ("a", "b")
        }
        outer = Starlette(routes=[Mount(f"/{name}", app) for name, app in apps.items()])
        async with no_tasks_left(settle_s=3), served(outer, lifespan="off") as web:
            web.server.config.root_path = "/prefix"
            callers = [await talk(web, f"/{name}/api/offer") for name in apps]
            for name, app in apps.items():
                assert (await web.ask("GET", f"/{name}/api/agents")).json["default"] == name
                assert [call["agent"] for call in app.state.desk.calls()] == [name]
                assert (
                    f'livegraph_calls_active{{agent="{name}"}} 1.0'
                    in (await web.ask("GET", f"/{name}/metrics")).body.decode()
                )
                asked = await web.ask("OPTIONS", f"/{name}/whip")
                assert (asked.status, "application/sdp" in asked.headers["accept-post"]) == (204, True)
                started = await web.send_json("POST", f"/{name}/start", {"transport": "websocket"})
                assert started.json["wsUrl"] == f"ws://127.0.0.1:{web.port}/prefix/{name}/ws"
                made = await web.ask(
                    "POST",
                    f"/{name}/whip",
                    (await an_offer()).encode(),
                    headers={"Content-Type": "application/sdp"},
                )
                assert made.headers["location"].startswith(f"/prefix/{name}/whip/session/")
            await apps["a"].state.desk.drain(0)
            assert (await web.ask("GET", "/a/readyz")).json == {"status": "draining"}
            assert (await web.ask("GET", "/b/readyz")).json == {"status": "ready"}
            for app in apps.values():
                await app.state.desk.close()
            for caller in callers:
                await caller.hang_up()

    asyncio.run(run())


@pytest.mark.parametrize("metrics", [True, False])
@pytest.mark.parametrize("page", [True, False])
def test_each_part_is_there_or_not(page: bool, metrics: bool) -> None:
    """Page and metrics are switched one by one; the routes of calls and of health are there with each."""

    async def run() -> None:
        app = make_app([parse_agent(AGENT, file="echo.yaml")], page=page, metrics=metrics)
        async with served(Starlette(routes=[Mount("/voice", app)]), lifespan="off") as web:
            for path, there in (
                ("/", page),
                ("/main.js", page),
                ("/metrics", metrics),
                ("/api/agents", True),
                ("/healthz", True),
                ("/readyz", True),
                ("/client.js", True),
            ):
                assert (await web.ask("GET", f"/voice{path}")).status == (200 if there else 404), path
            await app.state.desk.close()

    asyncio.run(run())


def test_a_route_of_ones_own() -> None:
    """``desk.answer`` with a grant, a resource and the request; ``desk.calls`` and ``desk.end`` for the operator."""

    class Database:
        """Ours."""

    class Asks(Processor):
        """Takes note of what the call has."""

        audio: In[AudioFrame] = In()

        async def start(self) -> None:
            found.append((self.call.resource(Database), self.call.identity, dict(self.call.inputs)))

        def on_audio(self, frame: AudioFrame) -> None:
            """Nothing."""

    found: list[tuple[object, str, dict[str, Any]]] = []
    started: list[str] = []
    database = Database()
    graph = Graph("desk")
    graph.add("mic", WebRTCIn)
    graph.add("asks", Asks)
    graph.connect("mic", "asks")
    agent = ServedAgent("desk", make_plan(graph, inputs={"room": InputSpec(default="")}))

    async def on_call(request: Request | None, arrival: Arrival) -> None:
        assert request is not None
        if request.headers.get("x-blocked"):
            raise Refusal(403, "blocked", "Not today.")
        arrival.resources[Database] = database
        arrival.inputs["room"] = request.headers["x-room"]
        arrival.subscribe(CallStarted, lambda event: started.append(event.call))

    desk = CallDesk([agent], max_calls=2, metrics=Metrics(), on_call=on_call)

    async def answer(request: Request) -> JSONResponse:
        body = await request.json()
        try:
            answered = await desk.answer(body["sdp"], grant=Grant(identity="ada"), request=request)
        except Refusal as refusal:
            return refusal.response()  # type: ignore[return-value]
        return JSONResponse({"sdp": answered.sdp, "type": answered.type, "pc_id": answered.pc_id})

    async def run() -> None:
        app = Starlette(routes=[Route("/my/offer", answer, methods=["POST"])])
        async with desk, served(app) as web:
            blocked = await web.send_json(
                "POST", "/my/offer", {"sdp": await an_offer()}, **{"X-Blocked": "1"}
            )
            assert (blocked.status, blocked.error, desk.active) == (403, "blocked", 0)
            caller = await talk(web, "/my/offer", **{"X-Room": "12"})
            assert found == [(database, "ada", {"room": "12"})]
            (call,) = desk.calls()
            assert started == [call["id"]]
            assert (call["agent"], call["identity"], call["state"]) == ("desk", "ada", "running")
            await desk.end(call["id"], "enough")
            assert desk.calls() == []
            assert caller.messages[-1] == {"type": "end", "reason": "operator", "detail": "enough"}
            with pytest.raises(KeyError):
                await desk.end(call["id"])
            await caller.hang_up()

    asyncio.run(run())


def test_parts_can_be_left_out_and_metrics_are_ones_own() -> None:
    """No page, no metrics route, and the counters in the application's registry."""

    async def run() -> None:
        registry = CollectorRegistry()
        app = make_app([parse_agent(AGENT, file="echo.yaml")], page=False, registry=registry)
        async with served(app) as web:
            assert (await web.ask("GET", "/")).status == 404
            assert (await web.ask("GET", "/metrics")).status == 404
            assert (await web.ask("GET", "/api/agents")).status == 200
            assert b"livegraph_loop_lag_seconds" in generate_latest(registry)

    asyncio.run(run())


def test_fastapi_with_a_login() -> None:
    """The example: without a login no call, with one a call of the right customer, and the ticket is good once."""
    pytest.importorskip("fastapi")
    app = example("fastapi_login").make(b"0123456789abcdef0123456789abcdef")

    async def run() -> None:
        async with served(app) as web:
            assert (await web.send_json("POST", "/login", {"name": "ada", "password": "x"})).status == 401
            assert (await web.send_json("POST", "/voice/api/offer", {})).status == 401
            entered = await web.send_json("POST", "/login", {"name": "ada", "password": "correct horse"})
            header = {"Authorization": f"Bearer {entered.json['ticket']}"}
            listed = (await web.ask("GET", "/voice/api/agents", headers=header)).json
            assert "inputs" not in listed["agents"][0]
            caller = await talk(web, "/voice/api/offer", **header)
            offer = {"sdp": await an_offer(), "type": "offer"}
            again = await web.send_json("POST", "/voice/api/offer", offer, **header)
            assert (again.status, again.error) == (401, "ticket_used")
            await caller.hang_up()

    asyncio.run(run())


def test_django_beside_it() -> None:
    """The example: Django's cookie lets the caller in, both are one application."""
    pytest.importorskip("django")
    app = example("django_voice").make("a secret of this test, long enough for Django")

    async def run() -> None:
        async with served(app) as web:
            assert (await web.ask("GET", "/voice/api/agents")).status == 401
            entered = await web.ask("GET", "/enter")
            assert entered.status == 200
            cookie = entered.headers["set-cookie"].partition(";")[0]
            listed = await web.ask("GET", "/voice/api/agents", headers={"Cookie": cookie})
            assert listed.json["default"] == "desk"
            assert (await web.ask("GET", "/voice/")).status == 200
            caller = await talk(web, "/voice/api/offer", Cookie=cookie)
            await caller.hang_up()

    asyncio.run(run())


def test_a_desk_opens_again_in_another_loop() -> None:
    """An application that is used by several loops in turn, as test clients do, works in each."""
    app = make_app([parse_agent(AGENT, file="echo.yaml")])
    outer = Starlette(routes=[Mount("/voice", app)])

    async def run() -> None:
        async with served(outer) as web:
            caller = await talk(web, "/voice/api/offer")
            await caller.hang_up()
            async with asyncio.timeout(20):
                while app.state.desk.active:
                    await asyncio.sleep(0.01)

    asyncio.run(run())
    asyncio.run(run())
    assert json.dumps(app.state.desk.calls()) == "[]"
