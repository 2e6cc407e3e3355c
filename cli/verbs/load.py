"""``livegraph load``."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from ...pipeline.secrecy import bare_address
from ...pipeline.units import SECOND, parse_duration
from ...server.logs import escaped
from ..environment import check_environment
from ..exits import Exit, Fault, check_there, told
from ..terminal import Terminal

if TYPE_CHECKING:
    from ...testing.load import Figures, LoadReport

__all__ = ["load"]

_RAMP = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|min))?")
_TOKEN = "LIVEGRAPH_TOKEN"


def load(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The server's page, such as http://127.0.0.1:8080/.")
    ],
    calls: Annotated[
        int, typer.Option("--calls", min=1, max=100_000, metavar="N", help="How many callers.")
    ] = 10,
    ramp: Annotated[
        str, typer.Option("--ramp", metavar="RATE", help="How many begin in a second or a minute.")
    ] = "10/s",
    hold: Annotated[
        str, typer.Option("--hold", metavar="TIME", help="How long each call lasts once it is connected.")
    ] = "30s",
    say: Annotated[
        Path | None,
        typer.Option("--say", metavar="FILE", help="What callers say, a WAV file; without it they listen."),
    ] = None,
    interrupt: Annotated[
        bool, typer.Option("--interrupt/--no-interrupt", help="Whether they speak over the answers as well.")
    ] = True,
    patience: Annotated[
        str,
        typer.Option(
            "--patience", metavar="TIME", help="How long callers who are told to come back later do so."
        ),
    ] = "0s",
    again: Annotated[
        bool, typer.Option("--again", help="Callers whose call ends before its time call once more.")
    ] = False,
    agent: Annotated[
        str, typer.Option("--agent", metavar="NAME", help="Who is called; the server's default otherwise.")
    ] = "",
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes", min=1, max=512, metavar="N", help="That callers are in; one for each hundred."
        ),
    ] = None,
    owned: Annotated[
        list[str] | None,
        typer.Option(
            "--i-own-this-host",
            metavar="HOST",
            help="A host other than this machine that you may put load on; repeatable.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON object.")] = False,
) -> None:
    """Put load on a server: real callers over WebRTC, and what became of them by percentile.

    Callers come one after the other (--ramp), each stays for --hold. With --say they talk: they wait for the agent to
    finish, say it, take the time to the first sound of the answer, and speak over the answer to see how soon it stops.
    A token for a server that asks for one is read from LIVEGRAPH_TOKEN. Fails when a call did not come about, or ended
    before its time. Each call may cost money: of a model that is not the simulator, yours.
    """
    terminal = Terminal(level=logging.WARNING)
    with told(terminal):
        check_environment(os.environ, terminal)
        _check_host(url, owned or [])
        per_s, hold_s, patience_s = _ramp(ramp), _time(hold, "--hold"), _time(patience, "--patience")
        if say is not None:
            check_there(say, "--say")
        _check_words(say)
        from ...testing.load import LoadPlan, run_load

        plan = LoadPlan(
            url=url if url.endswith("/") else url + "/",
            agent=agent,
            calls=calls,
            ramp_per_s=per_s,
            hold_s=hold_s,
            say="" if say is None else str(say.resolve()),
            interrupt=interrupt,
            token=os.environ.get(_TOKEN, ""),
            patience_s=patience_s,
            again=again,
        )
        whole_s = calls / per_s + hold_s
        with terminal.counting("load", whole_s) as tell:

            def seen(report: LoadReport) -> None:
                tell(report.seconds)
                if not as_json and not sys.stderr.isatty():
                    return
                if not as_json:
                    terminal.say(_line(report))

            report = asyncio.run(run_load(plan, processes=processes, told=seen))
        print(_json(report) if as_json else _text(report), flush=True)
        if remedy := _remedy(report, plan.url):
            terminal.error("no call came about", remedy)
    if not report.clean:
        raise typer.Exit(Exit.FAILED)


def _remedy(report: LoadReport, url: str) -> str:
    """What helps where no caller got in, all for the same reason; empty where there is no telling."""
    from ...testing.load.plan import NOT_OURS, UNREACHABLE

    if report.connected or len(report.failed) != 1:
        return ""
    (why,) = report.failed
    if why == UNREACHABLE:
        return f"is the server at {url} running? Its address is what `livegraph run` prints as Page"
    if why == NOT_OURS or why in ("404", "404 not_found", "405", "501"):
        return f"is {url} the page of a livegraph server, below the path where its proxy shows it?"
    if why.startswith("401"):
        return f"put a token that the server takes into {_TOKEN}"
    return ""


def _check_host(url: str, owned: list[str]) -> None:
    """Load is put on this machine, and on hosts whose owner says so: on anybody else's it is an attack."""
    from ...server.hosts import is_loopback, name_of

    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https"):
        told = f"{bare_address(url)!r} is no address of a page"
        raise Fault(told, "one looks like http://127.0.0.1:8080/", Exit.USAGE)
    if bare_address(url) != url:
        # A link with a ticket in it, for one: what is typed here is seen by who lists processes.
        told = "URL is the address of the page alone, without a user, `?` and `#`"
        raise Fault(told, f"write {bare_address(url)}, and put a token into {_TOKEN}", Exit.USAGE)
    shown = f"[{host}]" if ":" in host else host
    if is_loopback(shown) or host.lower() in {
        name_of(f"[{each}]" if each.count(":") > 1 else each) for each in owned
    }:
        return
    raise Fault(
        f"{host} is not this machine, and load that its owner does not want is an attack",
        f"if it is yours: --i-own-this-host {host}",
        Exit.USAGE,
    )


