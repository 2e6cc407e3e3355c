"""Pipecat's clients for browsers in a page of their own: installed from npm, bundled once, served from a folder."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .judges import Unavailable
from .node_packages import install_packages, missing
from .static_pages import pages

__all__ = [
    "PINNED",
    "PINNED_REACT",
    "PINNED_SOCKET",
    "bundle",
    "client_page",
    "client_site",
    "kit_page",
    "react_page",
    "socket_page",
    "write_guide",
]

PINNED = ("@pipecat-ai/client-js@1.13.1", "@pipecat-ai/small-webrtc-transport@1.10.8")
"""The versions that were looked at."""
PINNED_SOCKET = ("@pipecat-ai/client-js@1.13.1", "@pipecat-ai/websocket-transport@1.7.1")
"""And those for WebSockets."""
PINNED_REACT = (
    *PINNED,
    *("@pipecat-ai/client-react@1.8.2", "@pipecat-ai/voice-ui-kit@0.14.0", "react@19", "react-dom@19"),
)
"""And those for React, with the Voice UI Kit: they are installed once for both."""

_PAGE = Path(__file__).resolve().parents[1] / "clients" / "pipecat"
_BUNDLER = "esbuild@0.25"

_AGENT = """
version: 1
inputs:
  name: {type: text, default: stranger}
agent:
  instructions: You show {{inputs.name}} the way.
  greeting: Hello {{inputs.name}}, where do you want to go?
  tools:
    - page: show_map
      description: Show a city on the map in the page of the caller.
      arguments: {city: {type: text, doc: Which city.}}
simulator:
  brain: ./guide.brain.yaml
"""
_BRAIN = """
version: 1
rules:
  - hear: show the map of {city}
    call: {tool: show_map, args: {city: "{city}"}}
    say_result: There it is.
    say_error: I cannot show it.
  - hear: forward
    say: Then we go forward.
  - hear: a story
    say: >-
      Once upon a time there was a wanderer who walked through seven valleys and over seven hills, and behind each of
      them there was another one, and so he walked on and on, from morning to evening, until he came to the sea.
fallback: Sorry, what did you say?
"""


def write_guide(folder: Path) -> str:
    """The file of an agent that greets whoever is named, shows a map by a function of the page, and tells a story."""
    (folder / "guide.brain.yaml").write_text(_BRAIN, encoding="utf-8")
    (folder / "guide.yaml").write_text(_AGENT, encoding="utf-8")
    return str(folder / "guide.yaml")


@contextmanager
def client_site(
    request: pytest.FixtureRequest, folder: Path, name: str, page: Callable[..., None], *packages: str
) -> Iterator[str]:
    """The address of such a page; the test is skipped where there is none, or fails where it is required."""
    cache: Path = request.config.cache.mkdir("node")
    try:
        page(name, cache, folder, *packages)
    except Unavailable as why:
        missing(str(why))
    with pages(folder) as address:
        yield address


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


def react_page(name: str, cache: Path, folder: Path, *packages: str) -> None:
    """The same as an application with React."""
    shutil.copyfile(_PAGE / "react.html", folder / "index.html")
    bundle(name, cache, _PAGE / "react_entry.jsx", folder / "client.js", *packages)


def kit_page(name: str, cache: Path, folder: Path, *packages: str) -> None:
    """The same of the parts of the Voice UI Kit."""
    shutil.copyfile(_PAGE / "kit.html", folder / "index.html")
    bundle(name, cache, _PAGE / "kit_entry.jsx", folder / "client.js", *packages)


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
        "--jsx=automatic",
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
