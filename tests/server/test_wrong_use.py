"""What a program that embeds the server gets wrong: named at once in one sentence, and never told to a caller."""

# Wrong use is what is tried here, and most of it would be named by a type checker.
# mypy: disable-error-code="arg-type, list-item, assignment, index"

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import Request

from livegraph import load_agent
from livegraph.language import parse_agent
from livegraph.pipeline import file_contents
from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.errors import ConfigError
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.server import (
    Arrival,
    CallDesk,
    CallerLimits,
    CallRequest,
    Desk,
    Grant,
    Refusal,
    ServedAgent,
    Tickets,
    TurnService,
    make_admin_app,
    make_app,
)
from livegraph.server.calls.leg import Leg
from livegraph.server.gate import Gate
from livegraph.server.metrics import Metrics
from livegraph.server.page_folder import PageFolder
from livegraph.transports.webrtc.webrtc_in import WebRTCIn

ECHO = parse_agent("version: 1\ntitle: Echo\npipeline: [webrtc_in, webrtc_out]\n", file="echo.yaml")
SECRET = "hunter2-marked-secret"
"""Stands where programs have secrets; no answer and no record may have it."""


def made(**options: Any) -> Callable[[], object]:
    return lambda: make_app([ECHO], **options)


WRONG: Mapping[str, tuple[Callable[[], object], str]] = {
    "one agent": (lambda: make_app(ECHO), "a list of them: [agent]"),
    "a path": (lambda: make_app(["desk.yaml"]), "load_agent("),
    "a text": (lambda: make_app("desk.yaml"), "load_agent("),
    "no agents": (lambda: make_app([]), "needs one at least"),
    "None": (lambda: make_app(None), "agents is None"),
    "a plan": (lambda: make_app([ECHO.plan()]), "there is a Plan in the list"),
    "twice": (lambda: make_app([ECHO, ECHO]), "two that are called 'echo'"),
    "authorize no function": (made(authorize="tokens.yaml"), "authorize(request)"),
    "authorize of nothing": (made(authorize=lambda: None), "takes ()"),
    "on_call of one": (made(on_call=lambda request: None), "on_call(request, call)"),
    "max_calls text": (made(max_calls="32"), "max_calls is '32'"),
    "max_calls none": (made(max_calls=0), "1 or more"),
    "max_calls true": (made(max_calls=True), "max_calls is True"),
    "max_pending none": (made(max_pending=0), "max_pending is 0"),
    "limits a dict": (made(limits={"calls": 1}), "a CallerLimits"),
    "report misspelt": (made(report="name"), "did you mean 'names'?"),
    "one origin": (made(allow_origins="https://voice.example.org"), "a list of origins"),
    "origin of a number": (made(allow_origins=[7]), "an int in the list"),
    "no origin": (made(allow_origins=["voice.example.org"]), "looks like https://"),
    "one host": (made(allow_hosts="voice.example.org"), "a list of names"),
    "a relay's password": (made(ice_servers=[{"urls": "turn:r", "credential": SECRET}]), "TurnService"),
    "a server without urls": (made(ice_servers=[{"url": "stun:s"}]), '"urls"'),
    "servers of text": (made(ice_servers=["stun:s"]), "a str in the list"),
    "turn of text": (made(turn=f"turn:user:{SECRET}@relay"), "turn is a str; it is a TurnService"),
    "port of text": (made(udp_port="4000"), "udp_port is '4000'"),
    "port too large": (made(udp_port=70_000), "no port"),
    "one media host": (made(media_hosts="0.0.0.0"), "a list of addresses"),
    "one public address": (made(public_addresses="203.0.113.7"), "a list of addresses"),
    "ice misspelt": (made(ice="light"), "lite or full"),
    "silence in seconds": (made(silence_ns=5), "nanoseconds"),
    "page of text": (made(page="./page"), "PageFolder(Path(...))"),
    "metrics a registry": (made(metrics=CollectorRegistry()), "`registry`"),
    "registry of ours": (made(registry=Metrics()), "a CollectorRegistry"),
    "telephone a dict": (made(telephone={"auth_token": SECRET}), "a TelephoneAccounts"),
    "tracing true": (made(tracing=True), "Tracing()"),
    "tickets of a path": (made(used_tickets=f"/tmp/{SECRET}"), "SharedTickets"),
    "metrics of a desk": (
        lambda: CallDesk([ECHO], max_calls=1, metrics=CollectorRegistry()),
        "Metrics(registry)",
    ),
    "an application for operators": (lambda: make_admin_app(make_app([ECHO])), "app.state.pool"),
    "taps misspelt": (lambda: make_admin_app(CallDesk([ECHO], max_calls=1), taps="all"), "none, names, full"),
    "agents of a grant": (lambda: Grant(agents="desk"), "a list of names"),
    "identity of a grant": (lambda: Grant(identity=17), "identity is an int"),
    "inputs of a grant": (lambda: Grant(inputs=[SECRET]), "a mapping"),
    "report of a grant": (lambda: Grant(report="all"), "none, names, full"),
    "limits of a grant": (lambda: Grant(limits={"calls": 1}), "a CallerLimits"),
    "calls of text": (lambda: CallerLimits(calls="4"), "calls is '4'"),
    "duration of text": (lambda: CallerLimits(call_duration="10min"), "nanoseconds"),
    "secret of text": (lambda: Tickets(SECRET * 3, lambda: 0.0), "bytes"),
    "relay's secret of text": (lambda: TurnService(["turn:r"], SECRET, lambda: 0.0), "bytes"),
    "one relay": (lambda: TurnService("turn:r", b"s", lambda: 0.0), "a list of addresses"),
    "a folder without a page": (lambda: PageFolder(Path("/nowhere")), "no /nowhere/index.html"),
}


