"""``livegraph run --workers``: one port, several processes, and everything that operators do works over all of them."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from support.command import Running, livegraph, running

pytestmark = pytest.mark.timeout(240)

ECHO = "version: 1\nname: echo\ntitle: {title}\npipeline: [webrtc_in, webrtc_out]\n"


def page_of(server: Running) -> str:
    """Its address."""
    return str(json.loads(server.printed[-1])["url"])


def looked(port: str) -> dict[str, object]:
    """What ``livegraph top`` sees."""
    done = livegraph("top", "--server", port, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_calls_signals_and_operators_work_over_all_workers(tmp_path: Path) -> None:
    """Calls are spread, listed with their worker and ended; a worker that dies is replaced; files are taken anew by
    all; SIGTERM ends everything."""
    agent = tmp_path / "echo.yaml"
    agent.write_text(ECHO.format(title="One"))
    with running(
        "run", agent, "--workers", "2", "--port", "0", "--json", until='"url"', within_s=120
    ) as server:
        page = page_of(server)
        port = page.rstrip("/").rpartition(":")[2]
        load = ("load", page, "--calls", "4", "--ramp", "10/s", "--hold", "2s", "--json")
        done = livegraph(*load, within_s=100)
        report = json.loads(done.stdout)
        assert report["connected"] == 4, done
        assert report["failed"] == report["dropped"] == {}
        seen = looked(port)
        workers = seen["workers"]
        assert isinstance(workers, list)
        assert [worker["worker"] for worker in workers] == [0, 1]
        killed = workers[0]["pid"]
        os.kill(killed, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while True:
            workers = looked(port)["workers"]
            assert isinstance(workers, list)
            if len(workers) == 2 and workers[0]["pid"] not in (0, killed):
                break
            assert time.monotonic() < deadline, workers
        agent.write_text(ECHO.format(title="Two"))
        server.send(signal.SIGHUP)
        time.sleep(2)
        again = json.loads(livegraph(*load, within_s=100).stdout)
        assert again["connected"] == 4
        rolled = livegraph("roll", "--server", port, "--json", within_s=100)
        assert rolled.returncode == 0, rolled.stderr
        fresh = {
            worker["pid"] for worker in json.loads(rolled.stdout)["workers"] if worker["state"] == "serving"
        }
        assert not fresh & {worker["pid"] for worker in workers}
        assert json.loads(livegraph(*load, within_s=100).stdout)["connected"] == 4
        workers = looked(port)["workers"]
        assert isinstance(workers, list)
        pids = [worker["pid"] for worker in workers]
        server.send(signal.SIGTERM)
        code, _, err = server.ended(60)
        assert code == 0, err
        assert "echo: title" in err
        assert "Traceback" not in err
        assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_a_faulty_number_of_workers_is_named() -> None:
    """As any option is."""
    for wrong in ("0", "many", "-1"):
        done = livegraph("run", "echo", "--workers", wrong)
        assert done.returncode == 2
        assert "workers" in done.stderr
