"""Addresses to listen on, and what to say when one cannot be had."""

from __future__ import annotations

import errno
import socket

from .exits import Fault

__all__ = ["cannot_listen", "open_port", "url_host"]


def open_port(host: str, port: int) -> socket.socket:
    """A socket that listens on ``host`` and ``port``. ``Fault`` when it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise cannot_listen(host, port, error) from None


def cannot_listen(host: str, port: int, error: OSError) -> Fault:
    """The fault of an address that cannot be listened on."""
    if error.errno == errno.EADDRINUSE:
        return Fault(
            f"port {port} on {host} is in use",
            "is livegraph running already? Otherwise choose another with --port; --port 0 takes any",
        )
    if error.errno == errno.EACCES:
        return Fault(
            f"port {port} needs more rights than this user has", "choose one above 1023, such as --port 8080"
        )
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return Fault(
            f"{host} is no address of this machine",
            "--host 127.0.0.1 is for this machine only, --host 0.0.0.0 for the whole network",
        )
    return Fault(f"cannot listen on {host} port {port}: {error.strerror or error}")


def url_host(host: str) -> str:
    """``host`` as it stands in a URL that this machine can open."""
    if host in ("", "0.0.0.0"):
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host
