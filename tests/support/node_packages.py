"""Packages of npm's for tests: installed once into a folder, and found there afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import zlib
from pathlib import Path
from typing import NoReturn

import pytest

from .judges import Unavailable

__all__ = ["install_packages", "missing", "node"]

_INSTALL_WITHIN_S = 200
_OLDEST_NODE = 18


def node() -> str:
    """The path of Node. Raises ``Unavailable`` where there is none, or an old one."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        raise Unavailable("there is no Node here (node and npm)")
    told = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=30).stdout.strip()
    if int(told.removeprefix("v").partition(".")[0] or 0) < _OLDEST_NODE:
        raise Unavailable(f"Node {told} is too old: {_OLDEST_NODE} is needed")
    return found


def install_packages(name: str, folder: Path, *packages: str) -> Path:
    """``packages``, each as ``npm install`` takes it, below ``folder``, in a folder of ``name`` and what they are.

    Raises ``Unavailable`` when there is no Node, or the registry cannot be reached or has no such version.
    """
    node()
    # Where another selection of packages was installed before, it stays another one.
    home = folder / f"{name}-{zlib.crc32(' '.join(packages).encode()):08x}"
    if home.is_dir():
        return home
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        command = ["npm", "install", "--prefix", unfinished, "--no-audit", "--no-fund", "--ignore-scripts"]
        command += ["--install-links", "--loglevel", "error", *packages]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{name} was not installed within {_INSTALL_WITHIN_S} s") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise Unavailable(f"{name} cannot be installed: {lines[0] if lines else 'npm'}")
        if not home.is_dir():
            Path(unfinished).rename(home)
            Path(unfinished).mkdir()
    return home


def missing(why: str) -> NoReturn:
    """Skip the test, or fail it where ``LIVEGRAPH_TEST_CLIENTS=required``."""
    if os.environ.get("LIVEGRAPH_TEST_CLIENTS") == "required":
        pytest.fail(f"{why}, and LIVEGRAPH_TEST_CLIENTS=required")
    pytest.skip(why)
