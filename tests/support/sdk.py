"""The official SDK (google-genai) as judge, in a process of its own: as installed, or an older version.

The programs that it runs are in ``tests/sdk/programs.py``. They know google-genai and the standard library only, so
two versions with their own dependencies can judge the same simulator.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

__all__ = ["OLDEST_SDK", "Judge", "Unavailable", "install_sdk"]

OLDEST_SDK = "2.0.0"
"""The oldest google-genai that the simulator is held to: the first of the major version before the newest."""

_PROGRAMS = Path(__file__).resolve().parents[1] / "sdk" / "programs.py"
_INSTALL_WITHIN_S = 200


class Unavailable(Exception):
    """A version cannot be had here; says why."""


def install_sdk(version: str, folder: Path) -> Path:
    """google-genai ``version`` with all that it needs, below ``folder``: installed once, then found there.

    Raises ``Unavailable`` when the registry cannot be reached or has no such version.
    """
    home = folder / f"google-genai-{version}-{sys.implementation.cache_tag}"
    if home.is_dir():
        return home
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        command = [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"),
            *("--no-compile", "--target", unfinished, f"google-genai=={version}"),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise Unavailable(
                f"google-genai {version} was not installed within {_INSTALL_WITHIN_S} s"
            ) from None
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            why = lines[0] if lines else f"pip ended with {done.returncode}"
            raise Unavailable(f"google-genai {version} cannot be installed: {why}")
        # Another test process may have been faster.
        if not home.is_dir():
            Path(unfinished).rename(home)
            Path(unfinished).mkdir()
    return home


class Judge:
    """A process that runs programs of the SDK, one at a time.

    Args:
        certificate: the simulator's, which the process is told to trust by ``SSL_CERT_FILE`` as any program may be.
        folder: where an older version was installed; by default the one of this environment is used.
    """

    def __init__(self, certificate: Path, folder: Path | None = None) -> None:
        kept = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment |= {"SSL_CERT_FILE": str(certificate), "NO_PROXY": "*"}
        options = ["-W", "ignore"]
        if folder is not None:
            # Without this environment's own packages: the older version has its own of everything.
            options.append("-S")
            environment["PYTHONPATH"] = str(folder)
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, *options, str(_PROGRAMS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
        )
        self.version = self.ask("version")
        """Of google-genai."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    @property
    def major(self) -> int:
        """The major version."""
        return int(self.version.partition(".")[0])

    def ask(self, program: str, /, **arguments: Any) -> Any:
        """Run a program and return what it returns. What it raises is an ``AssertionError`` here."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([program, arguments]).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise AssertionError(
                f"the judge has died: {self._errors.read().decode(errors='replace')[-2_000:]}"
            )
        answer = json.loads(line)
        if "failed" in answer:
            raise AssertionError(
                f"google-genai {getattr(self, 'version', '')}: {program}\n{answer['failed']}"
            )
        return answer["returned"]

    async def run(self, program: str, /, **arguments: Any) -> Any:
        """``ask`` beside a running loop. The program has its own deadline."""
        return await asyncio.to_thread(self.ask, program, **arguments)
