"""The desk that browsers reach: offers are answered, calls go on over another connection, candidates are added."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from starlette.requests import HTTPConnection

from ...language import Agent
from ...pipeline.errors import TransportError
from ...pipeline.units import MS, SECOND
from ...transports.webrtc.network import Network
from ...transports.webrtc.peer import Peer
from ...transports.webrtc.sdp import MOST_BYTES, BadOffer
from ..access.grant import ANYBODY, Grant
from ..arguments import an_instance, whole
from ..metrics import Metrics
from ..network_metrics import NetworkNumbers
from ..offering import Answered
from ..refusals import Refusal, sentence
from .desk import Desk
from .offers import OfferBook, offer_mark
from .reception import CallRequest
from .served import ServedAgent
from .webrtc_leg import WebRTCLeg

__all__ = ["CallDesk"]

_ANSWER_WITHIN_S = 8.0
"""The page waits for 10 s."""
_RETRY_AFTER_S = 10
_RELOAD_NS = 10 * SECOND
"""For a page that is reloaded: it may have been closed for good."""


class CallDesk(Desk):
    """A ``Desk`` that answers the offers of browsers; it takes callers of other transports as well.

    Args:
        network: how callers reach this process; held while the desk is open.
        silence_ns: after which a caller that is not heard of is away; see ``Peer.accept``.
        others: see ``Desk``.
    """

    def __init__(
        self,
        agents: Sequence[ServedAgent | Agent],
        *,
        max_calls: int,
        metrics: Metrics | None = None,
        network: Network | None = None,
        silence_ns: int = 5 * SECOND,
        **others: Any,
    ) -> None:
        super().__init__(agents, max_calls=max_calls, metrics=metrics, **others)
        whole("silence_ns", silence_ns, least=100 * MS, hint="It is nanoseconds, as in 5 * SECOND")
        self._network = network or Network()
        self._silence_ns = silence_ns
        self._offers = OfferBook()
        self.hold(self._hold_network)
        self.metrics.add(NetworkNumbers(self._network, self._away))

    async def answer(
        self,
        sdp: str,
        kind: str = "offer",
        agent_name: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        grant: Grant = ANYBODY,
        address: str = "",
        request: HTTPConnection | None = None,
        resources: Mapping[type, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        resumes: bool = False,
        data: Mapping[str, Any] | None = None,
    ) -> Answered:
        """Let a caller in and make its call, which begins when the caller has come. Raises ``Refusal``.

        Args:
            sdp, kind: the offer and its ``type``, as they came.
            agent_name: the agent that is called; the grant's, or the desk's first, by default.
            inputs: what the caller brings along for the inputs that the agent declares.
            grant: what this caller may do.
            address: where the offer came from; limits count by it.
            request: the one that brought the offer, for ``on_call``.
            resources: what boxes and tools find by type in the call.
            headers: by which the call joins a trace, where there is no ``request``.
            resumes: whether the caller comes back when its connection was closed without a goodbye; see ``resume``.
            data: what else it has sent along, for ``on_call``.

        An offer that comes again before its caller does is answered as it was; one whose call is on or over is refused.
        """
        self.check_ready()
        an_instance("sdp", sdp, str, "the text of an offer")
        an_instance("grant", grant, Grant, "a Grant", "ANYBODY, the default, may call all agents")
        if inputs is not None:
            an_instance("inputs", inputs, Mapping, "a mapping of names to values")
        if len(sdp.encode(errors="replace")) > MOST_BYTES:
            raise Refusal(413, "too_large", f"The offer is larger than {MOST_BYTES // 1024} KiB.")
        asked = CallRequest(
            agent_name, inputs or {}, grant, address, request, resources or {}, headers or {}, data or {}
        )
        mark, wanted = offer_mark(sdp), (self.agent_for(asked).name, grant.identity)
        return await self._offers.once(mark, wanted, lambda: self._answer(asked, sdp, kind, mark, resumes))

    async def renegotiate(
        self, pc_id: str, sdp: str, kind: str = "offer", *, replace: bool = False
    ) -> Answered:
        """Answer a further offer of a caller, whose call goes on: see ``Peer.renegotiate``. Raises ``Refusal``."""
        if self.was_ended(pc_id):
            raise Refusal(410, "call_ended", "The call was ended.", "Make a new call.")
        peer = self._peer(pc_id)
        with _refused_offers():
            await peer.renegotiate(sdp, kind, replace=replace)
        return _answered(peer)

    async def resume(self, token: str, sdp: str, kind: str = "offer") -> Answered:
        """Go on with a call from another connection, by the token of its last answer. Raises ``Refusal``."""
        peer = next((peer for peer in self._peers() if peer.is_token(token)), None)
        if peer is None:
            raise _over_for_good()
        with _refused_offers():
            await peer.resume(token, sdp, kind)
        return _answered(peer)

    async def add_candidates(self, pc_id: str, candidates: object) -> None:
        """More addresses of a caller. Raises ``Refusal``."""
        try:
            await self._peer(pc_id).add_candidates(candidates)
        except BadOffer as error:
            raise Refusal(400, "bad_candidate", sentence(error)) from None

    def leave(self, pc_id: str) -> None:
        """The caller goes, perhaps to come back in a moment: its page is reloaded. Raises ``Refusal``."""
        if not self.was_here(pc_id):
            self._peer(pc_id).leave(_RELOAD_NS)

    async def _answer(self, asked: CallRequest, sdp: str, kind: str, mark: str, resumes: bool) -> Answered:
        peer: Peer | None = None

        async def accept(agent: ServedAgent) -> WebRTCLeg:
            nonlocal peer
            peer = await self._accept(agent, sdp, kind)
            peer.resumes = resumes
            return WebRTCLeg(peer)

        line = await self.admit(asked, accept)
        assert peer is not None
        line.when_reached.append(lambda: self._offers.use_up(mark))
        line.when_over.append(lambda: self._offers.use_up(mark))
        return _answered(peer)

    async def _accept(self, agent: ServedAgent, sdp: str, kind: str) -> Peer:
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                return await Peer.accept(
                    sdp,
                    kind,
                    network=self._network,
                    video=agent.sees,
                    silence_ns=self._silence_ns,
                )
        except BadOffer as error:
            raise Refusal(400, "bad_offer", sentence(error)) from None
        except TimeoutError:
            raise Refusal(
                503,
                "no_answer",
                "The server found no address for the call in time.",
                "Check the STUN and TURN servers that it is configured with.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            ) from None

    @asynccontextmanager
    async def _hold_network(self) -> AsyncIterator[None]:
        await self._network.hold()
        try:
            yield
        finally:
            await self._network.release()

    def _peer(self, pc_id: str) -> Peer:
        leg = self.line(pc_id).leg
        if not isinstance(leg, WebRTCLeg):
            raise Refusal(404, "call_unknown", "There is no such call, or it is over.")
        return leg.peer

    def _peers(self) -> Iterator[Peer]:
        for line in self.lines():
            if isinstance(line.leg, WebRTCLeg):
                yield line.leg.peer

    def _away(self) -> int:
        return sum(peer.state == "away" for peer in self._peers())


def _answered(peer: Peer) -> Answered:
    return Answered(peer.answer.sdp, peer.answer.type, peer.id, peer.resume_token)


def _over_for_good() -> Refusal:
    return Refusal(410, "call_over", "The call is over, or somebody has gone on with it.", "Make a new call.")


@contextmanager
def _refused_offers() -> Iterator[None]:
    """What a peer says of a further offer, as a refusal."""
    try:
        yield
    except BadOffer as error:
        raise Refusal(400, "bad_offer", sentence(error)) from None
    except TransportError:
        raise _over_for_good() from None
