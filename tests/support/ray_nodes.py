"""A Ray cluster whose own autoscaler starts nodes when they are asked for, and takes them away: processes here."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

__all__ = ["autoscaling_cluster"]

_NOTHING: tuple[str, ...] = (
    *("initialization_commands", "setup_commands", "head_setup_commands", "worker_setup_commands"),
    *("head_start_ray_commands", "worker_start_ray_commands", "cluster_synced_files"),
    *("rsync_exclude", "rsync_filter"),
)


@contextmanager
def autoscaling_cluster(folder: Path, node: dict[str, float], most: int) -> Iterator[str]:
    """A head without room, and up to ``most`` nodes with these resources; the address of the head."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    config: dict[str, Any] = {
        "cluster_name": "desk",
        "max_workers": most,
        "provider": {
            "type": "fake_multinode",
            "gcs_address": address,
            "launch_multiple": True,
            "use_node_id_as_ip": True,
        },
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "desk": {"resources": node, "node_config": {}, "min_workers": 0, "max_workers": most},
        },
        "head_node_type": "ray.head.default",
        "upscaling_speed": 10.0,
        # Three seconds.
        "idle_timeout_minutes": 0.05,
        **{key: {} for key in ("auth", "docker", "file_mounts")},
        **{key: [] for key in _NOTHING},
        "file_mounts_sync_continuously": False,
    }
    written = folder / "cluster.json"
    written.write_text(json.dumps(config))
    log = folder / "ray.log"
    environment = {
        # A process that connects by an address goes by its own variable; nodes must be of the same mind.
        "RAY_AUTH_MODE": "disabled",
        **os.environ,
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_FAKE_CLUSTER": "1",
    }
    command = (
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=0"),
        *(f"--port={port}", "--node-ip-address=127.0.0.1", f"--autoscaling-config={written}"),
        *(f"--temp-dir={folder}", "--object-store-memory=80000000", "--include-dashboard=false"),
        "--disable-usage-stats",
    )
    with log.open("w") as out:
        head = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 120
        while "Ray runtime started" not in log.read_text():
            assert head.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield address
    finally:
        started = [psutil.Process(head.pid), *psutil.Process(head.pid).children(recursive=True)]
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        head.wait()
        psutil.wait_procs(started[1:], timeout=10)
