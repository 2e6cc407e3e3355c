"""Other people's clients of the Live API hold a conversation with the simulator; each prints what it said and did.

    make peers                     # all of them
    make peers ARGS="livekit adk"  # some

Each is installed from PyPI into an environment of its own below ``.peers`` (not in CI: they bring hundreds of packages
along), and talks to a simulator of this process over TLS, strict but where it says so, the first answer included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from livegraph.simulator import Simulator
from livegraph.simulator.certificate import find_or_make

_HERE = Path(__file__).resolve().parent
_HOME = _HERE.parents[1] / ".peers"
_WITHIN_S = 240

_2_5 = "gemini-2.5-flash-native-audio-preview-12-2025"
_3_1 = "gemini-3.1-flash-live-preview"
_3_8 = "gemini-3.8-live"


@dataclass(frozen=True, slots=True)
class _Peer:
    """A client: what to install, and the models that it is tried with."""

    package: str
    shown: str
    models: tuple[str, ...] = (_2_5, _3_1, _3_8)
    lenient: tuple[str, ...] = ()
    """Models to which it sends what their documentation forbids: the simulator takes it there, unless it is strict."""


PEERS = {
    "pipecat": _Peer("pipecat-ai[google]", "pipecat-ai"),
    # It sends `clientContent` in the middle of a session: by documentation and reports 3.1 closes with 1007 then.
    "livekit": _Peer("livekit-plugins-google", "livekit-plugins-google", lenient=(_3_1,)),
    "adk": _Peer("google-adk", "google-adk"),
}


def python_of(name: str) -> Path:
    """The Python that has this peer; it is installed when it is missing."""
    home = _HOME / name
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (home / "installed").exists():
        print(f"installing {PEERS[name].package} into {home}", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", PEERS[name].package]
        subprocess.run(command, check=True)
        (home / "installed").touch()
    return python


def version_of(name: str, python: Path) -> str:
    """Which version that is."""
    code = f"import importlib.metadata as m; print(m.version({PEERS[name].shown!r}))"
    return subprocess.run(
        [str(python), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


async def talk(name: str, python: Path, model: str, personality: str) -> dict[str, Any]:
    """Hold a conversation; returns what the peer tells of it. ``RuntimeError`` when it fails."""
    certificate = find_or_make(Path(tempfile.gettempdir()) / "livegraph-peers", datetime.now(UTC))
    strict = model not in PEERS[name].lenient
    options: dict[str, Any] = {"strict": strict, "personality": personality, "time_scale": 0.3}
    async with Simulator(**options) as simulator:
        await simulator.warm_up()
        port = await simulator.serve(tls=certificate.context())
        environment = dict(os.environ) | {
            "GOOGLE_GEMINI_BASE_URL": f"https://127.0.0.1:{port}",
            "SSL_CERT_FILE": str(certificate.cert),
            "GOOGLE_API_KEY": "any",
            "NO_PROXY": "*",
        }
        environment.pop("GEMINI_API_KEY", None)
        program = str(_HERE / f"{name}_peer.py")
        process = await asyncio.create_subprocess_exec(
            str(python), "-W", "ignore", program, model,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_WITHIN_S):
                out, errors = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise RuntimeError(f"it said nothing more within {_WITHIN_S} s") from None
    if process.returncode:
        raise RuntimeError(errors.decode(errors="replace")[-1_500:])
    told: dict[str, Any] = json.loads(out.decode().strip().splitlines()[-1])
    return told


def faults(told: dict[str, Any]) -> list[str]:
    """What of a conversation is not as it should be."""
    wanted = {
        "first": "" if "first" not in told else told["first"].strip() and "ok",
        "sound": told.get("sound", 0) > 24_000 and "ok",
        "name": "Ann" in told.get("name", "") and "ok",
        "weather": "31" in told.get("weather", "") and "ok",
        "calls": told.get("calls") == [["get_weather", {"city": "Oslo"}]] and "ok",
        "memory": "Ann" in told.get("memory", "") and "ok",
    }
    wrong = [f"{name}: {told.get(name)!r}" for name, ok in wanted.items() if not ok]
    read_aloud = [key for key in ("first", "name", "memory") if "instruction" in str(told.get(key))]
    return wrong + [f"{key} reads its instructions aloud" for key in read_aloud]


def main() -> int:
    """Try all that were named; 0 when each of them held its conversation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"of {', '.join(PEERS)}; all by default")
    parser.add_argument("--personality", default="kind")
    chosen = parser.parse_args()
    if unknown := set(chosen.peers) - set(PEERS):
        parser.error(f"there is no peer {min(unknown)!r}; there are {', '.join(PEERS)}")
    failed = 0
    for name in chosen.peers or PEERS:
        python = python_of(name)
        print(f"{name} ({PEERS[name].shown} {version_of(name, python)})", flush=True)
        for model in PEERS[name].models:
            began = time.monotonic()
            try:
                told = asyncio.run(talk(name, python, model, chosen.personality))
                wrong = faults(told)
            except RuntimeError as error:
                told, wrong = {}, [str(error)]
            failed += bool(wrong)
            seconds = time.monotonic() - began
            verdict = (
                "FAILED" if wrong else "ok" if told else "ok: the client asks for no replies on this model"
            )
            strictly = "" if model not in PEERS[name].lenient else ", not strict"
            print(f"  {model}{strictly}: {verdict} ({seconds:.1f} s)")
            for key in ("first", "name", "weather", "memory") if told else ():
                print(f"    {key}: {told.get(key)}")
            for fault in wrong:
                print(f"    ! {fault}")
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
