"""Pipecat's clients for browsers in a page of their own: installed from npm, bundled once, served from a folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .judges import Unavailable
from .node_packages import install_packages

__all__ = ["PINNED", "PINNED_SOCKET", "bundle", "client_page", "socket_page"]

PINNED = ("@pipecat-ai/client-js@1.13.1", "@pipecat-ai/small-webrtc-transport@1.10.8")
"""The versions that were looked at."""
PINNED_SOCKET = ("@pipecat-ai/client-js@1.13.1", "@pipecat-ai/websocket-transport@1.7.1")
"""And those for WebSockets."""

_PAGE = Path(__file__).resolve().parents[1] / "clients" / "pipecat"
_BUNDLER = "esbuild@0.25"


def client_page(name: str, cache: Path, folder: Path, *packages: str) -> None:
    """A page with ``packages``, as ``npm install`` takes them, in ``folder``; they are kept in ``cache`` by ``name``.

    Raises ``Unavailable`` where there is no Node, or the registry cannot be reached.
    """
    shutil.copyfile(_PAGE / "index.html", folder / "index.html")
    bundle(name, cache, _PAGE / "entry.js", folder / "client.js", *packages)


def socket_page(name: str, cache: Path, folder: Path, *packages: str) -> None:
    """The same with the transport for WebSockets."""
    shutil.copyfile(_PAGE / "socket.html", folder / "index.html")
    bundle(name, cache, _PAGE / "socket_entry.js", folder / "client.js", *packages)


def bundle(name: str, cache: Path, entry: Path, made: Path, *packages: str) -> None:
    """The module ``entry`` with ``packages`` as the one file ``made``. Raises ``Unavailable``."""
    home = install_packages(name, cache, _BUNDLER, *packages)
    source = home / entry.name
    shutil.copyfile(entry, source)
    command: list[str | Path] = [
        home / "node_modules" / "esbuild" / "bin" / "esbuild",
        source.name,
        "--bundle",
        "--format=esm",
    ]
    done = subprocess.run(
        [*command, "--log-level=error", f"--outfile={made}"],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        raise Unavailable(f"{name} cannot be bundled: {done.stderr.strip()[:300]}")
