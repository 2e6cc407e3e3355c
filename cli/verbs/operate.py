"""``livegraph calls``, ``top``, ``hangup`` and ``drain``: what operators ask a server that runs."""

from __future__ import annotations

import json
import logging
import time
from typing import Annotated, Any
from urllib.parse import quote

import typer

from ...pipeline.units import SECOND, parse_duration
from ..admin_socket import AdminClient, find_admin
from ..exits import Exit, Fault, told
from ..terminal import Terminal

__all__ = ["calls", "drain", "hang_up", "top"]

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="WHERE",
        help="Which server: its port, the path of its admin socket, or HOST:PORT. Without it, the only one.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]

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


def calls(
    call: Annotated[str | None, typer.Argument(metavar="CALL", help="One call, with its queues.")] = None,
    server: ServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """The calls of a running server; of one call, the queues between its boxes."""
    with told(Terminal(level=logging.WARNING)):
        admin = find_admin(server)
        found = admin.ask("GET", f"/calls/{quote(call, safe='')}" if call else "/calls")
        if as_json:
            print(json.dumps(found))
        elif call:
            print(_one(found))
        else:
            print(_table(found["calls"]))


def hang_up(
    call: Annotated[str, typer.Argument(metavar="CALL", help="The call, as `livegraph calls` names it.")],
    server: ServerOption = None,
) -> None:
    """End one call of a running server."""
    with told(Terminal(level=logging.WARNING)):
        find_admin(server).ask("DELETE", f"/calls/{quote(call, safe='')}")


def drain(
    within: Annotated[
        str, typer.Option("--within", metavar="TIME", help="How long running calls may go on.")
    ] = "5min",
    server: ServerOption = None,
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
        before = left
        while True:
            time.sleep(0.5)
            try:
                now = admin.ask("GET", "/healthz")["calls"]
            except Fault:
                return
            if now != before:
                terminal.say(f"draining: {now} call(s)")
                before = now


def top(
    server: ServerOption = None,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", min=0.2, help="How often to look.")
    ] = 1.0,
    rounds: Annotated[
        int | None,
        typer.Option("--rounds", min=1, metavar="N", help="How often at all; until Ctrl-C otherwise."),
    ] = None,
) -> None:
    """Watch a running server: its calls, and how its event loop keeps up."""
    with told(Terminal(level=logging.WARNING)):
        admin = find_admin(server)
        from rich.console import Console
        from rich.live import Live as Screen
        from rich.text import Text

        console = Console()
        if not console.is_terminal:
            for number in range(rounds or 1):
                time.sleep(every if number else 0)
                print(_screen(admin))
            return
        with Screen(Text(_screen(admin)), console=console, screen=True, auto_refresh=False) as screen:
            number = 1
            while rounds is None or number < rounds:
                time.sleep(every)
                screen.update(Text(_screen(admin)), refresh=True)
                number += 1


def _screen(admin: AdminClient) -> str:
    health = admin.ask("GET", "/healthz")
    numbers = _numbers(admin.ask("GET", "/metrics"))
    lag_ms = 1_000 * numbers.get("livegraph_loop_lag_seconds", 0.0)
    busy = numbers.get("livegraph_loop_busy_ratio", 0.0)
    head = (
        f"{health['status']}: {health['calls']} of {health['max_calls']} calls, {health['pending']} pending; "
        f"loop {busy:.0%} busy, {lag_ms:.0f} ms late"
    )
    return f"{head}\n\n{_table(admin.ask('GET', '/calls')['calls'])}"


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
    rows = [[_cell(name, call) for name, _ in _COLUMNS] for call in found]
    return _lines([title for _, title in _COLUMNS], rows)


def _cell(name: str, call: dict[str, Any]) -> str:
    from ...server.logs import escaped

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
            return escaped(str(value))


def _one(call: dict[str, Any]) -> str:
    names = ("passed", "dropped", "stale", "held", "high_water")
    rows = [[edge["edge"], *(str(edge[name]) for name in names)] for edge in call["edges"]]
    edges = _lines(["EDGE", *(name.upper() for name in names)], rows) if rows else "no queues yet"
    return f"{_table([call])}\n\n{edges}"


def _lines(titles: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[at]) for row in [titles, *rows]) for at in range(len(titles))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [titles, *rows]
    )
