"""Who serves calls: what a pool may ask of a worker, and what a worker tells of itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from starlette.types import Receive, Scope, Send

from ..access.grant import ReportLevel
from ..calls.served import Running
from ..offering import Answered, Offer

__all__ = ["Told", "Worker", "WorkerEvent", "WorkerLost", "WorkerReport"]


class WorkerReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker fares, several times a second."""

    active: int = 0
    """Calls, those included that are being answered."""
    pending: int = 0
    unready: str = ""
    """Why it takes no call now; see ``Desk.unready``."""
    lag_ns: int = 0
    """How late its event loop comes, in nine of ten looks of the last seconds."""
    cpu: float = 0.0
    """The part of the time that its loop's thread computes, 0 to 1."""
    memory_bytes: int = 0
    """Resident; 0 where it is not known."""
    leaving: bool = False
    """Whether it asks to be drained: it was told to end by somebody else."""
    pid: int = 0
    udp_port: int = 0


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """The caller of a call was ``reached``, or the call is ``over``."""

    pc_id: str
    over: bool


Told = Callable[[WorkerReport | WorkerEvent], None]


class WorkerLost(Exception):
    """The worker does not answer, or is ``gone``: what was asked of it may or may not have been done."""

    def __init__(self, why: str, *, gone: bool = False) -> None:
        super().__init__(why)
        self.gone = gone


class Worker(Protocol):
    """Serves calls, and knows nothing of who started it. All that goes in and comes out can be sent.

    Whatever is asked may raise ``Refusal``, and ``WorkerLost`` where the worker is not in this process.
    """

    def tell(self, told: Told | None) -> None:
        """Have its reports and events told here from now on, in order."""
        ...

    async def answer(self, offer: Offer) -> Answered:
        """Take a call."""
        ...

    async def renegotiate(self, pc_id: str, sdp: str, kind: str, replace: bool) -> Answered:
        """See ``Pool``."""
        ...

    async def resume(self, token: str, sdp: str, kind: str) -> Answered:
        """See ``Pool``."""
        ...

    async def add_candidates(self, pc_id: str, candidates: list[Any]) -> None:
        """See ``Pool``."""
        ...

    async def leave(self, pc_id: str) -> None:
        """See ``Pool``."""
        ...

    async def hang_up(self, pc_id: str) -> None:
        """See ``Pool``."""
        ...

    async def carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket, as an ASGI application does; returns when it is over."""
        ...

    async def calls(self) -> list[dict[str, Any]]:
        """See ``Pool``."""
        ...

    async def call(self, call_id: str) -> dict[str, Any]:
        """See ``Pool``."""
        ...

    async def tap(self, call_id: str, port: str, level: ReportLevel, sound: bool) -> AsyncGenerator[bytes]:
        """See ``Pool``."""
        ...

    async def end(self, call_id: str, detail: str) -> None:
        """See ``Pool``."""
        ...

    async def drain(self, within_s: float) -> int:
        """See ``Pool``."""
        ...

    async def end_calls(self) -> None:
        """See ``Pool``."""
        ...

    async def renew(self, options: Mapping[str, Any] | None = None) -> Mapping[str, Running]:
        """Take its agents anew; what became of the running calls. Raises ``Refusal`` (500) when they are faulty.

        ``options`` are those of its source, where they have changed.
        """
        ...

    async def metrics(self) -> bytes:
        """What it counts, in the format of Prometheus."""
        ...
