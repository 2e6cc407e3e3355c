"""The thin I/O around a session: reads its link, runs its work, sends its messages when they are due."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from ..processors.gemini_live.wire import WireError, decode_client, encode_server
from ..processors.gemini_live.wire.link import Link, LinkClosed
from .closings import Closing
from .outbox import Work
from .session import House, LiveSession, MakeBrain
from .speech_worker import SpeechWorker

__all__ = ["serve_link"]

_log = logging.getLogger(__name__)

_SECOND = 1_000_000_000
_STALLED_AFTER_S = 20.0
_CLOSE_WITHIN_S = 3.0
_MOST_WORK = 16


async def serve_link(
    link: Link, house: House, make_brain: MakeBrain, worker: SpeechWorker, *, vertex: bool = False
) -> None:
    """Be the server at this end of `link`, until either side ends it.

    A client that takes no message for 20 s is dropped.
    """
    connection = _Connection(link, house, make_brain, worker, vertex=vertex)
    try:
        closing = await connection.run()
    except asyncio.CancelledError:
        await _close(link, Closing(1001, "The simulator stops."))
        raise
    except Exception:
        # One session's fault must not take the others down: it ends as the service's own faults do.
        _log.exception("a session of the simulator failed")
        closing = Closing.internal()
    if closing is not None:
        await _close(link, closing)


async def _close(link: Link, closing: Closing) -> None:
    try:
        async with asyncio.timeout(_CLOSE_WITHIN_S):
            await link.close(closing.code, closing.reason)
    except (TimeoutError, LinkClosed):
        link.abort()


class _Connection:
    def __init__(
        self, link: Link, house: House, make_brain: MakeBrain, worker: SpeechWorker, *, vertex: bool
    ) -> None:
        self._link = link
        self._worker = worker
        self._behaviour = house.behaviour
        self._loop = asyncio.get_running_loop()
        self._origin_s = self._loop.time()
        self._session = LiveSession(house, make_brain, now_ns=0, vertex=vertex)
        self._changed = asyncio.Event()
        self._work: set[asyncio.Task[None]] = set()
        self._relieved = asyncio.Event()
        self._lost = False

    async def run(self) -> Closing | None:
        """How the server wants to close; None when the client did already."""
        try:
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._read(), name="simulator reader")
                try:
                    await self._drive(group)
                finally:
                    for task in (reader, *self._work):
                        task.cancel()
        finally:
            self._session.leave()
        return None if self._lost else self._session.outbox.closing

    def _now_ns(self) -> int:
        return round((self._loop.time() - self._origin_s) * _SECOND)

    async def _read(self) -> None:
        try:
            while self._session.outbox.closing is None:
                while len(self._work) + len(self._session.outbox.work) > _MOST_WORK:
                    # The client talks faster than can be understood: let it wait.
                    self._relieved.clear()
                    await self._relieved.wait()
                data = await self._link.recv()
                try:
                    message = decode_client(data, strict=self._behaviour.strict, on_unknown=_ignored)
                except WireError as error:
                    _log.info("a message that cannot be read: %s", error)
                    self._session.refuse(Closing(1007, str(error)))
                else:
                    self._session.receive(message, self._now_ns())
                self._changed.set()
        except LinkClosed as closed:
            _log.debug("the client is gone: %s", closed)
            self._lost = True
            # At once, so that the client may resume on another connection.
            self._session.leave()
            self._changed.set()

    async def _drive(self, group: asyncio.TaskGroup) -> None:
        session, outbox = self._session, self._session.outbox
        while not self._lost:
            self._changed.clear()
            session.advance(self._now_ns())
            work, outbox.work = outbox.work, []
            for each in work:
                task = group.create_task(self._do(each), name="simulator work")
                self._work.add(task)
                task.add_done_callback(self._done)
            messages, outbox.messages = outbox.messages, []
            for message in messages:
                if not await self._send(encode_server(message)):
                    return
            if outbox.messages or outbox.work:
                continue
            if outbox.closing is not None:
                return
            await self._wait(session.due_ns)

    async def _wait(self, due_ns: int | None) -> None:
        """For news, but not longer than until `due_ns`."""
        when = None if due_ns is None else self._origin_s + due_ns / _SECOND
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(when):
                await self._changed.wait()

    async def _do(self, work: Work) -> None:
        result = await self._worker.do(work)
        self._session.finished(work.key, result, self._now_ns())
        self._changed.set()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        self._relieved.set()

    async def _send(self, data: bytes) -> bool:
        try:
            async with asyncio.timeout(_STALLED_AFTER_S):
                await self._link.send(data.decode() if self._behaviour.text_frames else data)
        except LinkClosed:
            self._lost = True
        except TimeoutError:
            _log.warning("a client of the simulator has stopped reading and is dropped")
            self._link.abort()
            self._lost = True
        return not self._lost


def _ignored(path: str) -> None:
    _log.debug("an unknown field is ignored: %s", path)