def _check_words(say: Path | None) -> None:
    """Raise ``Fault`` when callers cannot say it: better now than by each of them."""
    if say is None:
        return
    from ...audio import AudioError, read_wav
    from ...pipeline.errors import LivegraphError
    from ...testing.load.recording import spoken

    try:
        spoken(*read_wav(say))
    except (AudioError, LivegraphError, OSError, ValueError) as error:
        raise Fault(f"--say: {say}: {error}", code=Exit.CONFIG) from None


def _ramp(written: str) -> float:
    found = _RAMP.fullmatch(written.strip())
    per_s = 0.0 if found is None else float(found[1]) / (60 if found[2] == "min" else 1)
    if not 0 < per_s <= 10_000:
        raise Fault(f"--ramp: {written!r} is no rate", "one looks like 10/s or 30/min", Exit.USAGE)
    return per_s


def _time(written: str, option: str) -> float:
    try:
        return parse_duration(written) / SECOND
    except ValueError as error:
        raise Fault(f"{option}: {error}", code=Exit.USAGE) from None


def _json(report: LoadReport) -> str:
    import msgspec

    return json.dumps(msgspec.to_builtins(report))


def _line(report: LoadReport) -> str:
    failed, dropped = sum(report.failed.values()), sum(report.dropped.values())
    answer = f", answer {report.answer_ms.p50:.0f} ms" if report.answer_ms else ""
    return (
        f"{report.seconds:6.1f} s  {report.active} of {report.calls} calls, {failed} failed, {dropped} dropped, "
        f"{report.lost_packets} of {report.received_packets + report.lost_packets} packets lost{answer}"
    )


def _text(report: LoadReport) -> str:
    lost, came = report.lost_packets, report.received_packets
    lines = [
        f"calls      {report.connected} of {report.calls} connected, {sum(report.failed.values())} failed, "
        f"{sum(report.dropped.values())} ended before their time",
        *(f"           {count} x {escaped(why)}" for why, count in (report.failed | report.dropped).items()),
        f"packets    {report.sent_packets} sent, {came} received, {lost} lost"
        + (f" ({lost / (lost + came):.2%}), {report.lost_samples} samples" if lost + came else ""),
    ]
    if report.put_off:
        lines.append(f"put off    {report.put_off} times, and came back")
    if report.held_back_s >= 1:
        lines.append(
            f"held back  {report.held_back_s:.0f} s later than planned: the callers' machine is full"
        )
    if report.again:
        lines.append(f"again      {report.again} calls in the place of others that had ended")
    if report.said:
        lines.append(f"answers    {report.answered} to {report.said} questions")
    lines += ["", f"{'':24}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}"]
    rows: list[tuple[str, Figures | None, str]] = [
        ("offer to connected", report.connect_ms, "ms"),
        ("lost to connected again", report.again_ms, "ms"),
        ("answer", report.answer_ms, "ms"),
        ("silence after barge-in", report.silence_ms, "ms"),
        ("loss of a call", report.loss, "%"),
        ("callers' own delay", report.callers_late_ms, "ms"),
    ]
    for name, found, unit in rows:
        if found is None:
            continue
        values = (found.p50, found.p95, found.p99, found.max)
        shown = (f"{100 * v:.2f} %" if unit == "%" else f"{v:.0f} ms" for v in values)
        lines.append(f"{name:24}" + "".join(f"{one:>9}" for one in shown))
    return "\n".join(lines)
