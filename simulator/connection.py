"""The thin I/O around a session: reads its link, runs its work, sends its messages when they are due."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from ..liveapi import ClientMessage, ServerMessage, WireError, decode_client
from ..liveapi.link import LinkClosed
from .closings import Closing
from .encoding import encode
from .faults import Fault, Half, HangUp, RawBytes, RawMessage, Stall
from .recording import Note, WireEvent
from .server_link import ServerLink
from .server_output import Work
from .session import LiveSession
from .shared_state import Entry, MakeBrain, SharedState
from .speech_worker import SpeechWorker
from .strictness import is_strict

__all__ = ["serve_link"]

_log = logging.getLogger(__name__)

_SECOND = 1_000_000_000
_STALLED_AFTER_S = 20.0
_STALL_AT_MOST_S = 900.0
_CLOSE_WITHIN_S = 3.0
_MOST_WORK = 16


async def serve_link(
    link: ServerLink,
    shared: SharedState,
    make_brain: MakeBrain,
    worker: SpeechWorker,
    entry: Entry,
    note: Callable[[WireEvent], None] | None = None,
) -> None:
    """Be the server at this end of `link`, until either side ends it.

    A client that takes no message for 20 s is dropped.

    Args:
        note: told of everything that passes.
    """
    connection = _Connection(link, shared, make_brain, worker, entry, note)
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
        connection.note("close", "out", f"{closing.code} {closing.reason}".strip())
        await _close(link, closing)


async def _close(link: ServerLink, closing: Closing) -> None:
    try:
        async with asyncio.timeout(_CLOSE_WITHIN_S):
            await link.close(closing.code, closing.reason)
    except (TimeoutError, LinkClosed):
        link.abort()


class _Connection:
    def __init__(
        self,
        link: ServerLink,
        shared: SharedState,
        make_brain: MakeBrain,
        worker: SpeechWorker,
        entry: Entry,
        note: Callable[[WireEvent], None] | None,
    ) -> None:
        self._link = link
        self._worker = worker
        self._behaviour = shared.behaviour
        self._loop = asyncio.get_running_loop()
        self._began_ns = self._now_ns()
        player = entry.player or shared.scenario.enter(self._began_ns)
        self._number, self._oddities = player.connection, player.oddities
        self._note = note
        entry = Entry(entry.api, entry.admission, player)
        self._session = LiveSession(shared, make_brain, now_ns=self._began_ns, entry=entry)
        self._changed = asyncio.Event()
        self._work: set[asyncio.Task[None]] = set()
        self._relieved = asyncio.Event()
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._read_on_later: asyncio.TimerHandle | None = None
        self._lost = False
        self.note("open", "in", entry.admission.credential)

    async def run(self) -> Closing | None:
        """How the server wants to close; None when the connection is gone already."""
        try:
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._read(), name="simulator reader")
                try:
                    await self._drive(group)
                finally:
                    for task in (reader, *self._work):
                        task.cancel()
        finally:
            self._session.leave(self._now_ns())
            if self._read_on_later is not None:
                self._read_on_later.cancel()
                self._link.stop_reading(False)
        return None if self._lost else self._session.output.closing

    def note(self, kind: Note, direction: str, data: str | bytes) -> None:
        """Tell who wants to know."""
        if self._note is not None:
            at_ns = self._now_ns() - self._began_ns
            self._note(WireEvent(at_ns, self._number, "in" if direction == "in" else "out", kind, data))

    def _now_ns(self) -> int:
        return round(self._loop.time() * _SECOND)

    async def _read(self) -> None:
        session = self._session
        try:
            while session.output.closing is None:
                await self._may_read.wait()
                while len(self._work) + len(session.output.work) > _MOST_WORK:
                    # The client talks faster than can be understood: let it wait.
                    self._relieved.clear()
                    await self._relieved.wait()
                data = await self._link.recv()
                # A message that came while the reading was stopped is not read either.
                await self._may_read.wait()
                self.note("message", "in", data)
                try:
                    message = self._decode(data)
                except WireError as error:
                    _log.info("a message that cannot be read: %s", error)
                    session.refuse(Closing(1007, str(error)))
                else:
                    session.receive(message, self._now_ns())
                self._changed.set()
        except LinkClosed as closed:
            _log.debug("the client is gone: %s", closed)
            self.note("close", "in", f"{closed.code} {closed.reason}".strip())
            self._lose(lost=closed.code == 1006)

    def _decode(self, data: str | bytes) -> ClientMessage:
        """A message. How strictly it is read goes by its model, if it is the one that names that."""
        strict = self._session.strict
        if strict is not None:
            return decode_client(data, strict=strict, on_unknown=_ignored)
        try:
            return decode_client(data, strict=True)
        except WireError:
            message = decode_client(data, on_unknown=_ignored)
            if message.setup is not None and is_strict(self._behaviour, message.setup.model):
                raise
            return message

    def _lose(self, *, lost: bool) -> None:
        """The connection is gone: leave at once, so that the client may resume on another one."""
        self._lost = True
        self._session.leave(self._now_ns(), lost=lost)
        self._changed.set()

    async def _drive(self, group: asyncio.TaskGroup) -> None:
        session, output = self._session, self._session.output
        pong_after_ns = 0
        while not self._lost:
            self._changed.clear()
            session.advance(self._now_ns())
            if self._oddities.pong_after_ns != pong_after_ns:
                pong_after_ns = self._oddities.pong_after_ns
                self._link.answer_pings_after(pong_after_ns)
            work, output.work = output.work, []
            for each in work:
                task = group.create_task(self._do(each), name="simulator work")
                self._work.add(task)
                task.add_done_callback(self._done)
            messages, output.messages = output.messages, []
            for message in messages:
                await self._put(message)
                if self._lost:
                    return
            if output.messages or output.work:
                continue
            if output.closing is not None:
                return
            await self._wait(session.due_ns)

    async def _wait(self, due_ns: int | None) -> None:
        """For news, but not longer than until `due_ns`."""
        when = None if due_ns is None else due_ns / _SECOND
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

    # Sending

    async def _put(self, item: ServerMessage | Fault) -> None:
        """Send a message, or do to the connection what a scenario wants."""
        try:
            async with asyncio.timeout(_STALLED_AFTER_S) as limit:
                match item:
                    case ServerMessage():
                        await self._send(encode(item, self._oddities))
                    case RawMessage(data=data):
                        await self._send(data, as_it_is=True)
                    case RawBytes(data=data):
                        self.note("fault", "out", f"{len(data)} bytes outside of any message")
                        await self._link.send_bytes(data)
                    case Half(data=data):
                        self.note("fault", "out", "half a message")
                        await self._link.send_half(data)
                    case HangUp(reset=reset):
                        self.note("fault", "out", "reset" if reset else "end without a close frame")
                        self._link.abort() if reset else self._link.hang_up()
                        self._lose(lost=True)
                    case Stall():
                        limit.reschedule(None)
                        await self._stall(item)
        except LinkClosed:
            self._lose(lost=True)
        except TimeoutError:
            _log.warning("a client of the simulator has stopped reading and is dropped")
            self._link.abort()
            self._lose(lost=True)

    async def _send(self, data: str | bytes, *, as_it_is: bool = False) -> None:
        self.note("message", "out", data)
        if self._behaviour.text_frames and isinstance(data, bytes) and not as_it_is:
            data = data.decode()
        await self._link.send(data)

    async def _stall(self, stall: Stall) -> None:
        seconds = _STALL_AT_MOST_S if stall.for_ns is None else stall.for_ns / _SECOND
        self.note("fault", "out", f"stall: reading {stall.reading}, writing {stall.writing}, {seconds:g} s")
        if stall.reading:
            self._may_read.clear()
            self._link.stop_reading(True)
            self._read_on_later = self._loop.call_later(seconds, self._read_on)
        if stall.writing:
            over = self._loop.time() + seconds
            while not self._lost and self._loop.time() < over:
                self._changed.clear()
                await self._wait(round(over * _SECOND))
        if stall.for_ns is None and stall.writing and not self._lost:
            # For ever has its end too, so that a forgotten client does not stay.
            self._link.abort()
            self._lose(lost=True)

    def _read_on(self) -> None:
        self._may_read.set()
        self._link.stop_reading(False)


def _ignored(path: str) -> None:
    _log.debug("an unknown field is ignored: %s", path)
