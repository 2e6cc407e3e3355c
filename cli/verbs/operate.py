"""``livegraph calls``, ``top``, ``hangup``, ``roll`` and ``drain``: what operators ask a server that runs."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer

from ...pipeline.units import SECOND, parse_duration
from ...server.logs import escaped
from ..admin_socket import AdminClient, find_admin
from ..exits import Exit, Fault, told
from ..terminal import Terminal

__all__ = ["calls", "drain", "hang_up", "roll", "top"]

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="WHERE",
        help="Which server: its port, the path of its admin socket, or HOST:PORT. Without it, the only one.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]

_ROLL_WITHIN_S = 600.0
_COLUMNS = (
    ("id", "CALL"),
    ("agent", "AGENT"),
    ("identity", "IDENTITY"),
    ("state", "STATE"),
    ("seconds", "FOR"),
    ("jitter_ms", "JITTER"),
    ("loss", "LOSS"),
    ("round_trip_ms", "RTT"),
    ("tokens", "TOKENS"),
    ("cost_usd", "COST"),
)

_WORKER_COLUMNS = (
    ("worker", "WORKER"),
    ("pid", "PID"),
    ("state", "STATE"),
    ("calls", "CALLS"),
    ("cpu", "BUSY"),
    ("lag_ms", "LATE"),
    ("memory_mb", "MEMORY"),
    ("udp_port", "UDP"),
)


def calls(
    call: Annotated[
        str | None, typer.Argument(metavar="CALL", help="One call, with its boxes and queues.")
    ] = None,
    server: ServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """The calls of a running server; of one call, its boxes and the queues between them."""
    with told(Terminal(level=logging.WARNING)):
        admin = find_admin(server)
        found = _ask_for(admin, call) if call else admin.ask("GET", "/calls")
        if as_json:
            print(json.dumps(found))
        elif call:
            print(_one(found))
        else:
            print(_table(found["calls"]))


def hang_up(
    call: Annotated[str, typer.Argument(metavar="CALL", help="The call, as `livegraph calls` names it.")],
    server: ServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """End one call of a running server."""
    with told(Terminal(level=logging.WARNING)):
        find_admin(server).ask("DELETE", f"/calls/{quote(call, safe='')}")
        if as_json:
            print(json.dumps({"ended": call}))


def drain(
    within: Annotated[
        str, typer.Option("--within", metavar="TIME", help="How long running calls may go on.")
    ] = "5min",
    server: ServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a running server take no more calls, wait for those it has, and end. Returns when it is over."""
    terminal = Terminal(level=logging.WARNING)
    with told(terminal):
        try:
            within_s = parse_duration(within) / SECOND
        except ValueError as error:
            raise Fault(f"--within: {error}", code=Exit.USAGE) from None
        admin = find_admin(server)
        left = admin.ask("POST", "/drain", {"within_s": within_s})["calls"]
        terminal.say(f"draining: {left} call(s)")
        before, began_s = left, time.monotonic()
        with terminal.counting("at most", within_s) as tell:
            while True:
                time.sleep(0.5)
                tell(time.monotonic() - began_s)
                try:
                    now = admin.ask("GET", "/healthz")["calls"]
                except Fault:
                    break
                if now != before:
                    terminal.say(f"draining: {now} call(s)")
                    before = now
        if as_json:
            print(json.dumps({"drained": left}))


def roll(server: ServerOption = None, as_json: JsonOption = False) -> None:
    """Have fresh workers in a running server, one after the other: new calls go to new ones, old ones end theirs."""
    terminal = Terminal(level=logging.WARNING)
    with told(terminal):
        admin = find_admin(server)
        with terminal.progress("Starting fresh workers"):
            workers = admin.ask("POST", "/roll", {}, within_s=_ROLL_WITHIN_S)["workers"]
        serving = [one for one in workers if one["state"] == "serving"]
        if as_json:
            print(json.dumps({"workers": workers}))
        else:
            print(f"{len(serving)} fresh worker(s), {len(workers) - len(serving)} that end their calls")


