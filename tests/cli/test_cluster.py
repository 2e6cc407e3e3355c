"""``livegraph cluster``: the options of ``run`` and its own, and a whole command on a Ray that it starts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from livegraph.cli.admin_socket import AdminClient
from livegraph.cli.clusters import ClusterWish, placements_of, read_placements, read_resources
from livegraph.cli.exits import Fault
from livegraph.language import parse_agent
from support.command import livegraph, running

ECHO = "version: 1\nname: echo\npipeline: [webrtc_in, webrtc_out]\n"
VISION = ECHO.replace("echo", "vision") + "resources: {cpu: 0.1, workers: 1}\n"


def test_resources_are_read_as_they_are_written() -> None:
    """Ray's own names in any case, others as they are."""
    assert read_resources("cpu=0.5, udp=1,memory=1000", "--resources") == {
        "CPU": 0.5,
        "udp": 1.0,
        "memory": 1000.0,
    }
    assert read_placements(["vision=gpu:0.1,udp=1"]) == {"vision": {"GPU": 0.1, "udp": 1.0}}


@pytest.mark.parametrize("wrong", ["CPU", "CPU=many", "=1", "CPU=-1"])
def test_what_is_no_resource_is_named(wrong: str) -> None:
    """With what one looks like."""
    with pytest.raises(Fault, match="no resource") as fault:
        read_resources(wrong, "--resources")
    assert "CPU=1" in str(fault.value.remedy)


def test_a_faulty_option_is_a_fault_of_usage() -> None:
    """Before anything is started."""
    done = livegraph("cluster", "echo", "--resources", "CPU=many")
    assert done.returncode == 2
    assert "CPU=1" in done.stderr


def test_a_cluster_that_is_not_there_is_said(tmp_path: Path) -> None:
    """With what starts one."""
    pytest.importorskip("ray", reason="Ray has no wheel for this Python")
    done = livegraph("cluster", "echo", "--address", "127.0.0.1:1", "--port", "0", within_s=100)
    assert done.returncode == 1
    assert "no cluster can be reached" in done.stderr
    assert "ray start --head" in done.stderr


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return not probe.connect_ex(("127.0.0.1", port))


@contextmanager
def guarded_head(folder: Path) -> Iterator[str]:
    """A cluster that asks for a token; the address of its head."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ours = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "1" * 64, "RAY_AUTH_TOKEN_PATH": ""}
    command = (
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=0"),
        *(f"--port={port}", "--node-ip-address=127.0.0.1", f"--temp-dir={folder}"),
        *("--object-store-memory=80000000", "--include-dashboard=false", "--disable-usage-stats"),
    )
    with subprocess.Popen(command, env=ours, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as head:
        try:
            deadline = time.monotonic() + 90
            while not answers(port):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield f"127.0.0.1:{port}"
        finally:
            started = psutil.Process(head.pid).children(recursive=True)
            for process in (*started, head):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(started, timeout=10)


def test_a_token_that_the_cluster_does_not_take_is_said_at_once() -> None:
    """A wrong one, and none that could be found: with what helps, and no retries."""
    pytest.importorskip("ray", reason="Ray has no wheel for this Python")
    with (
        tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as name,
        guarded_head(Path(name)) as address,
    ):
        for shown in (
            {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "2" * 64},
            {"RAY_AUTH_MODE": "token", "HOME": name},
        ):
            done = livegraph("cluster", "echo", "--address", address, "--port", "0", within_s=100, **shown)
            assert done.returncode == 1, done.stderr
            assert f"the cluster at {address} asks for a token" in done.stderr
            assert "ray get-auth-token" in done.stderr
            assert "Traceback" not in done.stderr
            assert done.stderr.count("InvalidAuthToken") <= 1


def test_agents_are_placed_by_their_files_and_by_the_command() -> None:
    """What the command says counts more; an agent that there is not is named."""
    pytest.importorskip("ray", reason="Ray has no wheel for this Python")
    agents = [parse_agent(ECHO), parse_agent(VISION)]
    placed = placements_of(ClusterWish(), agents)
    assert {name: (each.resources, each.workers) for name, each in placed.items()} == {
        "vision": ({"CPU": 0.1}, 1)
    }
    wish = ClusterWish(placements={"vision": {"GPU": 1.0}, "echo": {"udp": 1.0}})
    placed = placements_of(wish, agents)
    assert {name: each.resources for name, each in placed.items()} == {
        "echo": {"udp": 1.0},
        "vision": {"GPU": 1.0},
    }
    with pytest.raises(Fault, match="no agent `ecko`"):
        placements_of(ClusterWish(placements={"ecko": {"CPU": 1.0}}), agents)


@pytest.mark.parametrize("option", ["--resources", "--place"])
def test_more_than_one_is_a_whole_number(option: str) -> None:
    """As clusters have it: a worker cannot take one and a half."""
    with pytest.raises(Fault, match="CPU is a part of one, or a whole number") as fault:
        read_resources("CPU=1.5", option)
    assert fault.value.remedy == "write CPU=2"
    assert read_resources("memory=1000.0", option) == {"memory": 1000.0}


@pytest.mark.timeout(300)
def test_calls_are_served_on_a_cluster(tmp_path: Path) -> None:
    """Started here, with two workers and one of an agent's own: each call goes to one that is for it, and SIGTERM ends
    everything."""
    pytest.importorskip("ray", reason="Ray has no wheel for this Python")
    agent = tmp_path / "echo.yaml"
    agent.write_text(ECHO)
    (vision := tmp_path / "vision.yaml").write_text(VISION)
    command = (
        "cluster",
        agent,
        vision,
        "--address",
        "local",
        "--workers",
        "2",
        "--resources",
        "CPU=0.5",
        "--port",
        "0",
        "--json",
    )
    with running(*command, until='"url"', within_s=200) as server:
        page = str(json.loads(server.printed[-1])["url"])
        load = livegraph("load", page, "--calls", "4", "--hold", "2s", "--json", within_s=100)
        report = json.loads(load.stdout)
        assert (report["connected"], report["failed"], report["dropped"]) == (4, {}, {})
        port = page.rstrip("/").rpartition(":")[2]
        with ThreadPoolExecutor(1) as pool:
            calling = pool.submit(
                livegraph, "load", page, "--agent", "vision", "--calls", "2", "--hold", "4s", within_s=100
            )
            calls: dict[int, int] = {}
            admin = AdminClient(Path(f"/tmp/livegraph-{os.getuid()}/{port}.sock"), "", 0)
            while not calling.done() and sum(calls.values()) < 2:
                workers = admin.ask("GET", "/healthz", within_s=30)["workers"]
                calls = {worker["worker"]: worker["calls"] for worker in workers}
                time.sleep(0.05)
            assert calls == {0: 0, 1: 0, 1024: 2}
            assert calling.result().returncode == 0
        server.send(signal.SIGTERM)
        code, _, err = server.ended(60)
        assert code == 0, err
