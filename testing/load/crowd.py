"""The callers of one process: ``python -m livegraph.testing.load.crowd`` reads a ``LoadPlan`` and tells what it sees.

The plan is one line of JSON on stdin; what was ``Seen`` is a line of JSON on stdout each second, and a last one when
all calls are over. When stdin is closed all callers hang up.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from ...audio import read_wav
from ...pipeline.errors import LivegraphError, TransportError
from ...transports.webrtc.secure import Certificate
from .caller import LoadCaller
from .conversation import converse
from .numbers import Seen
from .plan import NOT_OURS, UNREACHABLE, LoadPlan
from .recording import packets, room_noise, spoken

__all__ = ["Crowd", "main"]

_PACKET_S = 0.02
_BEATS = 5
_TELL_EVERY_S = 1.0
_REQUEST_WITHIN_S = 15.0
_MOST_CONNECTIONS = 128
_KEEP_CONNECTIONS_S = 2.0
"""A server closes them after five: an offer that crosses that would be lost."""
_LATE_SHARE = 0.05
_LATE_S = 0.1
"""Callers that are so late have no time for another one."""
_LONGEST_HELD_BACK_S = 2.0
"""For one of them: some begin whatever happens."""
_LONGEST_WAIT_S = 60.0


class Refused(LivegraphError):
    """The server did not take the call; the text is the code that it gave."""


class Crowd:
    """Callers that begin one after the other, talk for as long as the plan says, and hang up."""

    def __init__(self, plan: LoadPlan) -> None:
        self.seen = Seen()
        self._plan = plan
        self._certificate = Certificate()
        self._callers: set[LoadCaller] = set()
        self._beats: tuple[list[LoadCaller], ...] = tuple([] for _ in range(_BEATS))
        """The same, by when in 20 ms they send: a server's callers have not one clock."""
        self._room = packets(room_noise())
        self._words = packets(spoken(*read_wav(Path(plan.say)))) if plan.say else []
        self._stop = asyncio.Event()
        self._late_s = 0.0
        """By how much the callers' clock is late, on average of some beats."""

    def stop(self) -> None:
        """All hang up."""
        self._stop.set()

    async def run(self, tell: Callable[[Seen], None]) -> None:
        """Have all calls; returns when they are over. ``tell`` is given what was seen, every second and at the end."""
        limits = httpx.Limits(
            max_connections=_MOST_CONNECTIONS,
            max_keepalive_connections=_MOST_CONNECTIONS,
            keepalive_expiry=_KEEP_CONNECTIONS_S,
        )
        # Who waits for one of our own connections does not wait for the server.
        timeout = httpx.Timeout(_REQUEST_WITHIN_S, pool=None)
        headers = {"Authorization": f"Bearer {self._plan.token}"} if self._plan.token else {}
        async with httpx.AsyncClient(
            base_url=self._plan.url, headers=headers, timeout=timeout, limits=limits
        ) as client:
            beats = [
                asyncio.create_task(self._tick(), name="load ticks"),
                asyncio.create_task(self._tell(tell), name="load report"),
            ]
            try:
                began = time.monotonic()
                async with asyncio.TaskGroup() as group:
                    for number in range(self._plan.first, self._plan.calls, self._plan.step):
                        wait = began + number / self._plan.ramp_per_s - time.monotonic()
                        if await self._stopped(wait) or await self._held_back():
                            break
                        group.create_task(self._call(client), name=f"load call {number}")
            finally:
                for beat in beats:
                    beat.cancel()
                await asyncio.gather(*beats, return_exceptions=True)
        self._count()
        tell(self.seen)

    async def _stopped(self, within_s: float) -> bool:
        """Wait so long; whether it is to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, within_s)):
                await self._stop.wait()
        return self._stop.is_set()

    async def _held_back(self) -> bool:
        """Wait until these callers keep up with their own clock; whether they are to stop.

        What is slow then is this machine, not the server, and more of them would tell nothing of it.
        """
        began = time.monotonic()
        while self._late_s > _LATE_S and time.monotonic() - began < _LONGEST_HELD_BACK_S:
            if await self._stopped(_LATE_S):
                return True
        self.seen.held_back_s += time.monotonic() - began
        return False

    # One call ----------------------------------------------------------------------------------

    async def _call(self, client: httpx.AsyncClient) -> None:
        """One caller's calls: one, or more where its plan has it call again."""
        self.seen.begun += 1
        lost_at: float | None = None
        while await self._called(client, lost_at):
            lost_at = time.monotonic()
            self.seen.again += 1

    async def _called(self, client: httpx.AsyncClient, lost_at: float | None) -> bool:
        """Have one call; whether its caller makes another, for it ended before its time."""
        seen, caller = self.seen, LoadCaller(self._certificate, self._room, time.monotonic)
        pc_id = ""

        async def signal(offer: str) -> str:
            nonlocal pc_id
            answer = await self._signal(client, offer)
            pc_id = answer["pc_id"]
            return str(answer["sdp"])

        began = time.monotonic()
        self._callers.add(caller)
        beat = min(self._beats, key=len)
        beat.append(caller)
        try:
            try:
                await caller.open(signal)
            except (TransportError, Refused, httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                why = _in_words(error)
                seen.failed[why] = seen.failed.get(why, 0) + 1
                return False
            if lost_at is None:
                seen.connected += 1
                seen.connect_ms.append(1_000 * (time.monotonic() - began))
            else:
                seen.again_ms.append(1_000 * (time.monotonic() - lost_at))
            seen.active += 1
            try:
                await self._talk(caller)
            finally:
                seen.active -= 1
                seen.over += 1
            if not caller.over.done():
                return False
            why = caller.over.result()
            seen.dropped[why] = seen.dropped.get(why, 0) + 1
            return self._plan.again and not self._stop.is_set()
        finally:
            beat.remove(caller)
            await self._end(caller, client, pc_id)

    async def _signal(self, client: httpx.AsyncClient, offer: str) -> Any:
        """The server's answer. One that says when to come back is asked again then, as long as patience lasts."""
        agent = {"agent": self._plan.agent} if self._plan.agent else {}
        until = time.monotonic() + self._plan.patience_s
        while True:
            reply = await client.post("api/offer", json={"sdp": offer, "type": "offer", **agent})
            if reply.status_code == 200:
                return reply.json()
            wait = retry_after(reply.headers)
            if wait is None or time.monotonic() + wait > until or await self._stopped(wait):
                raise Refused(_code_of(reply))
            self.seen.put_off += 1

    async def _talk(self, caller: LoadCaller) -> None:
        """Converse until the time is up, the call is over, or all are to stop."""
        talking = asyncio.create_task(
            converse(caller, self._words, self.seen, interrupt=self._plan.interrupt), name="load conversation"
        )
        stopping = asyncio.create_task(self._stop.wait(), name="load stop")
        waits: set[asyncio.Future[Any]] = {caller.over, stopping}
        try:
            await asyncio.wait(waits, timeout=self._plan.hold_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (talking, stopping):
                task.cancel()
            ended = await asyncio.gather(talking, stopping, return_exceptions=True)
        if isinstance(ended[0], Exception):
            raise ended[0]

    async def _end(self, caller: LoadCaller, client: httpx.AsyncClient, pc_id: str) -> None:
        hearing = caller.hearing
        if hearing.packets:
            self.seen.loss.append(hearing.lost / (hearing.lost + hearing.packets))
        caller.hang_up()
        with contextlib.suppress(httpx.HTTPError):
            if pc_id:
                await client.delete(f"api/offer/{pc_id}")
        await caller.close()
        self._count_one(caller)
        self._callers.discard(caller)

    # All ---------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        due = time.monotonic()
        for beat in itertools.cycle(self._beats):
            due += _PACKET_S / _BEATS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            late = time.monotonic() - due
            self._late_s += (late - self._late_s) * _LATE_SHARE
            self.seen.late_ms.append(1_000 * late)
            for caller in beat:
                caller.tick()
            if late > 1.0:
                # Held up for so long, the callers' microphones have lost what they would have sent.
                due = time.monotonic()

    async def _tell(self, tell: Callable[[Seen], None]) -> None:
        while True:
            await asyncio.sleep(_TELL_EVERY_S)
            self._count()
            tell(self.seen)
            for times in (
                *(self.seen.connect_ms, self.seen.again_ms, self.seen.answer_ms),
                *(self.seen.silence_ms, self.seen.loss, self.seen.late_ms),
            ):
                times.clear()

    def _count(self) -> None:
        seen = self.seen
        counts = [self._ended, *(_counts(caller) for caller in self._callers)]
        seen.sent, seen.received, seen.lost, seen.lost_samples = map(sum, zip(*counts, strict=True))

    _ended: tuple[int, int, int, int] = (0, 0, 0, 0)

    def _count_one(self, caller: LoadCaller) -> None:
        sent, received, lost, samples = map(sum, zip(self._ended, _counts(caller), strict=True))
        self._ended = (sent, received, lost, samples)


def _counts(caller: LoadCaller) -> tuple[int, int, int, int]:
    hearing = caller.hearing
    return caller.sent, hearing.packets, hearing.lost, hearing.lost_samples


def retry_after(headers: Mapping[str, str]) -> float | None:
    """When a server that takes nothing now wants to be asked again, in seconds; ``None`` where it does not say."""
    said = headers.get("Retry-After", "")
    return min(float(said), _LONGEST_WAIT_S) if said.isascii() and said.isdecimal() else None


def _in_words(error: Exception) -> str:
    """Why a call did not come about, the same for all to whom the same happens."""
    if isinstance(error, LivegraphError):
        return str(error)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return UNREACHABLE
    if isinstance(error, httpx.TimeoutException):
        return f"the server did not answer within {_REQUEST_WITHIN_S:g} s"
    if isinstance(error, httpx.HTTPError):
        return f"the connection to the server broke ({type(error).__name__})"
    return NOT_OURS


def _code_of(reply: httpx.Response) -> str:
    try:
        return f"{reply.status_code} {reply.json()['error']['code']}"
    except (ValueError, KeyError, TypeError):
        return str(reply.status_code)


async def _main() -> None:
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=LoadPlan)
    crowd = Crowd(plan)
    loop = asyncio.get_running_loop()

    def closed() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            crowd.stop()

    def tell(seen: Seen) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(seen) + b"\n")
        sys.stdout.buffer.flush()

    loop.add_reader(sys.stdin.fileno(), closed)
    try:
        await crowd.run(tell)
    finally:
        loop.remove_reader(sys.stdin.fileno())


def main() -> None:
    """See the module."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(_main())
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_main())


if __name__ == "__main__":
    main()
