"""What serves the calls of ``livegraph run``: this process, or workers that it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from .composing import Chosen
from .connecting import connect, shown
from .exits import Exit, Fault
from .local_model import LocalModel
from .prepared import Prepared
from .routes import Live
from .serving import Serving
from .terminal import Terminal

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from ..server.calls import Running
    from ..server.pool import Pool

__all__ = ["Front", "Staff", "open_front"]


@dataclass(frozen=True, slots=True)
class Staff:
    """Who serves, and how many calls that comes to."""

    workers: int | None
    """Processes; ``None`` for this one."""
    max_calls: int
    fits: str
    """The same for people."""


@dataclass(frozen=True, slots=True)
class Front:
    """What callers reach, and whoever serves behind it."""

    app: Starlette
    pool: Pool
    model: LocalModel

    async def exchange(self, prepared: Sequence[Prepared]) -> Mapping[str, Running]:
        """Put these agents into service in the place of those before."""
        from ..server.pool import LocalPool

        here = isinstance(self.pool, LocalPool)
        return await self.pool.exchange(await connect(prepared, self.model) if here else shown(prepared))


async def settle_staff(serving: Serving) -> Staff:
    """How many workers and how many calls, where the command line leaves it to this machine."""
    from ..server.limits.room import cores, measure_room

    wish = serving.wish
    workers = max(1, int(cores())) if wish.workers == "auto" else wish.workers
    if wish.max_calls:
        return Staff(workers, wish.max_calls, f"{wish.max_calls} at a time{_by(workers)}")
    room = await asyncio.to_thread(measure_room)
    # Two workers on one core have no more room than one.
    calls = room.calls * max(1, min(workers or 1, int(room.cores)))
    return Staff(workers, calls, f"{calls} at a time{_by(workers)}, for this machine")


def _by(workers: int | None) -> str:
    if workers is None:
        return ""
    return " by 1 worker" if workers == 1 else f" by {workers} workers"


async def open_front(
    stack: AsyncExitStack,
    staff: Staff,
    prepared: Sequence[Prepared],
    serving: Serving,
    what: Chosen,
    live: Live,
    terminal: Terminal,
) -> Front:
    """The application of ``livegraph run``, and who serves, who ends with ``stack``.

    Raises ``Fault`` for what cannot be served, and for a port that is taken.
    """
    # A few more than calls: one that was lost may still hold its session while it comes again.
    model = LocalModel(stack, terminal, max_sessions=2 * staff.max_calls)
    if staff.workers is None:
        return await _here(stack, staff, prepared, serving, model)
    return await _in_processes(stack, staff.workers, staff, prepared, serving, what, live, terminal, model)


async def _here(
    stack: AsyncExitStack, staff: Staff, prepared: Sequence[Prepared], serving: Serving, model: LocalModel
) -> Front:
    from ..server.app import make_app

    try:
        app = make_app(await connect(prepared, model), max_calls=staff.max_calls, **serving.app)
    except ValueError as error:
        raise Fault(str(error), code=Exit.USAGE) from None
    try:
        await stack.enter_async_context(app.state.network)
    except OSError as error:
        raise Fault(
            f"cannot listen on UDP port {serving.wish.udp_port}: {error.strerror or error}",
            "another --udp-port, or 0 for a free one",
        ) from None
    return Front(app, app.state.pool, model)


async def _in_processes(
    stack: AsyncExitStack,
    workers: int,
    staff: Staff,
    prepared: Sequence[Prepared],
    serving: Serving,
    what: Chosen,
    live: Live,
    terminal: Terminal,
    model: LocalModel,
) -> Front:
    from ..server.app import make_pool_app
    from ..server.pool import ProcessPool, WorkerSetup
    from ..server.pool.setup import TurnSetup
    from ..server.pool.worker import WorkerLost
    from ..server.refusals import Refusal
    from .worker_agents import SOURCE, AgentChoice

    wish, options = serving.wish, serving.app
    choice = AgentChoice(
        what.agents,
        tuple(map(str, what.layers.overlays)),
        tuple(what.layers.settings),
        what.layers.profile,
        live.value,
        2 * staff.max_calls,
        terminal.debug,
        wish.log_level,
        wish.log_format,
    )
    relay = serving.relay
    setup = WorkerSetup(
        source=SOURCE,
        options=msgspec.to_builtins(choice),
        max_calls=staff.max_calls,
        limits=options["limits"],
        report=options["report"],
        media_hosts=tuple(options["media_hosts"]),
        public_addresses=tuple(options["public_addresses"]),
        ice=options["ice"],
        ice_servers=[dict(server) for server in options["ice_servers"]],
        turn=None if relay is None else TurnSetup(list(relay[0]), relay[1]),
    )
    try:
        pool = ProcessPool(
            setup,
            shown(prepared),
            workers=workers,
            udp_port=options["udp_port"],
            memory_bytes=wish.worker_memory,
            retired_drain_s=serving.drain_s,
            max_calls=staff.max_calls,
            max_pending=options["max_pending"],
            limits=options["limits"],
            used_tickets=options["used_tickets"],
        )
        app = make_pool_app(
            pool,
            owned=False,
            **{
                name: options[name]
                for name in ("authorize", "allow_origins", "allow_hosts", "ice_servers", "turn", "page")
            },
        )
    except ValueError as error:
        raise Fault(str(error), code=Exit.USAGE) from None
    try:
        with terminal.progress(f"Starting {workers} worker{'' if workers == 1 else 's'}"):
            await stack.enter_async_context(pool)
    except Refusal as refusal:
        raise Fault(f"a worker cannot serve: {refusal.message}", refusal.remedy) from None
    except WorkerLost as lost:
        raise Fault(f"a worker cannot be started: {lost}", "its own words are above") from None
    return Front(app, pool, model)
