"""A desk as a worker."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from starlette.types import Receive, Scope, Send

from ...pipeline.errors import LivegraphError
from ...transports.webrtc.network import Network
from ..access.grant import ReportLevel
from ..calls import CallDesk, Running
from ..offering import Answered, Offer
from ..refusals import Refusal
from .local import LocalPool
from .setup import AgentSource
from .sockets import sockets_app
from .worker import Told, WorkerEvent, WorkerReport

__all__ = ["DeskWorker"]

_REPORT_EVERY_S = 0.25


class DeskWorker:
    """See ``Worker``. An async context manager, in which its desk is open and it reports four times a second.

    Args:
        desk, network: as ``make_desk`` gives them.
        source: asked when the agents are to be taken anew.
    """

    def __init__(self, desk: CallDesk, network: Network, source: AgentSource) -> None:
        self.desk = desk
        self._here = LocalPool(desk)
        self.sockets = sockets_app(desk)
        """Serves callers by WebSocket."""
        self._network = network
        self._source = source
        self._told: Told | None = None
        self._leaving = False
        self._reporting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.desk.open()
        self._reporting = asyncio.create_task(self._report(), name="worker report")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.desk.close()
        finally:
            if self._reporting is not None:
                self._reporting.cancel()
                await asyncio.wait({self._reporting})

    @property
    def report(self) -> WorkerReport:
        """How it fares now."""
        desk = self.desk
        load = desk.load
        return WorkerReport(
            active=desk.active,
            pending=desk.pending,
            unready=desk.unready,
            lag_ns=0 if load is None else load.lag_ns,
            cpu=0.0 if load is None else load.cpu,
            memory_bytes=resident_bytes(),
            leaving=self._leaving,
            pid=os.getpid(),
            udp_port=self._network.port,
        )

    def ask_to_leave(self) -> None:
        """Say with the next report that somebody wants this worker to end."""
        self._leaving = True

    def tell(self, told: Told | None) -> None:
        """See ``Worker``."""
        self._told = told
        self._say(self.report)

    async def answer(self, offer: Offer) -> Answered:
        """See ``Worker``."""
        answered = await self._here.answer(offer)
        line = self.desk.line(answered.pc_id)
        line.when_reached.append(lambda: self._say(WorkerEvent(answered.pc_id, over=False)))
        line.when_over.append(lambda: self._say(WorkerEvent(answered.pc_id, over=True)))
        return answered

    async def renegotiate(self, pc_id: str, sdp: str, kind: str, replace: bool) -> Answered:
        """See ``Worker``."""
        return await self.desk.renegotiate(pc_id, sdp, kind, replace=replace)

    async def resume(self, token: str, sdp: str, kind: str) -> Answered:
        """See ``Worker``."""
        return await self.desk.resume(token, sdp, kind)

    async def add_candidates(self, pc_id: str, candidates: list[Any]) -> None:
        """See ``Worker``."""
        await self.desk.add_candidates(pc_id, candidates)

    async def leave(self, pc_id: str) -> None:
        """See ``Worker``."""
        self.desk.leave(pc_id)

    async def hang_up(self, pc_id: str) -> None:
        """See ``Worker``."""
        await self.desk.hang_up(pc_id)

    async def carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ``Worker``."""
        await self.sockets(scope, receive, send)

    async def calls(self) -> list[dict[str, Any]]:
        """See ``Worker``."""
        return self.desk.calls()

    async def call(self, call_id: str) -> dict[str, Any]:
        """See ``Worker``."""
        return await self._here.call(call_id)

    async def tap(self, call_id: str, port: str, level: ReportLevel, sound: bool) -> AsyncGenerator[bytes]:
        """See ``Worker``."""
        return await self._here.tap(call_id, port, level, sound=sound)

    async def end(self, call_id: str, detail: str) -> None:
        """See ``Worker``."""
        await self._here.end(call_id, detail)

    async def drain(self, within_s: float) -> int:
        """See ``Worker``."""
        return await self.desk.drain(within_s)

    async def end_calls(self) -> None:
        """See ``Worker``."""
        await self.desk.close()

    async def renew(self, options: Mapping[str, Any] | None = None) -> Mapping[str, Running]:
        """See ``Worker``."""
        try:
            return await self.desk.exchange(await self._source.load(options))
        except LivegraphError as error:
            # Whoever asked has read the same files, and tells what is wrong with them.
            raise Refusal(500, "agents_faulty", "The agents are faulty: " + str(error)) from None

    async def metrics(self) -> bytes:
        """See ``Worker``."""
        return self.desk.metrics.text()

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_EVERY_S)
            self._say(self.report)

    def _say(self, what: WorkerReport | WorkerEvent) -> None:
        if self._told is not None:
            self._told(what)


def resident_bytes() -> int:
    """How much memory this process has of the machine's; 0 where that cannot be asked."""
    if not sys.platform.startswith("linux"):
        return 0
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
