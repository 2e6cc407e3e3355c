"""``livegraph run --workers``: one port, several processes, and everything that operators do works over all of them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from livegraph.cli.admin_socket import AdminClient
from livegraph.cli.exits import Exit, Fault
from livegraph.cli.pools import _check_memory, _pins
from livegraph.cli.server_options import merged
from support.command import Running, livegraph, running

pytestmark = pytest.mark.timeout(240)

ECHO = "version: 1\nname: echo\ntitle: {title}\npipeline: [webrtc_in, {{gain: {{db: {db}}}}}, webrtc_out]\n"
FAULTY = "version: 1\nname: echo\npipeline: [webrtc_in, {gane: {db: 1}}, webrtc_out]\n"


def until(true: Callable[[], object], within_s: float = 90) -> None:
    """Look again and again whether it is."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@dataclass
class Server:
    """``livegraph run --workers 2 --watch`` with one agent."""

    command: Running
    page: str
    agent: Path

    @property
    def port(self) -> str:
        """Of HTTP."""
        return self.page.rstrip("/").rpartition(":")[2]

    def asks(self, verb: str, within_s: float = 100) -> Any:
        """What an operator's command says."""
        done = livegraph(verb, "--server", self.port, "--json", within_s=within_s)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def health(self) -> dict[str, Any]:
        """How it fares, asked as ``top`` asks: to start a command each time takes long."""
        admin = AdminClient(Path(f"/tmp/livegraph-{os.getuid()}/{self.port}.sock"), "", 0)
        return dict(admin.ask("GET", "/healthz", within_s=30))

    def workers(self) -> list[dict[str, Any]]:
        """Those that take calls and have told of themselves. Where there is none just now, none is named."""
        all_there = self.health().get("workers", ())
        return [worker for worker in all_there if worker["state"] == "serving" and worker["pid"]]

    def connected(self) -> int:
        """How many calls have their callers."""
        health = self.health()
        return int(health["calls"] - health["pending"])

    def kill(self, slot: int) -> None:
        """Kill a worker; returns when another one is in its place."""
        (killed,) = (worker["pid"] for worker in self.workers() if worker["worker"] == slot)
        os.kill(killed, signal.SIGKILL)

        def replaced() -> bool:
            there = {worker["worker"]: worker["pid"] for worker in self.workers()}
            return sorted(there) == [0, 1] and killed not in there.values()

        until(replaced)

    def title(self) -> str:
        """Of the agent, as callers see it."""
        return str(httpx.get(f"{self.page}api/agents", timeout=10).json()["agents"][0]["title"])

    def load(self, *options: str) -> dict[str, Any]:
        """Real callers; what became of them."""
        done = livegraph("load", self.page, "--json", *options, within_s=150)
        assert done.stdout, done.stderr
        return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests here: workers take long to start."""
    agent = tmp_path_factory.mktemp("agents") / "echo.yaml"
    agent.write_text(ECHO.format(title="One", db=0))
    # Not bound: beside other tests the system has to be free to move them.
    options = ("--workers", "2", "--no-pin", "--watch", "--port", "0", "--drain", "20s", "--json")
    with running("run", agent, *options, until='"url"', within_s=120) as command:
        page = str(json.loads(command.printed[-1])["url"])
        started = Server(command, page, agent)
        until(lambda: len(started.workers()) == 2)
        yield started


@contextmanager
def under_load(server: Server, *options: str, connected: int = 1) -> Iterator[Future[dict[str, Any]]]:
    """Callers who come and go while the block runs; it goes on when the first of them are connected."""
    with ThreadPoolExecutor(1) as pool:
        calling = pool.submit(server.load, *options)
        until(lambda: calling.done() or server.connected() >= connected)
        yield calling


def test_a_worker_that_dies_is_replaced(server: Server) -> None:
    """By one that serves what the others serve: also while the files are faulty on disk, and again and again."""
    first = {worker["worker"]: worker["pid"] for worker in server.workers()}
    assert sorted(first) == [0, 1]
    assert {worker["pid"] for worker in server.asks("top")["workers"]} == set(first.values())
    server.agent.write_text(FAULTY)
    try:
        # More than are kept ready.
        for slot in (0, 1, 0):
            server.kill(slot)
        assert not set(first.values()) & {worker["pid"] for worker in server.workers()}
        report = server.load("--calls", "4", "--ramp", "10/s", "--hold", "1s", "--patience", "60s")
        assert (report["connected"], report["failed"], report["dropped"]) == (4, {}, {})
        assert server.title() == "One"
    finally:
        server.agent.write_text(ECHO.format(title="One", db=0))


def test_reloads_and_upgrades_under_load_fail_no_offer(server: Server) -> None:
    """Files change in quick succession, are faulty in between, are read anew by SIGHUP, a hundred in a second, and
    change while workers are replaced: each offer is answered, and no call ends before its time. (Callers have patience
    with a slow machine.)"""
    before = {worker["pid"] for worker in server.workers()}
    with under_load(server, "--calls", "30", "--ramp", "2/s", "--hold", "3s", "--patience", "60s") as calling:
        for number in range(100):
            server.agent.write_text(
                FAULTY if number % 2 else ECHO.format(title=f"Number {number}", db=number % 6)
            )
            server.command.send(signal.SIGHUP)
            time.sleep(0.01)
        server.agent.write_text(ECHO.format(title="Number 100", db=5))
        server.command.send(signal.SIGHUP)
        until(lambda: server.title() == "Number 100")
        server.agent.write_text(FAULTY)
        server.command.send(signal.SIGHUP)
        with ThreadPoolExecutor(1) as pool:
            # Fresh workers start while the file is faulty, and while it changes again.
            rolling = pool.submit(server.asks, "roll")
            time.sleep(1)
            server.agent.write_text(ECHO.format(title="Mended", db=3))
            until(lambda: server.title() == "Mended")
            server.agent.write_text(ECHO.format(title="Last", db=3))
            rolling.result()
        until(lambda: server.title() == "Last")
        report = calling.result()
    assert (report["connected"], report["failed"], report["dropped"]) == (30, {}, {})
    until(lambda: len(server.workers()) == 2)
    assert not before & {worker["pid"] for worker in server.workers()}


def test_sigterm_drains_all_and_ends_everything(server: Server) -> None:
    """Calls go on to their end while files change once more; then all processes are gone, and nothing was wrong."""
    pids = [child.pid for child in psutil.Process(server.command.pid).children(recursive=True)]
    with under_load(server, "--calls", "2", "--hold", "4s", connected=2) as calling:
        server.command.send(signal.SIGTERM)
        server.agent.write_text(ECHO.format(title="Too late", db=0))
        server.command.send(signal.SIGHUP)
        report = calling.result()
    assert (report["connected"], report["failed"], report["dropped"]) == (2, {}, {})
    code, _, err = server.command.ended(60)
    assert code == 0, err
    assert "Traceback" not in err
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_workers_are_bound_where_each_has_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as cores; not where there are fewer or more, or a container has a share of them."""
    monkeypatch.setattr("livegraph.pipeline.running.cores.may_use", lambda: [0, 1])
    for there, bound in ((2.0, {2}), (1.5, set())):
        monkeypatch.setattr("livegraph.server.limits.room.cores", lambda there=there: there)
        assert {workers for workers in range(1, 5) if _pins(workers)} == bound


def test_a_faulty_number_of_workers_is_named() -> None:
    """As any option is: what the command makes of them, and the command itself."""
    for wrong in ("0", "-1", "1.5"):
        with pytest.raises(Fault, match="workers") as fault:
            merged({"workers": wrong}, [])
        assert fault.value.code == Exit.USAGE
    done = livegraph("run", "echo", "--workers", "many")
    assert done.returncode == 2
    assert "workers" in done.stderr


def test_more_workers_than_the_memory_can_hold_are_refused() -> None:
    """Before any is started, with how many there may be; a machine that does not say what it has is not asked."""
    with pytest.raises(Fault) as fault:
        _check_memory(999, 8_000_000_000)
    assert fault.value.code == Exit.USAGE
    assert "999 workers need 100 GB" in str(fault.value)
    assert "say 80 at the most" in fault.value.remedy
    _check_memory(80, 8_000_000_000)
    _check_memory(1, 10_000_000)
    _check_memory(999, None)
