"""A worker in another process, as the pool sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any, Self

import msgspec
from starlette.types import Receive, Scope, Send

from ..access.grant import ReportLevel
from ..calls.served import Running
from ..offering import Answered, Offer
from .setup import WorkerSetup
from .sockets import SocketsHere
from .stream import Join, Stream
from .wire import (
    METHODS,
    Ask,
    Begin,
    Cancelled,
    Done,
    Failed,
    Happened,
    Message,
    Refused,
    Reported,
    SocketEvent,
    SocketOver,
    WireError,
    packed,
    unpacked,
)
from .worker import Told, WorkerEvent, WorkerLost, WorkerReport

__all__ = ["RemoteWorker"]

_WITHIN_S = 5.0
_ANSWER_WITHIN_S = 9.0
"""A desk gives up after 8 s, and the page after 10 s."""
_LINE_WITHIN_S = 30.0
"""A tap says something every 10 s."""
_RENEW_WITHIN_S = 60.0
_END_CALLS_WITHIN_S = 10.0
_BEGIN_WITHIN_S = 20.0
_PREPARE_WITHIN_S = 180.0
_GOODBYES_S = 30.0
"""A drain takes so much longer than its calls may go on: their agents say goodbye."""


class RemoteWorker:
    """See ``Worker``. ``lost`` is done when the process at the other end is gone or has closed the stream."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.report = WorkerReport()
        self.reported_s = asyncio.get_running_loop().time()
        """When it reported last, in the time of the loop."""
        self._told: Told | None = None
        self._asked: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._number = 0
        self._stream: Stream | None = None
        self._sockets = SocketsHere(self._send)

    @classmethod
    async def at(cls, join: Join) -> Self:
        """The worker at the other end of a stream."""
        worker = cls()
        worker._stream = await join(worker._heard, worker._over)
        return worker

    def tell(self, told: Told | None) -> None:
        """See ``Worker``."""
        self._told = told

    def hang_up_stream(self) -> None:
        """Nothing more is asked of it. Again is fine."""
        if self._stream is not None:
            self._stream.close()

    # Before it serves, and at its end.

    async def prepare(self, setup: WorkerSetup) -> None:
        """Have it load its agents and all that calls need. Raises ``Refusal`` and ``WorkerLost``."""
        await self._ask("prepare", setup, within_s=_PREPARE_WITHIN_S)

    async def begin(self, begin: Begin) -> None:
        """Have it serve. Raises ``Refusal`` for a port that is taken."""
        await self._ask("begin", begin, within_s=_BEGIN_WITHIN_S)

    async def close(self, within_s: float) -> None:
        """Have it end its calls, and itself."""
        await self._ask("close", within_s=within_s)

    # `Worker`.

    async def answer(self, offer: Offer) -> Answered:
        """See ``Worker``."""
        return await self._ask("answer", offer, within_s=_ANSWER_WITHIN_S)  # type: ignore[no-any-return]

    async def renegotiate(self, pc_id: str, sdp: str, kind: str, replace: bool) -> Answered:
        """See ``Worker``."""
        answered = await self._ask("renegotiate", pc_id, sdp, kind, replace, within_s=_ANSWER_WITHIN_S)
        return answered  # type: ignore[no-any-return]

    async def resume(self, token: str, sdp: str, kind: str) -> Answered:
        """See ``Worker``."""
        return await self._ask("resume", token, sdp, kind, within_s=_ANSWER_WITHIN_S)  # type: ignore[no-any-return]

    async def add_candidates(self, pc_id: str, candidates: list[Any]) -> None:
        """See ``Worker``."""
        await self._ask("add_candidates", pc_id, candidates)

    async def leave(self, pc_id: str) -> None:
        """See ``Worker``."""
        await self._ask("leave", pc_id)

    async def hang_up(self, pc_id: str) -> None:
        """See ``Worker``."""
        await self._ask("hang_up", pc_id, within_s=2 * _WITHIN_S)

    async def carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ``Worker``."""
        if self.lost.done():
            raise WorkerLost("the worker is gone", gone=True)
        await self._sockets.carry(scope, receive, send)

    async def calls(self) -> list[dict[str, Any]]:
        """See ``Worker``."""
        return await self._ask("calls")  # type: ignore[no-any-return]

    async def call(self, call_id: str) -> dict[str, Any]:
        """See ``Worker``."""
        return await self._ask("call", call_id)  # type: ignore[no-any-return]

    async def tap(self, call_id: str, port: str, level: ReportLevel, sound: bool) -> AsyncGenerator[bytes]:
        """See ``Worker``."""
        return self._lines(await self._ask("tap", call_id, port, level, sound))

    async def _lines(self, tap: int) -> AsyncGenerator[bytes]:
        try:
            while (line := await self._ask("tap_next", tap, within_s=_LINE_WITHIN_S)) is not None:
                yield line
        except WorkerLost:
            # As the lines of a call that is over, but for the last one.
            return
        finally:
            with suppress(WorkerLost):
                await self._ask("tap_close", tap)

    async def end(self, call_id: str, detail: str) -> None:
        """See ``Worker``."""
        await self._ask("end", call_id, detail, within_s=2 * _WITHIN_S)

    async def drain(self, within_s: float) -> int:
        """See ``Worker``."""
        return await self._ask("drain", within_s, within_s=within_s + _GOODBYES_S)  # type: ignore[no-any-return]

    async def end_calls(self) -> None:
        """See ``Worker``."""
        await self._ask("end_calls", within_s=_END_CALLS_WITHIN_S)

    async def renew(self, options: Mapping[str, Any] | None = None) -> Mapping[str, Running]:
        """See ``Worker``."""
        return await self._ask("renew", options, within_s=_RENEW_WITHIN_S)  # type: ignore[no-any-return]

    async def metrics(self) -> bytes:
        """See ``Worker``."""
        return await self._ask("metrics")  # type: ignore[no-any-return]

    # The stream.

    async def _ask(self, method: str, *given: Any, within_s: float = _WITHIN_S) -> Any:
        if self.lost.done() or self._stream is None:
            raise WorkerLost("the worker is gone", gone=True)
        self._number += 1
        number = self._number
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self._stream.send(Ask(number, method, packed(given)))
        try:
            async with asyncio.timeout(within_s):
                raw = await answer
        except TimeoutError:
            raise WorkerLost(f"the worker did not answer within {within_s:.0f} s") from None
        finally:
            if self._asked.pop(number, None) is not None and not self.lost.done():
                self._stream.send(Cancelled(number))
        return unpacked(raw, METHODS[method][1])

    def _send(self, message: Message) -> None:
        if self._stream is not None:
            self._stream.send(message)

    def _heard(self, message: Message) -> None:
        match message:
            case Reported(report):
                self.report = report
                self.reported_s = asyncio.get_running_loop().time()
                self._say(report)
            case Happened(pc_id, over):
                self._say(WorkerEvent(pc_id, over))
            case SocketEvent() | SocketOver():
                self._sockets.take(message)
            case Done(number, value):
                if (asked := self._asked.pop(number, None)) is not None and not asked.done():
                    asked.set_result(value)
            case Refused(number=number):
                if (asked := self._asked.pop(number, None)) is not None and not asked.done():
                    asked.set_exception(message.refusal())
            case Failed(number, kind):
                if (asked := self._asked.pop(number, None)) is not None and not asked.done():
                    asked.set_exception(WorkerLost(f"the worker had a fault: {kind}"))
            case _:
                raise WireError(f"a worker asks nothing, and has sent {type(message).__name__}")

    def _say(self, what: WorkerReport | WorkerEvent) -> None:
        if self._told is not None:
            self._told(what)

    def _over(self) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
        self._sockets.lose()
        asked, self._asked = self._asked, {}
        for answer in asked.values():
            if not answer.done():
                answer.set_exception(WorkerLost("the worker is gone", gone=True))
                # It may be that nobody waits for it any more.
                answer.exception()
