"""A pool of workers that are somewhere else: lets callers in, places their calls, and leads what follows to each.

Who may call and how many there may be is decided here, for all workers together; workers ask nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from ...language import Agent
from ...pipeline.clock import clock_of_loop
from ..access.grant import Grant
from ..access.ticket_store import OwnTickets, TicketStore
from ..arguments import whole
from ..calls.admission import Admission, Caller
from ..calls.offers import OfferBook, offer_mark
from ..calls.reception import CallRequest, Reception, not_ready
from ..calls.served import Running, ServedAgent, by_name
from ..gate import Gate, address_of
from ..limits.caller import CallerLimits
from ..offering import Answered, Offer
from ..refusals import Refusal
from ..sockets.door import DOORKEEPER, deny
from ..sockets.opening import INSTEAD
from .cards import AgentCard, cards_of
from .dispatch import Dispatch, named
from .doorkeeper import PoolDoorkeeper
from .local import no_workers
from .names import parted
from .post import Held
from .roster import LOST, Roster, call_lost
from .setup import uncounted
from .worker import WorkerLost

__all__ = ["WorkersPool"]

logger = logging.getLogger("livegraph.server")

_LAST_WORDS_S = 2.0


class WorkersPool(Roster):
    """See ``Pool``. Whoever has workers gives them posts: ``install``, and ``lose`` when one is gone.

    Args:
        agents: what the workers serve, for whoever asks what there is to call.
        max_calls, max_pending: how many at a time over all workers, and how many of them may be offers whose callers
            have not come.
        limits: of one caller, where its grant says nothing else.
        used_tickets: knows which tickets have made their call; by default those of this process.
    """

    def __init__(
        self,
        agents: Sequence[ServedAgent | Agent],
        *,
        max_calls: int,
        max_pending: int | None = None,
        limits: CallerLimits | None = None,
        used_tickets: TicketStore | None = None,
    ) -> None:
        super().__init__()
        whole("max_calls", max_calls, least=1)
        self.hint = ""
        self.draining = self.closing = False
        self._agents = by_name(agents)
        self._cards = cards_of(self._agents.values())
        self._admission = Admission(
            max_calls=max_calls, max_pending=max_pending or max_calls, limits=limits or CallerLimits()
        )
        self._reception = Reception(self._admission, used_tickets or OwnTickets())
        self._offers = OfferBook()
        self._dispatch = Dispatch(self, self._check_ready)
        self._carrying: set[asyncio.Future[None]] = set()
        """Sockets whose calls workers have; each is done when its last words are out."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closing = True

    # What there is -----------------------------------------------------------------------------

    @property
    def cards(self) -> Mapping[str, AgentCard]:
        """See ``Pool``."""
        return self._cards

    @property
    def max_calls(self) -> int:
        """See ``Pool``."""
        return self._admission.max_calls

    @property
    def active(self) -> int:
        """See ``Pool``."""
        return self._admission.taken

    @property
    def pending(self) -> int:
        """See ``Pool``."""
        return self._admission.pending

    @property
    def status(self) -> str:
        """See ``Pool``."""
        return "closing" if self.closing else "draining" if self.draining else "ok"

    @property
    def unready(self) -> str:
        """See ``Pool``."""
        if self.closing or self.draining:
            return self.status
        if self.active >= self.max_calls:
            return "full"
        return "" if self.serving() else "overloaded"

    @property
    def workers(self) -> Sequence[dict[str, Any]]:
        """See ``Pool``."""
        return [post.shown() for post in sorted(self._posts.values(), key=lambda post: post.slot)]

    # What callers ask for ----------------------------------------------------------------------

    def count_request(self, grant: Grant, address: str, *, further: bool = False) -> None:
        """See ``Pool``."""
        if self.closing or not further:
            self._check_ready()
        self._admission.count_request(Caller(grant, address), clock_of_loop().now_ns())

    def refused(self, code: str) -> None:
        """See ``Pool``."""
        self.counted.refused(code)

    async def answer(self, offer: Offer, request: HTTPConnection | None = None) -> Answered:
        """See ``Pool``."""
        self._check_ready()
        grant = offer.grant
        agent = self._reception.find(self._agents, offer.agent, grant)
        mark, wanted = offer_mark(offer.sdp), (agent.name, grant.identity)
        return await self._offers.once(mark, wanted, lambda: self._answer(offer, agent, mark))

    async def renegotiate(
        self, pc_id: str, sdp: str, kind: str = "offer", *, replace: bool = False
    ) -> Answered:
        """See ``Pool``."""
        post, own = self._post(pc_id)
        return named(post, await self._reach(post, post.worker.renegotiate(own, sdp, kind, replace)))

    async def resume(self, token: str, sdp: str, kind: str = "offer") -> Answered:
        """See ``Pool``."""
        post, own = self._post(token)
        return named(post, await self._reach(post, post.worker.resume(own, sdp, kind)))

    async def add_candidates(self, pc_id: str, candidates: Any) -> None:
        """See ``Pool``."""
        post, own = self._post(pc_id)
        await self._reach(post, post.worker.add_candidates(own, candidates))

    async def leave(self, pc_id: str) -> None:
        """See ``Pool``."""
        post, own = self._post(pc_id)
        await self._reach(post, post.worker.leave(own))

    async def hang_up(self, pc_id: str) -> None:
        """See ``Pool``."""
        if parted(pc_id)[0] in self._gone:
            # It is over, as its caller wishes.
            return
        post, own = self._post(pc_id)
        try:
            await self._reach(post, post.worker.hang_up(own))
        except Refusal as refusal:
            if refusal.code != LOST:
                raise

    async def carry(self, scope: Scope, receive: Receive, send: Send, gate: Gate) -> None:
        """Have a worker serve this WebSocket, as an ASGI application does; returns when it is over.

        It takes a place like any other call. The worker hears who calls, and asks here what that caller may do.
        """
        websocket = WebSocket(scope, receive, send)
        agent = str(scope.get("path_params", {}).get("agent", ""))
        try:
            self._check_ready()
            if instead := websocket.query_params.get(INSTEAD):
                await self._stand_aside(instead)
            entry = self._admission.enter(Caller(address=address_of(websocket), known=False))
        except Refusal as refusal:
            self.refused(refusal.code)
            await deny(websocket, refusal)
            return
        try:
            self._admission.connected(entry)
            turn = await self._dispatch.turn_of(agent)
            if turn is None:
                self.refused("overloaded")
                await deny(websocket, self._dispatch.sent_away())
                return
            post, began_ns = turn
            keeper = PoolDoorkeeper(websocket, gate, self._reception, entry)
            carried: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._carrying.add(carried)

            async def sent(message: Message) -> None:
                # Whoever is answered has come: there is no handshake to be done for a socket.
                post.place.settled(began_ns)
                await send(message)

            try:
                await post.worker.carry({**scope, DOORKEEPER: keeper}, receive, sent)
            finally:
                self._carrying.discard(carried)
                carried.set_result(None)
                post.failed(began_ns)
        except WorkerLost:
            await deny(websocket, call_lost())
        finally:
            self._admission.leave(entry)

    async def _stand_aside(self, pc_id: str) -> None:
        """See ``CallDesk.stand_aside``."""
        try:
            post, own = self._post(pc_id)
            held = post.held.get(own)
            if held is None or held.came:
                return
            await self._reach(post, post.worker.hang_up(own))
        except Refusal:
            return
        if not held.came:
            await self._reception.give_ticket_back(held.entry.caller.grant)

    async def _answer(self, offer: Offer, agent: ServedAgent, mark: str) -> Answered:
        asked = CallRequest(agent.name, offer.inputs, offer.grant, offer.address)
        admitted = await self._reception.admit(agent, asked)
        grant = offer.grant
        limits = None if grant.limits is None else uncounted(grant.limits)
        sent = replace(offer, agent=agent.name, grant=replace(grant, once="", limits=limits))
        entry = admitted.entry

        def reached() -> None:
            self._admission.connected(entry)
            self._offers.use_up(mark)

        def over() -> None:
            self._admission.leave(entry)
            self._offers.use_up(mark)

        try:
            return await self._dispatch.place(sent, Held(entry, reached, over), mark)
        except BaseException:
            # Cancelled as well: the place is another caller's again.
            await self._reception.give_back(admitted)
            raise

    @property
    def _source_options(self) -> Mapping[str, Any] | None:
        """What the source of the workers' agents is opened by, where that is known here."""
        return None

    def _check_ready(self) -> None:
        if self.closing or self.draining:
            raise not_ready("shutting_down" if self.closing else "draining", self.hint)

    # What operators ask for ------------------------------------------------------------------------

    async def drain(self, within_s: float) -> int:
        """See ``Pool``."""
        self.draining = True
        return sum(left for _, left in await self._all(lambda post: post.worker.drain(within_s)))

    async def end_calls(self) -> None:
        """See ``Pool``."""
        self.closing = True
        await self._all(lambda post: post.worker.end_calls())
        if self._carrying:
            # What the workers said last is still on its way through this process.
            await asyncio.wait(set(self._carrying), timeout=_LAST_WORDS_S)

    async def roll(self) -> None:
        """See ``Pool``. Who only has posts cannot start workers: see ``ElasticPool``."""
        raise no_workers()

    async def exchange(self, agents: Sequence[ServedAgent | Agent]) -> Mapping[str, Running]:
        """See ``Pool``. Workers have the agents from their source; ``agents`` is what there is to call."""
        fresh = by_name(agents)
        found: dict[str, Running] = {}
        for _, renewed in await self._all(lambda post: post.worker.renew(self._source_options)):
            for name, running in renewed.items():
                total = found.setdefault(name, Running())
                total.tuned += running.tuned
                total.kept += running.kept
        self._agents, self._cards = fresh, cards_of(fresh.values())
        return found
