"""What the HTTP side needs of whoever serves calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol, Self

from starlette.requests import HTTPConnection

from ...language import Agent
from ..access.grant import Grant, ReportLevel
from ..calls import Running, ServedAgent
from ..offering import Answered, Offer
from .cards import AgentCard

__all__ = ["Pool"]

Json = dict[str, Any]


class Pool(Protocol):
    """Workers, and the way to each. An async context manager, in which calls are served.

    ``pc_id`` and the token to resume by name the worker of a call as well; whoever has them treats them as one word.
    All that is asked of a worker has a deadline. ``Refusal`` is the only error that is raised on purpose: a call whose
    worker is gone is refused with 410 and ``call_lost``, so that its caller makes a new one.
    """

    hint: str
    """Where callers may go instead while no calls are taken; part of the refusal's remedy."""

    @property
    def cards(self) -> Mapping[str, AgentCard]:
        """The agents that can be called, the first the default one."""
        ...

    @property
    def max_calls(self) -> int:
        """How many calls there may be at a time, over all workers."""
        ...

    @property
    def active(self) -> int:
        """How many there are, those included that are being answered."""
        ...

    @property
    def pending(self) -> int:
        """How many of them wait for their callers to come."""
        ...

    @property
    def status(self) -> str:
        """``ok``, ``draining`` or ``closing``."""
        ...

    @property
    def unready(self) -> str:
        """Why no call would be taken now: ``closing``, ``draining``, ``full``, ``overloaded``; empty when it would."""
        ...

    @property
    def workers(self) -> Sequence[Json]:
        """For operators: what is known of each worker. Empty where the only one is this process."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    # What callers ask for.

    def count_request(self, grant: Grant, address: str, *, further: bool = False) -> None:
        """Count an offer before it is read. Raises ``Refusal`` when there were too many, or calls are not taken.

        ``further``: it may be one of a call that there is, which goes on while the server drains.
        """
        ...

    def refused(self, code: str) -> None:
        """An offer did not become a call: count it."""
        ...

    async def answer(self, offer: Offer, request: HTTPConnection | None = None) -> Answered:
        """Let a caller in: the worker with the most room takes its call. ``request`` is what brought the offer."""
        ...

    async def renegotiate(
        self, pc_id: str, sdp: str, kind: str = "offer", *, replace: bool = False
    ) -> Answered:
        """Answer a further offer of a caller, whose call goes on."""
        ...

    async def resume(self, token: str, sdp: str, kind: str = "offer") -> Answered:
        """Go on with a call from another connection, by the token of its last answer."""
        ...

    async def add_candidates(self, pc_id: str, candidates: Any) -> None:
        """More addresses of a caller."""
        ...

    async def leave(self, pc_id: str) -> None:
        """The caller goes, perhaps to come back in a moment: its page is reloaded."""
        ...

    async def hang_up(self, pc_id: str) -> None:
        """End a call at its caller's wish; one that is over already is fine."""
        ...

    # What operators ask for.

    async def calls(self) -> list[Json]:
        """The calls that there are, each with the ``worker`` that has it where there are several."""
        ...

    async def call(self, call_id: str) -> Json:
        """One call, with its boxes and the queues between them. Raises ``Refusal`` (404)."""
        ...

    async def tap(self, call_id: str, port: str, level: ReportLevel, *, sound: bool) -> AsyncGenerator[bytes]:
        """What leaves one output of a call, as lines; see ``tapping``. Raises ``Refusal`` (404, 503)."""
        ...

    async def end(self, call_id: str, detail: str = "") -> None:
        """End a call, and return when it is over; ``detail`` is told to the caller. Raises ``Refusal`` (404)."""
        ...

    async def drain(self, within_s: float) -> int:
        """Take no more calls, let those that run go on for ``within_s``, then have their agents say goodbye.

        Returns how many were still there then.
        """
        ...

    async def end_calls(self) -> None:
        """Take no more calls and end all that there are, each told that the server ends; returns when they are over."""
        ...

    async def roll(self) -> None:
        """Have fresh workers, one place after the other: new calls go to new ones, old calls come to their end.

        Returns when all take calls. Raises ``Refusal`` where there are no workers, and when one cannot be started.
        """
        ...

    async def exchange(self, agents: Sequence[ServedAgent | Agent]) -> Mapping[str, Running]:
        """From now on these are the agents. What became of the running calls, by agent."""
        ...

    async def metrics(self) -> bytes:
        """What is counted, in the format of Prometheus; of several workers joined, each labelled ``worker``."""
        ...
