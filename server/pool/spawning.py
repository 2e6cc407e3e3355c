"""Starts a worker's process, and ends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Mapping

from ..refusals import Refusal
from .remote import RemoteWorker
from .setup import WorkerSetup
from .stream import on_socket
from .worker import WorkerLost

__all__ = ["WorkerProcess", "spawn"]

_MAIN = "livegraph.server.pool.process"
_EXIT_WITHIN_S = 3.0


class WorkerProcess:
    """See ``Started``: a process."""

    def __init__(self, process: asyncio.subprocess.Process, worker: RemoteWorker) -> None:
        self.process = process
        self.worker = worker

    @property
    def ending(self) -> str:
        """See ``Started``."""
        code = self.process.returncode
        return f"its process ended with {code}" if code else ""

    @property
    def alive(self) -> bool:
        """Whether it can be asked for anything."""
        return not self.worker.lost.done()

    def kill(self) -> None:
        """End it at once, and its calls with it. Again is fine."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def end(self, within_s: float) -> None:
        """Have it end its calls and itself; what is not over then is killed. Returns when it is gone."""
        try:
            with contextlib.suppress(WorkerLost, Refusal):
                await self.worker.close(within_s)
            self.worker.hang_up_stream()
            async with asyncio.timeout(_EXIT_WITHIN_S):
                await self.process.wait()
        except TimeoutError:
            pass
        finally:
            if self.process.returncode is None:
                self.kill()
                await asyncio.shield(self.process.wait())
            self.worker.hang_up_stream()


async def spawn(setup: WorkerSetup, environment: Mapping[str, str]) -> WorkerProcess:
    """A new process, warm. Raises ``Refusal`` with what is wrong with its agents, ``WorkerLost`` when it dies.

    Args:
        environment: variables beside those of this process.
    """
    ours, theirs = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", _MAIN, str(theirs.fileno()), str(os.getpid())),
            stdin=asyncio.subprocess.DEVNULL,
            # What tools print is no part of what the command says.
            stdout=sys.stderr,
            pass_fds=[theirs.fileno()],
            env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except BaseException:
        # Cancelled as well: nobody else knows of the socket yet.
        ours.close()
        raise
    finally:
        theirs.close()
    started = WorkerProcess(process, await RemoteWorker.at(on_socket(ours)))
    try:
        await started.worker.prepare(setup)
    except BaseException:
        # Cancelled as well: nobody else knows of the process yet.
        started.kill()
        await asyncio.shield(process.wait())
        started.worker.hang_up_stream()
        raise
    return started
