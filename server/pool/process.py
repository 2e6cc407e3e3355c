"""One worker as a process: ``python -m livegraph.server.pool.process FD`` is its main program.

``FD`` is a connected Unix socket, by which a ``ProcessPool`` says all that is to be done. The process ends with the
one that started it, however that ends.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

__all__ = ["fastest_loop", "main"]

_PR_SET_PDEATHSIG = 1
_END_WITHIN_S = 20.0
"""For calls that are told goodbye when the one that started it is gone."""


def main() -> None:
    """Serve one worker over the descriptor that the command line names."""
    _die_with_parent(int(sys.argv[2]))
    # Ctrl-C and a closed terminal are the business of the one that started it: it has its own way to end this.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sock = socket.socket(fileno=int(sys.argv[1]))
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        runner.run(_serve(sock))


async def _serve(sock: socket.socket) -> None:
    from .hosting import Host
    from .stream import on_socket

    host = Host()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, host.ask_to_leave)
    try:
        await host.serve(on_socket(sock))
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        # A thread of a tool that hangs must not keep the process: nobody would be there to end it.
        leaving = threading.Timer(_END_WITHIN_S, os._exit, (1,))
        leaving.daemon = True
        leaving.start()


def _die_with_parent(parent: int) -> None:
    """Be killed when the process ``parent``, which started this one, is gone; where the system can do that."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It died before it could be asked for.
        os._exit(1)


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed: less work for each packet."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
