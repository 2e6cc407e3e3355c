"""An MCP server by command on virtual time, which stands still while the server has something to answer.

By the package's own transport the pipes of the process would be sockets of the loop, and virtual time goes no faster
than real time while there are any. Here a thread reads them. What the server does takes no virtual time, so that a test
goes the same way each time; where it waits for an answer of ours (it has asked the caller something), time goes on.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, TextIO

__all__ = ["by_command_on_virtual_time"]

_END_S = 2.0
"""Real seconds that a process has to end when its input does."""
_PATIENCE_S = 20.0
"""Real seconds that time stands still for one answer."""
_LASTING = "subscriptions/listen"
"""A request that is answered at its end alone."""
_ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
"""What says that it has come."""


@asynccontextmanager
async def by_command_on_virtual_time(parameters: Any, said: TextIO) -> AsyncGenerator[tuple[Any, Any]]:
    """The streams of messages to a process that this starts, and ends. Raises ``OSError``."""
    import anyio
    from mcp.client.stdio import get_default_environment

    loop = asyncio.get_running_loop()
    with anyio.CancelScope(shield=True):
        process = await asyncio.to_thread(
            subprocess.Popen,
            [parameters.command, *parameters.args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env=get_default_environment() | (parameters.env or {}),
            cwd=parameters.cwd,
            start_new_session=os.name == "posix",
        )
    inward_in, inward = anyio.create_memory_object_stream[Any](float("inf"))
    outward, outward_out = anyio.create_memory_object_stream[Any](0)
    owed = _Owed()

    def came(line: bytes | None) -> None:
        if line is None:
            owed.settle()
            inward_in.close()
            return
        message = _parsed(line)
        owed.received(message)
        try:
            inward_in.send_nowait(message)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            owed.settle()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            _tell(loop, came, line)
        _tell(loop, came, None)

    async def write() -> None:
        async with outward_out:
            async for message in outward_out:
                owed.sent(message.message)
                line = message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
                try:
                    await asyncio.to_thread(_put, process, line)
                except OSError:
                    # It has gone: who reads is told.
                    owed.settle()
                    return

    reader = threading.Thread(target=read, name="MCP server's words", daemon=True)
    reader.start()
    async with anyio.create_task_group() as group:
        group.start_soon(write)
        try:
            yield inward, outward
        finally:
            owed.settle()
            with anyio.CancelScope(shield=True):
                await asyncio.to_thread(_end, process, reader)
            group.cancel_scope.cancel()
            for stream in (inward_in, inward, outward, outward_out):
                stream.close()


class _Owed:
    """Answers that each side owes the other; virtual time stands still while only the server owes any."""

    def __init__(self) -> None:
        self._theirs: set[Any] = set()
        self._ours: set[Any] = set()
        self._lasting: set[Any] = set()
        self._gate: threading.Event | None = None
        self._over = False

    def sent(self, message: Any) -> None:
        """We have said this."""
        if hasattr(message, "method") and getattr(message, "id", None) is not None:
            self._theirs.add(message.id)
            if message.method == _LASTING:
                self._lasting.add(message.id)
        else:
            self._ours.discard(getattr(message, "id", None))
        self._stand()

    def received(self, message: Any) -> None:
        """The server has said this."""
        inner = getattr(message, "message", None)
        if inner is not None and hasattr(inner, "method") and getattr(inner, "id", None) is not None:
            self._ours.add(inner.id)
        elif getattr(inner, "method", None) == _ACKNOWLEDGED:
            self._theirs -= self._lasting
        else:
            self._theirs.discard(getattr(inner, "id", None))
        self._stand()

    def settle(self) -> None:
        """Nobody owes anything any more."""
        self._over = True
        self._stand()

    def _stand(self) -> None:
        still = bool(self._theirs) and not self._ours and not self._over
        if still and self._gate is None:
            self._gate = threading.Event()
            asyncio.get_running_loop().run_in_executor(None, self._gate.wait, _PATIENCE_S)
        elif not still and self._gate is not None:
            self._gate.set()
            self._gate = None


def _parsed(line: bytes) -> Any:
    import mcp_types as types
    from mcp.shared.message import SessionMessage

    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


def _put(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(line)
    process.stdin.flush()


def _tell(loop: asyncio.AbstractEventLoop, came: Any, line: bytes | None) -> None:
    # The loop may have gone.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(came, line)


def _end(process: subprocess.Popen[bytes], reader: threading.Thread) -> None:
    """Close its input, and help where that does not end it."""
    assert process.stdin is not None and process.stdout is not None
    with suppress(OSError):
        process.stdin.close()
    for help_along in (process.terminate, process.kill, None):
        try:
            process.wait(_END_S)
            break
        except subprocess.TimeoutExpired:
            if help_along is not None:
                help_along()
    reader.join(_END_S)
    if not reader.is_alive():
        process.stdout.close()
