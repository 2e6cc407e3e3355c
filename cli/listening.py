"""The sockets that a server listens on: a port, a Unix socket, or a descriptor that was handed over."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from .addresses import open_port
from .exits import Exit, Fault
from .front_checks import check_listener

if TYPE_CHECKING:
    from .serving import Serving

__all__ = ["answers", "open_sockets", "open_unix"]


def open_sockets(serving: Serving) -> socket.socket:
    """The socket that callers reach. ``Fault`` when it cannot be had."""
    wish = serving.wish
    if wish.uds is not None:
        return open_unix(wish.uds, 0o660)
    if wish.fd is not None:
        try:
            listener = socket.socket(fileno=wish.fd)
            listener.getsockname()
        except OSError as error:
            raise Fault(
                f"--fd {wish.fd}: {error.strerror}", "systemd gives the first as 3", Exit.USAGE
            ) from None
        check_listener(listener, f"--fd {wish.fd}")
        return listener
    return open_port(serving.host, serving.port)


def open_unix(path: Path, mode: int) -> socket.socket:
    """A Unix socket at ``path`` that listens, with these rights; one that a dead server left is replaced."""
    try:
        if path.is_socket() and not answers(path):
            path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o777 & ~mode)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(128)
    except OSError as error:
        raise Fault(f"cannot listen on {path}: {error.strerror or error}") from None
    return listener


def answers(path: Path) -> bool:
    """Whether somebody listens at a Unix socket."""
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    probe.settimeout(1.0)
    try:
        probe.connect(str(path))
    except OSError:
        return False
    finally:
        probe.close()
    return True