@pytest.mark.parametrize("name", WRONG)
def test_it_is_named_where_it_is_given(name: str) -> None:
    """One sentence that says what is taken, when the application is made and not when somebody calls."""
    give, sentence = WRONG[name]
    with pytest.raises(ValueError) as caught:
        give()
    said = str(caught.value)
    assert sentence in said and "\n" not in said and SECRET not in said


def test_two_applications_cannot_count_in_one_registry() -> None:
    """Their numbers could not be told apart: it is said what to do, and the first one is as before."""
    registry = CollectorRegistry()
    make_app([ECHO], registry=registry)
    with pytest.raises(ValueError, match="leave it out, and each has one of its own"):
        make_app([ECHO], registry=registry)
    assert registry.get_sample_value("livegraph_calls_by_state", {"state": "running"}) == 0


def test_files_that_hold_no_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that nobody writes to does not hold the program up; one that is written to is read."""
    monkeypatch.setattr(file_contents, "_PIPE_WITHIN_MS", 50)
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="nothing came from the pipe"):
        load_agent(pipe)
    monkeypatch.setattr(file_contents, "_PIPE_WITHIN_MS", 10_000)
    writing = threading.Thread(
        target=pipe.write_text, args=("version: 1\npipeline: [webrtc_in, webrtc_out]\n",)
    )
    writing.start()
    assert load_agent(pipe).name == "pipe"
    writing.join()
    for path in ("", tmp_path, tmp_path / "none.yaml", "a\0b", "x" * 5_000):
        with pytest.raises(ConfigError, match="LG001"):
            load_agent(path)


# What is asked while a caller waits ---------------------------------------------------------------


async def hang(*_: object) -> None:
    await asyncio.sleep(3_600)


async def generate(*_: object) -> Any:
    yield Grant()


def fail(*_: object) -> None:
    try:
        raise ConnectionError(f"password={SECRET}")
    except ConnectionError as error:
        raise LookupError(SECRET) from error


def request() -> Request:
    return Request({"type": "http", "method": "POST", "headers": [], "client": ("192.0.2.1", 7)})


FAULTS: Mapping[str, tuple[Callable[..., Any], str]] = {
    "raises": (fail, "failed: LookupError at "),
    "hangs": (hang, "did not answer within 5 s"),
    "gives back a text": (lambda *_: SECRET, "gave back a str"),
    "gives back true": (lambda *_: True, "gave back a bool"),
    "generates": (generate, "gave back an async_generator"),
    "has a mistake of types": (lambda *_: Grant(identity=17), "failed: identity is an int; it is a text"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_authorize_that_is_at_fault(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody is let in; the caller gets a number, and the log has under it which function it was and where."""
    authorize, said = FAULTS[name]
    with pytest.raises(Refusal) as caught:
        run_virtual(Gate(authorize).grant(request()))
    assert_kept_for_the_operator(caught.value, caplog, f"authorize {said}", code="authorization_unavailable")


