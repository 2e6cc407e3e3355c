"""The ``livegraph`` command as a person starts it: a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

__all__ = ["Running", "livegraph_run"]

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")


@dataclass(slots=True)
class Running:
    """A server under test: its page's address and what it has printed, stdout and log together."""

    address: str
    process: asyncio.subprocess.Process
    printed: list[str] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something was printed."""

    @property
    def text(self) -> str:
        return "".join(self.printed)

    async def prints(self, part: str, *, since: int = 0, within_s: float = 30.0) -> str:
        """The first line with ``part`` in it, of those from number ``since`` on; waits for it."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    self.more.clear()
                    for line in self.printed[since:]:
                        if part in line:
                            return line.strip()
                    await self.more.wait()
        except TimeoutError:
            raise AssertionError(f"no {part!r} in:\n{self.text}") from None


@asynccontextmanager
async def livegraph_run(
    *agents: str, within_s: float = 60.0, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """``livegraph run AGENTS --live local`` on a free port while the block lasts; ended by Ctrl-C.

    ``environ`` is added to the environment.

    Raises ``AssertionError`` with all that was printed when no address came, or it did not end cleanly.
    """
    environment = {
        key: value for key, value in os.environ.items() if key not in ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    } | dict(environ or {})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from livegraph.cli import main; main()"),
        *("run", *agents, "--port", "0", "--live", "local"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    assert process.stdout is not None
    running = Running("", process)
    found = asyncio.Event()

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            running.printed.append(line.decode("utf-8", "replace"))
            running.more.set()
            if not running.address and (match := _ADDRESS.search(running.printed[-1])):
                running.address = match[0]
                found.set()
        found.set()

    reader = asyncio.create_task(read())
    try:
        async with asyncio.timeout(within_s):
            await found.wait()
        assert running.address, f"no address came:\n{running.text}"
        yield running
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(within_s):
            code = await process.wait()
        assert code in (0, 130), f"ended with {code}:\n{running.text}"
        assert "Traceback" not in running.text, running.text
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await reader
