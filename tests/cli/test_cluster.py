"""``livegraph cluster``: the options of ``run`` and its own, and a whole command on a Ray that it starts."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from livegraph.cli.clusters import read_placements, read_resources
from livegraph.cli.exits import Fault
from support.command import livegraph, running

ECHO = "version: 1\nname: echo\npipeline: [webrtc_in, webrtc_out]\n"


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
    with pytest.raises(Fault, match="no resource"):
        read_resources(wrong, "--resources")
    done = livegraph("cluster", "echo", "--resources", wrong)
    assert done.returncode == 2
    assert "CPU=1" in done.stderr


def test_a_cluster_that_is_not_there_is_said(tmp_path: Path) -> None:
    """With what starts one."""
    pytest.importorskip("ray", reason="Ray has no wheel for this Python")
    done = livegraph("cluster", "echo", "--address", "127.0.0.1:1", "--port", "0", within_s=100)
    assert done.returncode == 1
    assert "no cluster can be reached" in done.stderr
    assert "ray start --head" in done.stderr


@pytest.mark.timeout(300)
def test_calls_are_served_on_a_cluster(tmp_path: Path) -> None:
    """Started here, with two workers: calls are spread over them, and SIGTERM ends everything."""
    pytest.importorskip("ray", reason="Ray has no wheel for this Python")
    agent = tmp_path / "echo.yaml"
    agent.write_text(ECHO)
    command = (
        "cluster",
        agent,
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
        seen = json.loads(livegraph("top", "--server", page.rstrip("/").rpartition(":")[2], "--json").stdout)
        assert [worker["worker"] for worker in seen["workers"]] == [0, 1]
        server.send(signal.SIGTERM)
        code, _, err = server.ended(60)
        assert code == 0, err
