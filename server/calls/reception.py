"""Who is let in: the agent that is asked for, what is brought along, the place that it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import HTTPConnection

from ...pipeline.graph.inputs import input_values
from ..access.grant import ANYBODY, Grant
from ..access.ticket_store import TicketStore, TicketStoreError
from ..arguments import WrongArgument, an_instance, several, wrong_result
from ..hooks import HookFailed, ask, hook_failed
from ..refusals import Refusal, sentence
from ..telling import new_id
from ..wall_clock import unix_seconds
from .admission import Admission, Caller, Entry
from .arrival import Arrival, OnCall
from .served import ServedAgent

__all__ = ["Admitted", "CallRequest", "Reception", "check_inputs", "not_opened", "not_ready", "prepare"]

logger = logging.getLogger("livegraph.server")

_RETRY_AFTER_S = 10
_STORE_WITHIN_S = 5.0
_NOT_READY = {
    "shutting_down": "The server is shutting down.",
    "draining": "The server is being restarted.",
    "overloaded": "The server is busy.",
}


@dataclass(frozen=True, slots=True)
class CallRequest:
    """What a caller asks for, whatever way it came.

    Args:
        agent: the one that is called; the grant's, or the desk's first, by default.
        inputs: what the caller brings along for the inputs that the agent declares.
        grant: what this caller may do.
        address: where it asks from; limits count by it.
        request: the HTTP request or the WebSocket that brought it, for ``on_call`` and for the trace it belongs to.
        headers: by which the call joins a trace, where ``request`` did not come this far.
        resources: what boxes and tools find by type in the call, beside what its leg brings.
        data: what else the caller's page has sent along, for ``on_call``.
    """

    agent: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    grant: Grant = ANYBODY
    address: str = ""
    request: HTTPConnection | None = None
    resources: Mapping[type, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A caller that has a place."""

    agent: ServedAgent
    arrival: Arrival
    entry: Entry


