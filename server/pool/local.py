"""The pool that is this process: one desk, asked directly."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any, Self

from starlette.requests import HTTPConnection

from ...language import Agent
from ...pipeline.spelling import did_you_mean
from ..access.grant import Grant, ReportLevel
from ..calls import CallDesk, Running, ServedAgent
from ..offering import Answered, Offer
from ..refusals import Refusal
from ..tapping import Tapping
from .cards import AgentCard, cards_of

__all__ = ["LocalPool", "answer_at", "no_such_call", "no_workers"]


class LocalPool:
    """See ``Pool``. ``desk`` has the calls, and whatever is set on it counts here."""

    def __init__(self, desk: CallDesk) -> None:
        self.desk = desk
        self._tapping = Tapping()
        self._carded: tuple[Mapping[str, ServedAgent], Mapping[str, AgentCard]] = ({}, {})

    @property
    def hint(self) -> str:
        """See ``Pool``."""
        return self.desk.hint

    @hint.setter
    def hint(self, hint: str) -> None:
        self.desk.hint = hint

    @property
    def cards(self) -> Mapping[str, AgentCard]:
        """See ``Pool``."""
        agents, cards = self._carded
        if agents is not self.desk.agents:
            cards = cards_of(self.desk.agents.values())
            self._carded = (self.desk.agents, cards)
        return cards

    @property
    def max_calls(self) -> int:
        """See ``Pool``."""
        return self.desk.max_calls

    @property
    def active(self) -> int:
        """See ``Pool``."""
        return self.desk.active

    @property
    def pending(self) -> int:
        """See ``Pool``."""
        return self.desk.pending

    @property
    def status(self) -> str:
        """See ``Pool``."""
        return "closing" if self.desk.closing else "draining" if self.desk.draining else "ok"

    @property
    def unready(self) -> str:
        """See ``Pool``."""
        return self.desk.unready

    @property
    def workers(self) -> Sequence[dict[str, Any]]:
        """See ``Pool``."""
        return ()

    async def __aenter__(self) -> Self:
        await self.desk.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.desk.close()

    def count_request(self, grant: Grant, address: str, *, further: bool = False) -> None:
        """See ``Pool``."""
        self.desk.count_request(grant, address, further=further)

    def refused(self, code: str) -> None:
        """See ``Pool``."""
        self.desk.metrics.refused(code)

    async def answer(self, offer: Offer, request: HTTPConnection | None = None) -> Answered:
        """See ``Pool``."""
        return await answer_at(self.desk, offer, request)

    async def renegotiate(
        self, pc_id: str, sdp: str, kind: str = "offer", *, replace: bool = False
    ) -> Answered:
        """See ``Pool``."""
        return await self.desk.renegotiate(pc_id, sdp, kind, replace=replace)

    async def resume(self, token: str, sdp: str, kind: str = "offer") -> Answered:
        """See ``Pool``."""
        return await self.desk.resume(token, sdp, kind)

    async def add_candidates(self, pc_id: str, candidates: Any) -> None:
        """See ``Pool``."""
        await self.desk.add_candidates(pc_id, candidates)

    async def leave(self, pc_id: str) -> None:
        """See ``Pool``."""
        self.desk.leave(pc_id)

    async def hang_up(self, pc_id: str) -> None:
        """See ``Pool``."""
        await self.desk.hang_up(pc_id)

    async def calls(self) -> list[dict[str, Any]]:
        """See ``Pool``."""
        return self.desk.calls()

    async def call(self, call_id: str) -> dict[str, Any]:
        """See ``Pool``."""
        try:
            return self.desk.call(call_id)
        except KeyError:
            raise self._unknown(call_id) from None

    async def tap(self, call_id: str, port: str, level: ReportLevel, *, sound: bool) -> AsyncGenerator[bytes]:
        """See ``Pool``."""
        try:
            call = self.desk.find(call_id).call
        except KeyError:
            raise self._unknown(call_id) from None
        return self._tapping.look(call, port, level, sound=sound)

    async def end(self, call_id: str, detail: str = "") -> None:
        """See ``Pool``."""
        try:
            await self.desk.end(call_id, detail)
        except KeyError:
            raise self._unknown(call_id) from None

    async def drain(self, within_s: float) -> int:
        """See ``Pool``."""
        return await self.desk.drain(within_s)

    async def end_calls(self) -> None:
        """See ``Pool``."""
        await self.desk.close()

    async def roll(self) -> None:
        """See ``Pool``."""
        raise no_workers()

    async def exchange(self, agents: Sequence[ServedAgent | Agent]) -> Mapping[str, Running]:
        """See ``Pool``."""
        return await self.desk.exchange(agents)

    async def metrics(self) -> bytes:
        """See ``Pool``."""
        return self.desk.metrics.text()

    def _unknown(self, call_id: str) -> Refusal:
        return no_such_call(call_id, [line.call.id for line in self.desk.lines()])


async def answer_at(desk: CallDesk, offer: Offer, request: HTTPConnection | None = None) -> Answered:
    """The desk's answer to an offer."""
    return await desk.answer(
        offer.sdp,
        offer.kind,
        offer.agent,
        offer.inputs,
        grant=offer.grant,
        address=offer.address,
        request=request,
        headers=offer.headers,
        resumes=offer.resumes,
        data=offer.data,
    )


def no_workers() -> Refusal:
    """For whoever would have other workers where there are none."""
    return Refusal(
        409, "no_workers", "The calls of this server are in its own process.", "Start it with --workers."
    )


def no_such_call(call_id: str = "", ids: Iterable[str] = ()) -> Refusal:
    """For whoever asks for a call that there is not; ``ids`` are those that there are."""
    hint = did_you_mean(call_id, ids).replace("`", "'")
    return Refusal(404, "call_unknown", "There is no such call, or it is over.", hint)
