"""Proves what a user installs: python prove_install.py

Builds the wheel, installs it with the extra `speech` into an empty environment, and runs it there, far from
the repository and with a bare environment: `check` of a shipped agent, and one whole call from a person's
recorded words to a spoken answer. Uses only the standard library and `build`; leaves nothing behind.
"""

from __future__ import annotations

import array
import json
import os
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SPEECH = ROOT / "tests" / "data" / "speech"
QUESTION = "go_forward"


def main() -> None:
    """Run all steps; raises on the first that does not hold."""
    with tempfile.TemporaryDirectory(prefix="livegraph-install-") as name:
        work = Path(name)
        say("build the wheel")
        run(
            [sys.executable, "-m", "build", "--outdir", str(work / "dist"), str(ROOT)],
            within_s=300,
            quiet=True,
        )
        wheel = next((work / "dist").glob("*.whl"))

        say(f"install {wheel.name}[speech] into an empty environment")
        run([sys.executable, "-m", "venv", str(work / "venv")], within_s=120)
        python = work / "venv" / "bin" / "python"
        run([str(python), "-m", "pip", "install", "--quiet", f"{wheel}[speech]"], within_s=900)

        elsewhere = work / "elsewhere"
        elsewhere.mkdir()
        where = installed(python, elsewhere)
        if work.resolve() not in where.resolve().parents:
            raise SystemExit(f"imported {where}, which is not what was installed")

        say("livegraph version, livegraph check")
        livegraph = str(work / "venv" / "bin" / "livegraph")
        run([livegraph, "version"], cwd=elsewhere, within_s=60)
        run([livegraph, "check", str(where / "configs" / "voice_agent.yaml")], cwd=elsewhere, within_s=60)

        say("one whole call")
        answer, log = elsewhere / "answer.wav", elsewhere / "events.jsonl"
        call = [
            livegraph,
            "call",
            "voice_agent",
            "--in",
            str(SPEECH / f"{QUESTION}.wav"),
            "--out",
            str(answer),
            "--json",
        ]
        with log.open("w") as events:
            run(call, cwd=elsewhere, within_s=180, stdout=events)
        check_transcript(log)
        check_sound(answer)
        say("installed and working")


def check_transcript(log: Path) -> None:
    """The caller's words were heard, and the agent has said something."""
    events: list[dict[str, Any]] = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    said: dict[str, str] = {}
    for event in events:
        if event.get("text") and event.get("role"):
            said[event["role"]] = said.get(event["role"], "") + " " + event["text"]
    print("   ", said)
    wanted = json.loads((SPEECH / "transcripts.json").read_text("utf-8"))[f"{QUESTION}.wav"]
    heard = said.pop("user", "").lower()
    missing = [word for word in wanted.lower().strip(".").split() if word not in heard]
    # One word in four may be misheard.
    if len(missing) > 1:
        raise SystemExit(
            f"of {wanted!r} these words are not in the transcript: {missing}\n{log.read_text('utf-8')}"
        )
    if not any(said.values()):
        raise SystemExit(f"the agent has said nothing:\n{log.read_text('utf-8')}")


def check_sound(answer: Path) -> None:
    """The answer is at least half a second of sound above the noise floor."""
    with wave.open(str(answer), "rb") as file:
        samples = array.array("h", file.readframes(file.getnframes()))
        per_window = file.getframerate() * file.getnchannels() // 50
    loud = sum(max(samples[at : at + per_window]) > 600 for at in range(0, len(samples), per_window))
    print(f"    answer: {len(samples) / per_window / 50:.1f} s, of which {loud / 50:.1f} s sound")
    if loud < 25:
        raise SystemExit("the answer is silent")


def installed(python: Path, cwd: Path) -> Path:
    """Where the installed package lies."""
    code = "import livegraph, pathlib; print(pathlib.Path(livegraph.__file__).parent)"
    done = subprocess.run(
        [str(python), "-c", code], cwd=cwd, env=bare(), capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip())


def run(
    command: list[str], *, within_s: float, cwd: Path | None = None, quiet: bool = False, stdout: Any = None
) -> None:
    """Run a command with no key, no path of ours and no input; its failure is ours, with what it printed."""
    began = time.monotonic()
    try:
        if quiet:
            stdout = subprocess.PIPE
        done = subprocess.run(
            command,
            cwd=cwd,
            env=bare() if cwd else None,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT if quiet else None,
            text=True,
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SystemExit(f"not done within {within_s:.0f} s: {' '.join(command)}") from None
    if done.returncode:
        raise SystemExit(f"{done.stdout or ''}\nexit code {done.returncode}: {' '.join(command)}")
    print(
        f"    {time.monotonic() - began:.1f} s  {Path(command[0]).name} {' '.join(command[1:4])}", flush=True
    )


def bare() -> dict[str, str]:
    """What a new user's shell has, and no more: no key, no PYTHONPATH, no activated environment."""
    kept = ("HOME", "LANG", "TMPDIR")
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        **{name: os.environ[name] for name in kept if name in os.environ},
    }


def say(step: str) -> None:
    """Print the name of a step."""
    print(f"== {step}", flush=True)


if __name__ == "__main__":
    main()
