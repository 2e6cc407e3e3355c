"""The wire package does no I/O, and costs little to import."""

from __future__ import annotations

import subprocess
import sys


def test_importing_the_wire_brings_no_io_library() -> None:
    """Neither an event loop nor a network, and nothing heavy."""
    code = (
        "import sys, livegraph.liveapi, livegraph.liveapi.models;"
        "print(*sorted({'asyncio', 'websockets', 'aiortc', 'av', 'numpy', 'google'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == ""
