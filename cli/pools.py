"""What serves the calls of ``livegraph run``: this process, or workers that it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .clusters import ClusterWish, join_cluster
from .composing import Chosen
from .connecting import connect, shown
from .exits import Exit, Fault
from .local_model import LocalModel
from .prepared import Prepared, Source
from .routes import Live
from .serving import Serving
from .terminal import Terminal
from .ways_in import open_ways_in

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from ..server.calls import Running
    from ..server.pool import Pool, WorkerSetup
    from ..server.pool.elastic import ElasticPool
    from .worker_agents import AgentChoice

__all__ = ["Front", "Staff", "open_front", "settle_staff"]

_WORKER_BYTES = 100_000_000
"""Of one without calls."""


@dataclass(frozen=True, slots=True)
class Staff:
    """Who serves, and how many calls that comes to."""

    workers: int | None
    """Processes, or actors of a cluster; ``None`` for this process."""
    max_calls: int
    fits: str
    """The same for people."""
    cluster: ClusterWish | None = None


@dataclass(frozen=True, slots=True)
class Front:
    """What callers reach, and whoever serves behind it."""

    app: Starlette
    pool: Pool
    model: LocalModel
    choice: AgentChoice | None = None
    """What workers have their agents by."""
    media_port: int = 0
    """Where the sound of all callers comes to, if that is one port."""

    async def exchange(self, sources: Sequence[Source]) -> Mapping[str, Running]:
        """Put the agents of these into service in the place of those before."""
        from ..server.pool.kept import KeptPool

        prepared = _prepared(sources)
        if not isinstance(self.pool, KeptPool) or self.choice is None:
            return await self.pool.exchange(await connect(prepared, self.model))
        from .worker_agents import contents_of

        choice = msgspec.structs.replace(self.choice, contents=contents_of(sources))
        return await self.pool.exchange(shown(prepared), choice.options)


async def settle_staff(serving: Serving, cluster: ClusterWish | None = None) -> Staff:
    """How many workers and how many calls, where the command line leaves it to this machine."""
    from ..server.limits.room import cores, measure_room, memory_bytes

    wish = serving.wish
    workers = max(1, int(cores())) if wish.workers == "auto" else wish.workers
    if cluster is not None:
        workers = workers or 1
    elif workers is not None:
        _check_memory(workers, memory_bytes())
    if wish.max_calls:
        return Staff(workers, wish.max_calls, f"{wish.max_calls} at a time{_by(workers)}", cluster)
    room = await asyncio.to_thread(measure_room)
    if cluster is not None:
        # Its machines are supposed to be like this one; the measured load of each decides in the end.
        calls = room.calls * max(workers or 1, cluster.most_workers or 1)
        return Staff(workers, calls, f"{calls} at a time{_by(workers)} of a cluster", cluster)
    # Two workers on one core have no more room than one.
    calls = room.calls * max(1, min(workers or 1, int(room.cores)))
    return Staff(workers, calls, f"{calls} at a time{_by(workers)}, for this machine")


def _check_memory(workers: int, there_bytes: int | None) -> None:
    """Raise ``Fault`` for more workers than the machine's memory can hold: it would be the system that ends them."""
    most = max(1, (there_bytes or 0) // _WORKER_BYTES)
    if there_bytes and workers > most:
        raise Fault(
            f"--workers: {workers} workers need {workers * _WORKER_BYTES / 1e9:.0f} GB before their first call, "
            f"and this machine has {there_bytes / 1e9:.1f}",
            f"say {most} at the most; auto is one a core, and more hold no more calls",
            Exit.USAGE,
        )


def _pins(workers: int) -> bool:
    """Whether each worker has a core for itself: bound to it, its loop comes late less often."""
    from ..pipeline.running.cores import may_use
    from ..server.limits.room import cores

    return workers > 1 and workers == len(may_use()) == cores()


def _by(workers: int | None) -> str:
    if workers is None:
        return ""
    return " by 1 worker" if workers == 1 else f" by {workers} workers"


async def open_front(
    stack: AsyncExitStack,
    staff: Staff,
    sources: Sequence[Source],
    serving: Serving,
    what: Chosen,
    live: Live,
    terminal: Terminal,
) -> Front:
    """The application of ``livegraph run``, and who serves, who ends with ``stack``.

    Raises ``Fault`` for what cannot be served, and for a port that is taken.
    """
    prepared = _prepared(sources)
    # A few more than calls: one that was lost may still hold its session while it comes again.
    model = LocalModel(stack, terminal, max_sessions=2 * staff.max_calls)
    if staff.cluster is None:
        serving.notes += _unplaced(prepared)
    if staff.workers is None:
        return await _here(stack, staff, prepared, serving, model)
    return await _by_workers(stack, staff.workers, staff, sources, serving, what, live, terminal, model)


def _prepared(sources: Sequence[Source]) -> list[Prepared]:
    return [one for source in sources for one in source.prepared]


def _unplaced(prepared: Sequence[Prepared]) -> list[str]:
    """What the files say of nodes, where there is only this machine."""
    asking = [one.agent.name for one in prepared if one.agent.resources.taken]
    if not asking:
        return []
    named = ", ".join(f"`{name}`" for name in asking)
    return [
        f"`resources` of {named} count on a cluster (livegraph cluster): here one pool serves all agents."
    ]


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
    return Front(app, app.state.pool, model, media_port=app.state.network.port)


async def _by_workers(
    stack: AsyncExitStack,
    workers: int,
    staff: Staff,
    sources: Sequence[Source],
    serving: Serving,
    what: Chosen,
    live: Live,
    terminal: Terminal,
    model: LocalModel,
) -> Front:
    from ..server.app import make_pool_app
    from ..server.pool.worker import WorkerLost
    from ..server.refusals import Refusal

    wish, options = serving.wish, serving.app
    common: dict[str, Any] = {
        "udp_port": options["udp_port"],
        "memory_bytes": wish.worker_memory,
        "retired_drain_s": serving.drain_s,
        "max_calls": staff.max_calls,
        "max_pending": options["max_pending"],
        "limits": options["limits"],
        "used_tickets": options["used_tickets"],
    }
    prepared = _prepared(sources)
    choice = _choice(staff, sources, serving, what, live, terminal)
    setup = _setup(staff, serving, choice)
    try:
        if staff.cluster is None:
            from ..server.pool import ProcessPool

            pin = _pins(workers) if wish.pin is None else wish.pin
            pool: ElasticPool = ProcessPool(setup, shown(prepared), workers=workers, pin=pin, **common)
        else:
            pool = join_cluster(
                *(stack, staff.cluster, setup, [one.agent for one in prepared], shown(prepared)),
                workers=workers,
                **common,
            )
        app = make_pool_app(
            pool,
            owned=False,
            **{
                name: options[name]
                for name in (
                    *(
                        "authorize",
                        "allow_origins",
                        "allow_hosts",
                        "ice_servers",
                        "turn",
                        "page",
                        "telephone",
                    ),
                )
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
    if staff.cluster is not None:
        await open_ways_in(stack, staff.cluster, app, serving, terminal)
    return Front(app, pool, model, choice)


def _choice(
    staff: Staff, sources: Sequence[Source], serving: Serving, what: Chosen, live: Live, terminal: Terminal
) -> AgentChoice:
    """What workers have their agents by."""
    from .worker_agents import AgentChoice, contents_of

    return AgentChoice(
        contents_of(sources),
        tuple(str(Path(each).resolve()) for each in what.layers.overlays),
        tuple(what.layers.settings),
        what.layers.profile,
        live.value,
        2 * staff.max_calls,
        terminal.debug,
        serving.wish.log_level,
        serving.wish.log_format,
    )


def _setup(staff: Staff, serving: Serving, choice: AgentChoice) -> WorkerSetup:
    """What each worker is given."""
    from ..server.pool import WorkerSetup
    from ..server.pool.setup import TurnSetup
    from .worker_agents import SOURCE

    options, relay = serving.app, serving.relay
    return WorkerSetup(
        source=SOURCE,
        options=choice.options,
        max_calls=staff.max_calls,
        limits=options["limits"],
        report=options["report"],
        media_hosts=tuple(options["media_hosts"]),
        public_addresses=tuple(options["public_addresses"]),
        public_address_command="" if staff.cluster is None else staff.cluster.public_address_command,
        ice=options["ice"],
        ice_servers=[dict(server) for server in options["ice_servers"]],
        turn=None if relay is None else TurnSetup(list(relay[0]), relay[1]),
    )