@pytest.mark.parametrize("plain", [True, False])
def test_authorize_may_be_plain_or_not(plain: bool) -> None:
    """A plain function, an async one and a callable object; no grant is 401; Starlette's exception is a refusal."""

    async def later(_: Request) -> Grant:
        return Grant(identity="ada")

    def refuse(_: Request) -> None:
        raise HTTPException(403, "Members only.")

    gate = Gate((lambda _: Grant(identity="ada")) if plain else later)
    assert run_virtual(gate.grant(request())).identity == "ada"
    for authorize, status, message in (
        (lambda _: None, 401, "This server takes calls from known callers only."),
        (refuse, 403, "Members only."),
    ):
        with pytest.raises(Refusal) as caught:
            run_virtual(Gate(authorize).grant(request()))
        assert (caught.value.status, caught.value.message) == (status, message)


def wrong_inputs(_: object, call: Arrival) -> None:
    call.inputs["room"] = [SECRET]


def no_inputs(_: object, call: Arrival) -> None:
    call.inputs = None


def resources_by_name(_: object, call: Arrival) -> None:
    call.resources["database"] = SECRET


ARRIVALS: Mapping[str, tuple[Callable[..., Any], str]] = {
    **{f"on_call {name}": (hook, f"on_call {said}") for name, (hook, said) in list(FAULTS.items())},
    "sets an input wrong": (
        wrong_inputs,
        "the input 'room' that is set for the caller is none that 'desk' takes",
    ),
    "takes the inputs away": (no_inputs, "arrival.inputs is None"),
    "names resources": (resources_by_name, "classes, by which resources are found"),
}


async def no_leg(_: ServedAgent) -> Leg:
    raise AssertionError("the caller was let in")


def desk_of(on_call: Callable[..., Any]) -> Desk:
    from livegraph.pipeline import Graph

    graph = Graph("desk")
    graph.add("mic", WebRTCIn)
    return Desk(
        [ServedAgent("desk", graph.plan(inputs={"room": InputSpec(default="")}))],
        max_calls=1,
        on_call=on_call,
    )


def refused_by(desk: Desk, asked: CallRequest, **_: object) -> Refusal:
    async def run() -> Refusal:
        async with desk:
            with pytest.raises(Refusal) as caught:
                await desk.admit(asked, no_leg)
            assert desk.active == 0
            return caught.value

    return run_virtual(run())


