"""A program that judges: a process of its own that runs one of its programs after the other and tells what came of it.

It reads lines ``["name", {"argument": ...}]`` and answers each with ``{"returned": ...}`` or ``{"failed": "..."}``.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO, Any, Self

__all__ = ["JudgeProcess", "Unavailable"]


class Unavailable(Exception):
    """A judge cannot be had here; says why."""


class JudgeProcess:
    """See the module. A context manager; programs run one at a time."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._name = name
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=dict(environment),
        )
        self.version = str(self.ask("version"))
        """Of the library that judges."""

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
                f"{self._name} {getattr(self, 'version', '')}: {program}\n{answer['failed']}"
            )
        return answer["returned"]

    async def run(self, program: str, /, **arguments: Any) -> Any:
        """``ask`` beside a running loop. The program has its own deadline."""
        return await asyncio.to_thread(self.ask, program, **arguments)
