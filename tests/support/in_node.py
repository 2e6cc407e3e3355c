"""Modules of the library for pages, run in Node with stand-ins of the test's own for what browsers have."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import livegraph

__all__ = ["in_node"]

_CLIENT = Path(livegraph.__file__).parent / "client"


def in_node(script: str) -> Any:
    """What ``told`` is after the script, whose ``process.argv[1]`` is the library's folder; skips without Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node on this machine")
    command = [node, "--input-type=module", "-e", f"{script}\nconsole.log(JSON.stringify(told));"]
    done = subprocess.run(
        [*command, _CLIENT.as_uri()], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
