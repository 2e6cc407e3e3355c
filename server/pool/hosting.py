"""The worker's side of the stream: does what is asked, and tells what happens."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import msgspec

from ...pipeline.errors import LivegraphError
from ...pipeline.running.cores import bind_loop
from ..calls.served import Running, ServedAgent
from ..refusals import Refusal, sentence
from .desk_worker import DeskWorker
from .setup import AgentSource, WorkerSetup, make_desk, open_source
from .sockets import SocketsFar
from .stream import Join, Stream
from .warm import warm_up
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
    SocketOpened,
    SocketOver,
    WireError,
    packed,
    unpacked,
)
from .worker import WorkerEvent, WorkerReport

__all__ = ["Host"]

logger = logging.getLogger("livegraph.server")

_COMMAND_WITHIN_S = 10.0
_MOST_ASKED = 1_000
"""At a time."""


class Host:
    """Hosts one worker for whoever is at the other end of a stream, until that side is gone."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._sockets: SocketsFar | None = None
        self._stream: Stream | None = None
        self._prepare: asyncio.Future[tuple[int, WorkerSetup]] = loop.create_future()
        self._begin: asyncio.Future[tuple[int, Begin]] = loop.create_future()
        self._close: asyncio.Future[int] = loop.create_future()
        """The number of the request to end; 0 when the other side is gone."""
        self._source: AgentSource | None = None
        self._agents: Sequence[ServedAgent] = ()
        self._renewing = asyncio.Lock()
        """One after the other: what was read last counts."""
        self._worker: DeskWorker | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._taps: dict[int, AsyncGenerator[bytes]] = {}
        self._tap_numbers = itertools.count(1)

    async def serve(self, join: Join) -> None:
        """Do what is asked over a stream until the other side has closed it."""
        self._stream = stream = await join(self._heard, self._over)
        try:
            async with AsyncExitStack() as stack:
                await self._serve(stack)
        except _GaveUp:
            pass
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            for lines in self._taps.values():
                await lines.aclose()
            if self._close.done() and (number := self._close.result()):
                self._done(number, None)
            stream.close()

    def ask_to_leave(self) -> None:
        """Somebody wants this process to end: it is for the other side to drain it."""
        if self._worker is not None:
            self._worker.ask_to_leave()
        else:
            self._over()

    async def _serve(self, stack: AsyncExitStack) -> None:
        if not await self._asked(self._prepare):
            return
        number, setup = self._prepare.result()
        with self._refusing(number):
            self._source = source = await stack.enter_async_context(open_source(setup))
            self._agents = await source.load()
            await asyncio.to_thread(warm_up)
        self._done(number, None)
        if not await self._asked(self._begin):
            return
        number, begin = self._begin.result()
        with self._refusing(number):
            placed, agents = await _placed(setup, begin), self._agents
            desk, network = make_desk(
                placed,
                agents,
                slot=begin.slot,
                udp_port=begin.udp_port,
                source=source,
            )
            worker = DeskWorker(desk, network, source)
            self._sockets = SocketsFar(worker.sockets, self._send)
            # Behind the desk's end: its callers are told of it by these sockets.
            stack.push_async_callback(self._sockets.close)
            try:
                await stack.enter_async_context(worker)
            except OSError as error:
                raise _no_port(begin.udp_port, error) from error
            while agents is not self._agents:
                # They were taken anew while the desk was opened.
                agents = self._agents
                await desk.exchange(agents)
        if begin.bound:
            bind_loop(begin.slot)
        self._worker = worker
        self._done(number, None)
        worker.tell(self._say)
        await self._close

    async def _asked(self, request: asyncio.Future[Any]) -> bool:
        """Wait for that request; whether it came before the end."""
        await asyncio.wait({request, self._close}, return_when=asyncio.FIRST_COMPLETED)
        return request.done()

    @contextmanager
    def _refusing(self, number: int) -> Iterator[None]:
        """What goes wrong inside is the answer, and the end."""
        try:
            yield
        except (LivegraphError, Refusal, OSError, ImportError, AttributeError, ValueError) as error:
            refusal = error if isinstance(error, Refusal) else Refusal(500, "worker_failed", sentence(error))
            self._send(Refused.of(number, refusal))
            raise _GaveUp from error

    # What comes, and what goes.

    def _heard(self, message: Message) -> None:
        match message:
            case Ask(number, "prepare", given) if not self._prepare.done():
                self._prepare.set_result((number, unpacked(given, tuple[WorkerSetup])[0]))
            case Ask(number, "begin", given) if not self._begin.done():
                self._begin.set_result((number, unpacked(given, tuple[Begin])[0]))
            case Ask(number, "close"):
                if not self._close.done():
                    self._close.set_result(number)
            case Ask() if len(self._tasks) < _MOST_ASKED:
                task = asyncio.get_running_loop().create_task(self._do(message), name=message.method)
                self._tasks[message.number] = task
                task.add_done_callback(lambda _: self._tasks.pop(message.number, None))
            case Ask(number):
                self._send(Failed(number, "too much was asked at a time"))
            case Cancelled(number):
                if (task_there := self._tasks.get(number)) is not None:
                    task_there.cancel()
            case SocketOpened() | SocketEvent() | SocketOver():
                if self._sockets is not None:
                    self._sockets.take(message)
            case _:
                raise WireError(f"a pool asks, and has sent {type(message).__name__}")

    async def _do(self, ask: Ask) -> None:
        try:
            kinds, _ = METHODS[ask.method]
            given = unpacked(ask.given, tuple[kinds])  # type: ignore[valid-type]
            self._done(ask.number, await self._answer(ask.method, given))
        except Refusal as refusal:
            self._send(Refused.of(ask.number, refusal))
        except Exception as error:
            # One request's fault is no other's. Its caller is told that it failed; here is why.
            logger.exception("%s failed", ask.method)
            self._send(Failed(ask.number, type(error).__name__))

    async def _answer(self, method: str, given: Any) -> Any:
        worker = self._worker
        if method == "renew":
            return await self._renew(*given)
        if worker is None:
            raise WireError(f"{method} was asked of a worker that does not serve yet")
        match method:
            case "tap":
                lines = await worker.tap(*given)
                self._taps[number := next(self._tap_numbers)] = lines
                return number
            case "tap_next":
                return await anext(self._taps[given[0]], None)
            case "tap_close":
                if (lines_there := self._taps.pop(given[0], None)) is not None:
                    await lines_there.aclose()
                return None
            case _:
                return await getattr(worker, method)(*given)

    async def _renew(self, options: Mapping[str, Any] | None) -> Mapping[str, Running]:
        """Read the agents anew; where it has no calls yet, it will begin with them."""
        async with self._renewing:
            if self._worker is not None:
                return await self._worker.renew(options)
            assert self._source is not None
            try:
                fresh = await self._source.load(options)
            except LivegraphError as error:
                raise Refusal(500, "agents_faulty", sentence(error)) from None
            # It may serve by now.
            if self._worker is not None:
                return await self._worker.desk.exchange(fresh)
            self._agents = fresh
            return {}

    def _say(self, what: WorkerReport | WorkerEvent) -> None:
        if isinstance(what, WorkerReport):
            self._send(Reported(what))
        else:
            self._send(Happened(what.pc_id, what.over))

    def _done(self, number: int, value: object) -> None:
        self._send(Done(number, packed(value)))

    def _send(self, message: Message) -> None:
        if self._stream is not None:
            self._stream.send(message)

    def _over(self) -> None:
        if not self._close.done():
            self._close.set_result(0)


async def _placed(setup: WorkerSetup, begin: Begin) -> WorkerSetup:
    """The setup of a worker whose place has addresses of its own. Raises ``Refusal`` when they cannot be told."""
    addresses = begin.public_addresses
    if setup.public_address_command:
        process = await asyncio.create_subprocess_shell(
            setup.public_address_command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(_COMMAND_WITHIN_S):
                printed, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise Refusal(500, "no_address", "The command for the public address did not end.") from None
        addresses = tuple(printed.decode(errors="replace").split())
        if process.returncode or not addresses:
            raise Refusal(500, "no_address", "The command for the public address gave none.")
    return msgspec.structs.replace(setup, public_addresses=addresses) if addresses else setup


def _no_port(port: int, error: OSError) -> Refusal:
    which = f"UDP port {port}" if port else "a UDP port"
    remedy = "Choose another --udp-port, and leave as many free as there are workers." if port else ""
    return Refusal(500, "worker_failed", f"It cannot listen on {which}: {error.strerror or error}.", remedy)


class _GaveUp(Exception):
    """It could not begin, and has said so."""