class Reception:
    """Gives places and takes them back."""

    def __init__(self, admission: Admission, used: TicketStore) -> None:
        self.admission = admission
        self._used = used

    def find(self, agents: Mapping[str, ServedAgent], name: str | None, grant: Grant) -> ServedAgent:
        """The agent that is called. Raises ``Refusal`` (404)."""
        allowed = [agent for agent in agents if grant.may_call(agent)]
        if name is None:
            name = next((agent for agent in grant.agents if agent in agents), next(iter(allowed), ""))
        if name in allowed:
            return agents[name]
        raise Refusal(
            404,
            "agent_unknown",
            f"There is no agent {name[:60]!r} here." if name else "There is no agent here for this caller.",
            f"There is: {', '.join(allowed)}." if allowed else "",
        )

    async def admit(self, agent: ServedAgent, asked: CallRequest) -> Admitted:
        """Take a place, and the ticket where there is one. Raises ``Refusal``; nothing is taken then."""
        grant = asked.grant
        inputs = dict(asked.inputs) | dict(grant.inputs)
        arrival = Arrival(agent.name, grant, inputs, dict(asked.resources), asked.data)
        check_inputs(agent, arrival.inputs, grant.inputs)
        # Taken before anything is waited for: two offers at a time are two calls.
        entry = self.admission.enter(Caller(grant, asked.address))
        try:
            await self.use_ticket(grant)
        except BaseException:
            # Cancelled as well: the place is another caller's again.
            self.admission.leave(entry)
            raise
        return Admitted(agent, arrival, entry)

    async def give_back(self, admitted: Admitted) -> None:
        """The call did not come about."""
        self.admission.leave(admitted.entry)
        await self.give_ticket_back(admitted.arrival.grant)

    async def give_ticket_back(self, grant: Grant) -> None:
        """Nobody was reached: the ticket is as good as before, for its caller may come another way."""
        if not grant.once:
            return
        try:
            await self._used.forget(grant.once)
        except TicketStoreError as error:
            # Its caller asks for another one, as for one that was used.
            logger.warning("a ticket stays used, though its call did not come about: %s", error)

    async def use_ticket(self, grant: Grant) -> None:
        """Its ticket, where it has one, makes this call. Raises ``Refusal`` for a used one and when nobody can tell."""
        if not grant.once:
            return
        try:
            async with asyncio.timeout(_STORE_WITHIN_S):
                fresh = await self._used.use(grant.once, grant.expires_s, unix_seconds())
        except Exception as error:
            # A store of somebody's own raises what it likes; only what it means to say is for the log.
            number, said = (
                new_id(),
                str(error) if isinstance(error, TicketStoreError) else type(error).__name__,
            )
            logger.error("error %s: tickets cannot be told from used ones: %s", number, said)
            raise Refusal(
                503,
                "authorization_unavailable",
                f"It cannot be told just now who may call (error {number}).",
                "Try again in a while.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            ) from None
        if not fresh:
            raise Refusal(
                401, "ticket_used", "The ticket has made its call.", "Ask the site that gave it for another."
            )


async def prepare(
    on_call: OnCall, request: HTTPConnection | None, agent: ServedAgent, arrival: Arrival
) -> None:
    """Let the program add to a call. Raises ``Refusal``: the program's own, and 503 where it is at fault."""
    before = dict(arrival.inputs)
    try:
        result = await ask("on_call", on_call, request, arrival)
        if result is not None and result is not arrival:
            what = "nothing, and raises Refusal to refuse a call"
            raise hook_failed(wrong_result("on_call", result, what))
        try:
            an_instance("arrival.inputs", arrival.inputs, dict, "a dict of names to values")
            an_instance(
                "arrival.resources", arrival.resources, dict, "a dict of classes to what is found by them"
            )
            several(
                "arrival.resources", list(arrival.resources), "classes, by which resources are found", type
            )
        except WrongArgument as wrong:
            raise hook_failed(f"on_call failed: {wrong}") from None
    except HookFailed as failed:
        raise _not_prepared(failed.number) from None
    missing = object()
    fixed = {name: value for name, value in arrival.inputs.items() if before.get(name, missing) is not value}
    check_inputs(agent, arrival.inputs, fixed)


def check_inputs(agent: ServedAgent, inputs: dict[str, Any], fixed: Mapping[str, Any]) -> None:
    """Refuse what the agent does not take, before anything is made for the call.

    Raises ``Refusal``: 400 for what the caller says; 503 for what is ``fixed``, which the caller is told nothing of.
    """
    for name in list(fixed):
        if name not in agent.plan.inputs:
            # Not the caller's mistake: what is set for it may be meant for another agent of the same server.
            inputs.pop(name, None)
    _, problems = input_values(agent.plan.inputs, inputs)
    wrong = sorted(
        {str(problem.path[1]) for problem in problems if problem.path[1:] and problem.path[1] in fixed}
    )
    if wrong:
        codes = ", ".join(sorted({problem.code for problem in problems}))
        what = f"the input {wrong[0]!r:.60} that is set for the caller is none that {agent.name!r} takes ({codes})"
        raise _not_prepared(hook_failed(what).number)
    if problems:
        message = " ".join(sentence(problem.message.replace("`", "'")) for problem in problems[:5])
        names = ", ".join(agent.plan.inputs)
        hint = f"The inputs of {agent.name} are: {names}." if names else f"{agent.name} takes no inputs."
        raise Refusal(400, "bad_inputs", message, hint)


def _not_prepared(number: str) -> Refusal:
    return Refusal(
        503,
        "call_not_prepared",
        f"The call could not be prepared (error {number}).",
        "Call again. If it stays, tell the people who run this server the number of the error.",
        {"Retry-After": str(_RETRY_AFTER_S)},
    )


def not_opened(error: Exception) -> Refusal:
    """What calls need is not to be had: the port of the media is another program's, say."""
    number = new_id()
    logger.error("error %s: the desk cannot open: %s", number, error)
    return Refusal(
        503,
        "call_not_prepared",
        f"The server cannot take calls (error {number}).",
        "The people who run it find the cause in its log.",
        {"Retry-After": str(_RETRY_AFTER_S)},
    )


def not_ready(code: str, hint: str = "") -> Refusal:
    """No call is taken now by anybody; ``hint`` is what a caller may do instead."""
    return Refusal(
        503, code, _NOT_READY[code], hint or "Try again in a while.", {"Retry-After": str(_RETRY_AFTER_S)}
    )
