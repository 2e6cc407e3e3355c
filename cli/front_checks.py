"""How a server is to look from outside, tried before anything listens: what matches nobody is a mistake, not a wish."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from .exits import Exit, Fault, check_there

__all__ = [
    "check_certificate",
    "check_hosts",
    "check_listener",
    "check_proxies",
    "check_root_path",
    "check_stun",
]

_SEGMENTS = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*", re.ASCII)
_STUN = re.compile(r"stuns?:(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)


def check_root_path(root: str) -> None:
    """Raise ``Fault`` when it is no path of an address; ``root`` has no slash at its end."""
    if root and not root.startswith("/"):
        raise Fault("--root-path begins with a slash", code=Exit.USAGE)
    if not _SEGMENTS.fullmatch(root) or {".", ".."} & set(root.split("/")):
        raise Fault(f"--root-path: {root!r} is no path", "one looks like /voice", Exit.USAGE)


def check_proxies(proxies: Sequence[str]) -> None:
    """Raise ``Fault`` for one that is neither an address nor a network: it would match nobody, and none be told."""
    for proxy in proxies:
        try:
            if proxy != "*":
                ipaddress.ip_network(proxy)
        except ValueError:
            raise Fault(
                f"--trusted-proxy: {proxy!r} is neither an address nor a network{_meant(proxy)}",
                "one looks like 127.0.0.1 or 10.0.0.0/8; * is everybody",
                Exit.USAGE,
            ) from None


def _meant(proxy: str) -> str:
    try:
        return f" (the network of it is {ipaddress.ip_network(proxy, strict=False)})"
    except ValueError:
        return ""


def check_hosts(names: Sequence[str]) -> None:
    """Raise ``Fault`` for one that no request can go by."""
    from ..server.hosts import is_allowable

    for name in names:
        if not is_allowable(name):
            raise Fault(
                f"--allow-host: {name!r} is no name of a host",
                "one looks like voice.example.org, without scheme, port and path; *.example.org is all below it",
                Exit.USAGE,
            )


def check_stun(urls: Sequence[str]) -> None:
    """Raise ``Fault`` for one with which no browser makes a connection."""
    for url in urls:
        if not _STUN.fullmatch(url):
            remedy = "one looks like stun:stun.example.org:3478"
            if url.lower().startswith(("turn:", "turns:")):
                remedy = "a relay is given by --turn and --turn-secret-file"
            raise Fault(f"--ice-servers: {url!r} is no address of a STUN server", remedy, Exit.USAGE)


def check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Raise ``Fault`` when TLS cannot be spoken with them."""
    if certificate is None or key is None:
        return
    for option, path in (("--ssl-certfile", certificate), ("--ssl-keyfile", key)):
        check_there(path, option)
    try:
        # A server has nobody who could be asked for a pass phrase.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        why = (error.reason or "what is in them is no PEM").replace("_", " ").lower()
        raise Fault(
            f"--ssl-certfile {certificate}, --ssl-keyfile {key}: not to be used: {why}",
            "they hold the certificate with its chain and its key, in PEM, the key without a pass phrase",
            Exit.CONFIG,
        ) from None
    except (OSError, ValueError) as error:
        raise Fault(
            f"--ssl-certfile {certificate}, --ssl-keyfile {key}: {getattr(error, 'strerror', '') or error}"
        ) from None


def is_unix_socket(descriptor: int | None) -> bool:
    """Whether it is one, as systemd gives it for ``ListenStream=/run/...``: callers have no address there."""
    if descriptor is None:
        return False
    try:
        with socket.socket(fileno=os.dup(descriptor)) as given:
            return given.family == socket.AF_UNIX
    except (OSError, OverflowError):
        # Whoever opens it says what is wrong with it.
        return False


def check_listener(listener: socket.socket, option: str) -> None:
    """Raise ``Fault`` when nobody can connect to it, which is then closed."""
    at = listener.getsockname()
    unbound = not at or (isinstance(at, tuple) and at[1] == 0)
    if listener.type != socket.SOCK_STREAM or unbound:
        what = "has no address" if listener.type == socket.SOCK_STREAM else "is no stream socket"
        listener.close()
        raise Fault(f"{option} {what}", "systemd gives one with ListenStream=", Exit.USAGE)