def top(
    call: Annotated[
        str | None, typer.Argument(metavar="CALL", help="One call, with its boxes and queues.")
    ] = None,
    server: ServerOption = None,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", min=0.2, help="How often to look.")
    ] = 1.0,
    rounds: Annotated[
        int | None,
        typer.Option("--rounds", min=1, metavar="N", help="How often at all; until Ctrl-C otherwise."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line for each look.")] = False,
) -> None:
    """Watch a running server: its calls, and how its event loop keeps up; or one call, its boxes and queues."""
    with told(Terminal(level=logging.WARNING)):
        admin = find_admin(server)
        from rich.console import Console
        from rich.live import Live as Screen
        from rich.text import Text

        console = Console()
        if as_json or not console.is_terminal:
            for number in range(rounds or 1):
                time.sleep(every if number else 0)
                seen = _look(admin, call)
                print(json.dumps(seen) if as_json else _screen(seen), flush=True)
            return
        first = Text(_screen(_look(admin, call)))
        with Screen(first, console=console, screen=True, auto_refresh=False) as screen:
            number = 1
            while rounds is None or number < rounds:
                time.sleep(every)
                screen.update(Text(_screen(_look(admin, call))), refresh=True)
                number += 1


def _look(admin: AdminClient, call: str | None) -> dict[str, Any]:
    health = admin.ask("GET", "/healthz")
    if workers := health.get("workers"):
        # The one that is worst off: callers of that one hear it.
        busy, late_ms = max(one["cpu"] for one in workers), max(one["lag_ms"] for one in workers)
    else:
        numbers = _numbers(admin.ask("GET", "/metrics"))
        busy = numbers.get("livegraph_loop_busy_ratio", 0.0)
        late_ms = 1_000 * numbers.get("livegraph_loop_lag_seconds", 0.0)
    shown = {"one": _ask_for(admin, call)} if call else {"list": admin.ask("GET", "/calls")["calls"]}
    return {**health, "loop_busy": busy, "loop_lag_ms": late_ms, **shown}


def _ask_for(admin: AdminClient, call: str) -> Any:
    return admin.ask("GET", f"/calls/{quote(call, safe='')}")


def _screen(seen: dict[str, Any]) -> str:
    head = (
        f"{seen['status']}: {seen['calls']} of {seen['max_calls']} calls, {seen['pending']} pending; "
        f"loop {seen['loop_busy']:.0%} busy, {seen['loop_lag_ms']:.0f} ms late"
    )
    workers = seen.get("workers", ())
    rows = [
        [str(one["worker"]), *(_of_worker(name, one) for name, _ in _WORKER_COLUMNS[1:])] for one in workers
    ]
    told = "\n" + _lines([title for _, title in _WORKER_COLUMNS], rows) + "\n" if rows else ""
    return f"{head}\n{told}\n{_one(seen['one']) if 'one' in seen else _table(seen['list'])}"


def _of_worker(name: str, worker: dict[str, Any]) -> str:
    value = worker[name]
    match name:
        case "cpu":
            return f"{value:.0%}"
        case "lag_ms":
            return f"{value:.0f}ms"
        case "memory_mb":
            return f"{value:.0f}MB"
        case _:
            return str(value)


def _numbers(exposition: str) -> dict[str, float]:
    """The samples without labels."""
    found = {}
    for line in exposition.splitlines():
        name, _, value = line.partition(" ")
        if line[:1] not in ("#", "") and "{" not in name:
            found[name] = float(value)
    return found


def _table(found: list[dict[str, Any]]) -> str:
    if not found:
        return "no calls"
    # Where one process has all calls there is nothing to say of it.
    columns = [*_COLUMNS, ("worker", "WORKER")] if "worker" in found[0] else _COLUMNS
    rows = [[_cell(name, call) for name, _ in columns] for call in found]
    return _lines([title for _, title in columns], rows)


def _cell(name: str, call: dict[str, Any]) -> str:
    value = call.get(name)
    if value is None:
        return "-"
    match name:
        case "seconds":
            return f"{value:.0f}s"
        case "jitter_ms" | "round_trip_ms":
            return f"{value:.0f}ms"
        case "loss":
            return f"{value:.1%}"
        case "cost_usd":
            return f"${value:.4f}"
        case _:
            return str(value)


def _one(call: dict[str, Any]) -> str:
    nodes = _part("node", ("box", "state", "busy_ms", "waiting", "waiting_ms", "dropped"), call["nodes"])
    edges = _part("edge", ("passed", "dropped", "stale", "held", "high_water"), call["edges"])
    return "\n\n".join((_table([call]), *filter(None, (nodes or "it has not begun", edges))))


def _part(what: str, names: Sequence[str], found: list[dict[str, Any]]) -> str:
    rows = [[each[what], *(str(each[name]) for name in names)] for each in found]
    return _lines([what.upper(), *(name.upper() for name in names)], rows) if rows else ""


def _lines(titles: list[str], rows: list[list[str]]) -> str:
    # Names in it are those of callers and agents.
    rows = [[escaped(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [titles, *rows]) for at in range(len(titles))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [titles, *rows]
    )
