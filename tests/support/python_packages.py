"""Packages of PyPI's for tests, outside of the environment: installed once into a folder, found there later."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from .judges import Unavailable

__all__ = ["install_package"]

_INSTALL_WITHIN_S = 200


def install_package(name: str, version: str, folder: Path, *options: str) -> Path:
    """Package ``name`` in ``version``, and what it needs, below ``folder``; ``options`` are pip's.

    Raises ``Unavailable`` when the registry cannot be reached or has no such version.
    """
    home = folder / f"{name}-{version}-{sys.implementation.cache_tag}"
    if home.is_dir():
        return home
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        command = [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"),
            *("--no-compile", "--target", unfinished, *options, f"{name}=={version}"),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{name} {version} was not installed within {_INSTALL_WITHIN_S} s") from None
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            why = lines[0] if lines else f"pip ended with {done.returncode}"
            raise Unavailable(f"{name} {version} cannot be installed: {why}")
        # Another test process may have been faster.
        if not home.is_dir():
            Path(unfinished).rename(home)
            Path(unfinished).mkdir()
    return home
