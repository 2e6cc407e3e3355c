"""The server drains, or somebody ends the call, while its caller is lost and may come back."""

from __future__ import annotations

import asyncio

import pytest
from aiortc import RTCSessionDescription

from livegraph.language import parse_agent
from livegraph.pipeline.events import CallStarted, StateChanged
from livegraph.processors.gemini_live import LiveConnector
from livegraph.server import Arrival, ServedAgent
from livegraph.server.calls import line
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from support.clients import echo
from support.web import Web, serving
from support.webrtc import Caller


async def call(web: Web, caller: Caller, **fields: object) -> dict[str, str]:
    """The answer to the caller's offer, once it is connected."""
    reply = await web.offer(await caller.offer(), **fields)
    assert reply.status == 200, reply.body
    answer: dict[str, str] = reply.json
    await caller.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    async with asyncio.timeout(20):
        await caller.opened.wait()
    return answer


async def away(web: Web) -> tuple[str, str]:
    """The call of a caller whose page is reloaded: its name and the token to come back by."""
    first = Caller()
    answer = await call(web, first, resume="")
    await first.hang_up()
    (one,) = web.desk.lines()
    async with asyncio.timeout(20):
        while one.leg.state != "away":
            await asyncio.sleep(0.01)
    return answer["pc_id"], answer["resume"]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for long who is not there to be told."""
    monkeypatch.setattr(line, "_TELL_WITHIN_S", 0.3)


async def last(caller: Caller) -> dict[str, object]:
    """What the caller was told at the end."""
    async with asyncio.timeout(20):
        while not caller.messages or caller.messages[-1]["type"] != "end":
            await asyncio.sleep(0.01)
    return dict(caller.messages[-1])


def test_a_lost_caller_comes_back_while_the_server_drains() -> None:
    """A drain lets running calls go on, those of lost callers as well; new callers are refused, and after the end the
    token is worth nothing."""

    async def run() -> None:
        async with serving([echo()]) as web:
            pc_id, token = await away(web)
            draining = asyncio.create_task(web.desk.drain(60))
            await asyncio.sleep(0)
            stranger, second, third = Caller(), Caller(), Caller()
            refused = await web.offer(await stranger.offer())
            assert (refused.status, refused.error) == (503, "draining")
            back = await call(web, second, resume=token)
            assert back["pc_id"] == pc_id and web.desk.active == 1
            # And over a further offer of the same connection.
            same = await web.offer(await second.offer(), pc_id=pc_id)
            assert same.status == 200, same.body
            (one,) = web.desk.calls()
            await web.desk.end(one["id"], "enough")
            assert await draining == 0
            assert await last(second) == {"type": "end", "reason": "operator", "detail": "enough"}
            for spent in (token, back["resume"]):
                late = await web.offer(await third.offer(), resume=spent)
                assert (late.status, late.error) == (410, "call_over")
            for caller in (stranger, second, third):
                await caller.hang_up()

    asyncio.run(run())


def test_who_has_an_answer_when_the_drain_begins_may_still_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was promised; whoever does not come is not waited for until the end of the drain."""

    async def run() -> None:
        async with serving([echo()]) as web:
            comes, nobody = Caller(), Caller()
            answer = (await web.offer(await comes.offer())).json
            draining = asyncio.create_task(web.desk.drain(60))
            await asyncio.sleep(0)
            await comes.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
            async with asyncio.timeout(20):
                while not comes.messages:
                    await asyncio.sleep(0.01)
            assert comes.messages[0]["type"] == "ready"
            comes.say(type="hangup")
            assert await draining == 0
            await comes.hang_up()
        monkeypatch.setattr("livegraph.server.calls.draining._COMING_S", 0.2)
        async with serving([echo()]) as web:
            assert (await web.offer(await nobody.offer())).status == 200
            async with asyncio.timeout(30):
                # A call that ends before its caller came is kept for a moment, to be told why.
                assert await web.desk.drain(60) == 0
            await nobody.hang_up()

    asyncio.run(run())


def test_a_drain_does_not_wait_for_a_goodbye_to_nobody() -> None:
    """A lost caller hears no goodbye: its call ends at once when the time is over, and gives its place back."""

    async def run() -> None:
        async with serving([echo()]) as web:
            await away(web)
            async with asyncio.timeout(8):
                assert await web.desk.drain(0) == 1
                await web.until_free()

    asyncio.run(run())


@pytest.mark.parametrize("how", ["end", "hang_up", "close"])
def test_a_call_is_ended_while_its_caller_is_lost(how: str) -> None:
    """By an operator, by the caller's other page, or with the server: nothing of it is left, and nobody comes back."""

    async def run() -> None:
        async with serving([echo()]) as web:
            pc_id, token = await away(web)
            (one,) = web.desk.calls()
            async with asyncio.timeout(10):
                match how:
                    case "end":
                        await web.desk.end(one["id"])
                    case "hang_up":
                        assert (await web.ask("DELETE", f"/api/offer/{pc_id}")).status == 204
                    case _:
                        await web.desk.close()
                await web.until_free()
            if how != "close":
                second = Caller()
                late = await web.offer(await second.offer(), resume=token)
                assert (late.status, late.error) == (410, "call_over")
                await second.hang_up()

    asyncio.run(run())


BRAIN = parse_brain(
    """
version: 1
rules:
  - hear: the line will be closed
    say: We have to stop here because the service is restarted. Thank you for your call, and goodbye.
fallback: [I heard you.]
"""
)


def test_the_goodbye_is_said_once_and_to_whoever_comes_back_meanwhile() -> None:
    """Two drains at a time ask for one goodbye; a page that is reloaded in the middle of it is told the end."""

    async def run() -> None:
        started: list[str] = []
        states: list[str] = []

        def on_call(_: object, arrival: Arrival) -> None:
            arrival.subscribe(CallStarted, lambda event: started.append(event.call))
            arrival.subscribe(StateChanged, lambda event: states.append(event.state))

        async with Simulator(script=BRAIN, ears=NoEars(), voice=TonesVoice()) as simulator:
            agent = parse_agent(
                "version: 1\npipeline: [webrtc_in, gemini_live, webrtc_out]\n", file="desk.yaml"
            )
            served = ServedAgent.of(agent, resources={LiveConnector: simulator.connector()})
            async with serving([served], on_call=on_call) as web:
                first, second = Caller(None), Caller(None)
                answer = await call(web, first, resume="")
                async with asyncio.timeout(20):
                    while not first.messages:
                        await asyncio.sleep(0.01)
                drains = [asyncio.create_task(web.desk.drain(0)) for _ in range(2)]
                async with asyncio.timeout(20):
                    while "speaking" not in states:
                        await asyncio.sleep(0.01)
                back = await call(web, second, resume=answer["resume"])
                assert back["pc_id"] == answer["pc_id"]
                assert await asyncio.gather(*drains) == [1, 1]
                assert await last(second) == {"type": "end", "reason": "shutdown"}
                told = first.messages + second.messages
                assert len({m["turn"] for m in told if m["type"] == "transcript"}) == 1
                assert len(started) == 1
                for caller in (first, second):
                    await caller.hang_up()

    asyncio.run(run())
