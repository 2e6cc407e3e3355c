"""The sockets that a server listens on: a port, a Unix socket, or a descriptor that was handed over."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from .addresses import open_port
from .exits import Exit, Fault
from .front_checks import check_listener

if TYPE_CHECKING:
    from .serving import Serving

__all__ = ["answers", "many_descriptors", "open_sockets", "open_unix"]

_ENOUGH_DESCRIPTORS = 65_536


def many_descriptors() -> None:
    """Have as many open files as this process may: shells give 1,024 of what the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_ENOUGH_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # What a kernel allows less than it says is no fault of ours.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
