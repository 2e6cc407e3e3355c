"""Further offers over HTTP: a call is renegotiated, and goes on from another connection, with its history."""

import asyncio
from collections.abc import Mapping

import pytest
from aiortc import RTCSessionDescription

from livegraph.pipeline import Graph
from livegraph.server.calls import ServedAgent
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.web import Web, serving
from support.webrtc import RATE, Caller, pitch


def echo() -> ServedAgent:
    """What is said comes back."""
    graph = Graph("echo")
    graph.add("mic", WebRTCIn)
    graph.add("ear", WebRTCOut)
    graph.connect("mic", "ear")
    return ServedAgent("echo", graph.plan(), "Echo", "Says back what you say.", live="no model")


async def heard(caller: Caller, hertz: float) -> None:
    async with asyncio.timeout(20):
        while len(sound := caller.recent(0.2)) < 0.2 * RATE or abs(pitch(sound) - hertz) > 10:
            await asyncio.sleep(0.02)


async def call(web: Web, caller: Caller, **fields: object) -> Mapping[str, str]:
    """The answer to the caller's offer, once it is connected."""
    reply = await web.offer(await caller.offer(), **fields)
    assert reply.status == 200, reply.body
    answer: Mapping[str, str] = reply.json
    await caller.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    async with asyncio.timeout(20):
        while caller.channel.readyState != "open":
            await asyncio.sleep(0.01)
    return answer


def test_a_reloaded_page_goes_on_with_its_call() -> None:
    """Its connection is closed without a goodbye; the token of the answer, once, attaches another to the same call."""

    async def run() -> None:
        async with serving([echo()]) as web:
            first = Caller(440)
            answer = await call(web, first, resume="")
            await heard(first, 440)
            (before,) = web.desk.calls()
            await first.hang_up()
            second = Caller(660)
            resumed = await call(web, second, resume=answer["resume"])
            assert resumed["pc_id"] == answer["pc_id"] and resumed["resume"] != answer["resume"]
            await heard(second, 660)
            (after,) = web.desk.calls()
            assert after["id"] == before["id"]
            third = Caller()
            again = await web.offer(await third.offer(), resume=answer["resume"])
            assert (again.status, again.error) == (410, "call_over")
            second.say(type="hangup")
            await web.until_free()
            late = await web.offer(await third.offer(), resume=resumed["resume"])
            assert (late.status, late.error) == (410, "call_over")
            for caller in (second, third):
                await caller.hang_up()

    asyncio.run(run())


def test_a_connection_is_replaced_by_the_name_of_its_call() -> None:
    """``pc_id`` with ``restart_pc``: the old connection may still stand. When the call is over it is a new one."""

    async def run() -> None:
        async with serving([echo()]) as web:
            first, second, third = Caller(440), Caller(660), Caller(880)
            answer = await call(web, first)
            assert set(answer) == {"sdp", "type", "pc_id"}
            moved = await call(web, second, pc_id=answer["pc_id"], restart_pc=True)
            assert moved["pc_id"] == answer["pc_id"] and web.desk.active == 1
            await heard(second, 660)
            second.say(type="hangup")
            await web.until_free()
            fresh = await call(web, third, pc_id=answer["pc_id"], restart_pc=True)
            assert fresh["pc_id"] != answer["pc_id"]
            for caller in (first, second, third):
                await caller.hang_up()
            await web.until_free()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"pc_id": "nobody"}, 404, "call_unknown"),
        ({"resume": "nothing"}, 410, "call_over"),
        ({"pc_id": 7}, 400, "bad_request"),
    ],
)
def test_further_offers_of_nobody(fields: dict[str, object], status: int, code: str) -> None:
    async def run() -> None:
        async with serving([echo()]) as web:
            caller = Caller()
            reply = await web.offer(await caller.offer(), **fields)
            assert reply.status == status
            if status != 400:
                assert reply.error == code
            assert web.desk.active == 0
            await caller.hang_up()

    asyncio.run(run())


def test_a_bad_further_offer_does_the_call_no_harm() -> None:
    async def run() -> None:
        async with serving([echo()]) as web:
            caller = Caller(440)
            answer = await call(web, caller)
            reply = await web.offer("v=0\r\no=-\r\nm=audio", pc_id=answer["pc_id"])
            assert (reply.status, reply.error) == (400, "bad_offer")
            same = await web.offer(await caller.offer(), pc_id=answer["pc_id"])
            assert same.status == 200 and same.json["pc_id"] == answer["pc_id"]
            await heard(caller, 440)
            await caller.hang_up()
            await web.until_free()

    asyncio.run(run())