@pytest.mark.parametrize("name", ARRIVALS)
def test_on_call_that_is_at_fault(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """The call is not made, its place is free again, and the caller is told nothing of the program."""
    on_call, said = ARRIVALS[name]
    refusal = refused_by(desk_of(on_call), CallRequest())
    assert_kept_for_the_operator(refusal, caplog, said, code="call_not_prepared")


def test_a_grant_whose_inputs_do_not_fit(caplog: pytest.LogCaptureFixture) -> None:
    """What was set for a caller is not the caller's to mend, nor to read."""
    refusal = refused_by(desk_of(lambda *_: None), CallRequest(grant=Grant(inputs={"room": [SECRET]})))
    assert_kept_for_the_operator(refusal, caplog, "the input 'room' that is set", code="call_not_prepared")


def assert_kept_for_the_operator(
    refusal: Refusal, caplog: pytest.LogCaptureFixture, said: str, *, code: str
) -> None:
    """The caller has a number and the log has the rest; neither has what the program keeps secret."""
    assert (refusal.status, refusal.code) == (503, code)
    told = refusal.message + refusal.remedy
    number = refusal.message.partition("(error ")[2].partition(")")[0]
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(number) == 8 and f"error {number}: " in record.getMessage() and said in record.getMessage()
    assert SECRET not in told and SECRET not in caplog.text and "Traceback" not in told


# The desk -----------------------------------------------------------------------------------------


def test_a_desk_belongs_to_one_loop_at_a_time() -> None:
    """Another thread's loop that asks is told how; the calls of the first are not touched."""
    desk = CallDesk([ECHO], max_calls=1)
    asks: list[Callable[[], Awaitable[object]]] = [
        desk.open,
        desk.close,
        lambda: desk.drain(0),
        lambda: desk.end("call-1"),
        lambda: desk.admit(CallRequest(), no_leg),
    ]
    said: list[str] = []

    def elsewhere() -> None:
        for ask in asks:
            with pytest.raises(RuntimeError) as caught:
                asyncio.run(ask())
            said.append(str(caught.value))

    async def run() -> None:
        async with desk:
            await asyncio.to_thread(elsewhere)
            assert desk.ready and not desk.unready

    asyncio.run(run())
    assert len(said) == len(asks) and all("run_coroutine_threadsafe" in one for one in said)


def test_a_desk_that_was_closed_serves_the_next_loop() -> None:
    """Test clients run a program's lifespan in one loop after another: what ended in one is not the end."""
    desk = CallDesk([ECHO], max_calls=1)

    async def run() -> str:
        desk.check_ready()
        await desk.open()
        await desk.drain(0)
        await desk.close()
        with pytest.raises(Refusal, match="shutting down"):
            desk.check_ready()
        return desk.unready

    assert [asyncio.run(run()), asyncio.run(run())] == ["closing", "closing"]


def test_a_desk_that_drains_before_its_first_call_takes_none() -> None:
    """Nothing opens it again by itself."""
    desk = CallDesk([ECHO], max_calls=1)

    async def run() -> None:
        assert await desk.drain() == 0
        assert await desk.drain(0) == 0
        with pytest.raises(Refusal, match="being restarted"):
            await desk.answer("v=0")
        for within_s in (-1, float("nan"), float("inf"), "5min"):
            with pytest.raises(ValueError, match="within_s is"):
                await desk.drain(within_s)
        with pytest.raises(KeyError, match="there is no call 'call-7'"):
            await desk.end("call-7")

    asyncio.run(run())


def test_answer_takes_an_offer() -> None:
    """Bytes, nothing, or a grant that is none: said at once."""

    async def run() -> None:
        async with CallDesk([ECHO], max_calls=1) as desk:
            for given, said in (
                ({"sdp": b"v=0"}, "sdp is a bytes"),
                ({"sdp": None}, "sdp is None"),
                ({"sdp": "v=0", "grant": "ada"}, "grant is a str"),
                ({"sdp": "v=0", "grant": None}, "grant is None"),
                ({"sdp": "v=0", "inputs": ["room"]}, "inputs is a list"),
            ):
                with pytest.raises(ValueError, match=said):
                    await desk.answer(**given)
            assert desk.active == 0

    asyncio.run(run())


def test_a_desk_that_cannot_open_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody runs the lifespan of what is mounted: the first caller meets a port that is taken."""

    async def run() -> None:
        async with CallDesk([ECHO], max_calls=1) as first:
            second = make_app([ECHO], udp_port=first._network.port).state.desk
            with pytest.raises(Refusal) as caught:
                await second.answer("v=0")
            assert_kept_for_the_operator(
                caught.value, caplog, "the desk cannot open: ", code="call_not_prepared"
            )
        # The port is free again.
        with pytest.raises(Refusal) as caught:
            await second.answer("v=0")
        assert caught.value.code == "bad_offer"
        await second.close()

    asyncio.run(run())
