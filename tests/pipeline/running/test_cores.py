"""A loop may be bound to a core: what may be used stays known, to this process and to those that it starts."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks for bindings")

BOUND = """
import asyncio, json, os
from concurrent.futures import ThreadPoolExecutor
from livegraph.pipeline.running.cores import bind_loop, may_use
from livegraph.pipeline.running.processes import Processes
from livegraph.server.limits.room import cores

def main():
    before = sorted(os.sched_getaffinity(0)), cores()
    bind_loop(1)
    bound = sorted(os.sched_getaffinity(0))
    with ThreadPoolExecutor(1) as threads:
        in_thread = sorted(threads.submit(os.sched_getaffinity, 0).result())
    assert sorted(os.sched_getaffinity(0)) == bound
    pool = Processes(1)
    try:
        inside = sorted(asyncio.run(pool.run(os.sched_getaffinity, (0,))))
    finally:
        pool.close()
    bind_loop(len(before[0]))
    print(json.dumps([*before, bound, sorted(may_use()), cores(), inside, in_thread, sorted(os.sched_getaffinity(0))]))

if __name__ == "__main__":
    main()
"""


def test_a_bound_loop_takes_no_core_from_what_it_starts() -> None:
    """Threads and work in processes may use all cores, what is measured of the machine stays, and numbers go round."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", BOUND], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    there, cores, bound, may_use, cores_after, inside, in_thread, again = json.loads(done.stdout)
    assert bound == [there[1 % len(there)]]
    assert again == [there[0]]
    assert may_use == inside == in_thread == there
    assert cores_after == cores
