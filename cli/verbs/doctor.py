"""``livegraph doctor``."""

from __future__ import annotations

import json
import logging
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import typer

from ..exits import Exit, told
from ..terminal import Terminal, paint

__all__ = ["doctor"]


@dataclass(frozen=True, slots=True)
class _Finding:
    what: str
    state: Literal["good", "missing", "wrong"]
    """``missing`` can be done without; with something ``wrong`` livegraph does not work here."""
    detail: str = ""
    remedy: str = ""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
) -> None:
    """Say what is here, what is missing, and what to do about it. Fails when livegraph cannot work here."""
    terminal = Terminal(level=logging.WARNING)
    with told(terminal):
        found = list(_findings())
        if as_json:
            print(json.dumps({"findings": [asdict(one) for one in found]}))
        else:
            colour = paint(sys.stdout)
            roles = {"good": ("good", "ok"), "missing": ("warning", "missing"), "wrong": ("error", "wrong")}
            for one in found:
                role, word = roles[one.state]
                print(f"{colour(role, word.ljust(8))} {one.what}{': ' + one.detail if one.detail else ''}")
                if one.remedy:
                    print(f"         {colour('hint', one.remedy)}")
    if any(one.state == "wrong" for one in found):
        raise typer.Exit(Exit.FAILED)


def _findings() -> Iterator[_Finding]:
    from ... import __version__

    yield _Finding(
        "livegraph", "good", f"{__version__}, Python {platform.python_version()}, {platform.system()}"
    )
    yield from _libraries()
    yield from _model()
    yield from _sound()
    yield from _room()
    yield from _network()
    yield from _servers()


def _libraries() -> Iterator[_Finding]:
    from importlib import import_module

    from ...audio.smart_turn import find_model

    for module, purpose in (
        ("aiortc", "calls from browsers"),
        ("av", "sound files and Opus"),
        ("cryptography", "https by a certificate made here"),
    ):
        try:
            import_module(module)
        except Exception as error:
            # Whatever a broken library raises when it loads is what is to be told.
            kind = type(error).__name__
            yield _Finding(module, "wrong", f"{purpose}; {kind}", f"pip install --force-reinstall {module}")
        else:
            yield _Finding(module, "good", purpose)
    for module, purpose, remedy in (
        ("uvloop", "less work for each packet", "pip install uvloop"),
        (
            "onnxruntime",
            "what runs the simulator's ears and the end-of-turn model",
            "pip install 'livegraph[turn]'",
        ),
        ("moonshine_voice", "the simulator hears speech", "pip install 'livegraph[speech]'"),
        ("hibari", "the simulator speaks", "pip install 'livegraph[speech]'"),
        ("opentelemetry.sdk", "traces", "pip install 'livegraph[otel]'"),
        ("mcp", "tools of MCP servers", "pip install 'livegraph[mcp]'"),
        ("google.auth", "credentials of Google Cloud", "pip install 'livegraph[vertex]'"),
        ("asyncpg", "memory in PostgreSQL", "pip install 'livegraph[postgres]'"),
        (
            "sounddevice",
            "a loudspeaker here",
            "pip install 'livegraph[console]'; Debian: apt-get install libportaudio2",
        ),
    ):
        try:
            import_module(module)
        except (ImportError, OSError):
            yield _Finding(module, "missing", purpose, remedy)
        else:
            yield _Finding(module, "good", purpose)
    file = find_model()
    if file is not None and file.is_file():
        yield _Finding("smart-turn", "good", f"the end-of-turn model, {file}")
    else:
        told = "docs/conversation.md tells where it comes from"
        yield _Finding("smart-turn", "missing", "ends of turns by how a sentence falls off", told)


def _model() -> Iterator[_Finding]:
    key = next((name for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY") if os.environ.get(name)), "")
    if key:
        yield _Finding("the model", "good", f"Google's, by {key}")
    else:
        yield _Finding(
            "the model",
            "missing",
            "no key: agents talk to the local simulator",
            "set GEMINI_API_KEY; https://aistudio.google.com/apikey makes one",
        )


def _sound() -> Iterator[_Finding]:
    import numpy as np

    from ...transports.webrtc.opus import OpusEncoder

    encoder = OpusEncoder(48_000)
    try:
        encoded = encoder.encode(np.zeros(encoder.samples, np.int16))
    except Exception as error:
        # Whatever a broken library raises is what is to be told.
        yield _Finding("Opus", "wrong", type(error).__name__, "pip install --force-reinstall av")
    else:
        yield _Finding("Opus", "good", f"20 ms of silence are {len(encoded)} bytes")


def _room() -> Iterator[_Finding]:
    from ...server.limits.room import measure_room

    try:
        room = measure_room()
    except Exception as error:
        # A library that is broken is told of above.
        yield _Finding("room", "wrong", type(error).__name__)
    else:
        yield _Finding("room", "good", f"{room}; --max-calls of `run` says another number")


def _network() -> Iterator[_Finding]:
    import socket

    from ...transports.webrtc.ice.addresses import machine_addresses

    addresses = machine_addresses()
    if addresses:
        yield _Finding("addresses", "good", ", ".join(addresses))
    else:
        yield _Finding("addresses", "missing", "loopback only: calls from this machine alone")
    for kind, name in ((socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")):
        try:
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", 0))
        except OSError as error:
            yield _Finding(
                f"a port by {name}", "wrong", error.strerror or "", "ask whoever runs this machine"
            )
        else:
            yield _Finding(f"a port by {name}", "good")


def _servers() -> Iterator[_Finding]:
    from ..admin_socket import admin_folder
    from ..exits import Fault
    from ..listening import answers

    try:
        folder = admin_folder()
    except (Fault, OSError) as error:
        yield _Finding("the admin socket", "missing", str(error), "livegraph run --admin off, or HOST:PORT")
        return
    running = [path.stem for path in sorted(folder.glob("*.sock")) if answers(path)]
    yield _Finding(
        "servers of this user", "good", ", ".join(f"port {port}" for port in running) or "none runs"
    )
