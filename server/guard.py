"""Who may ask: pages of this server, pages on this machine, and origins that were allowed by name.

A foreign page in the user's browser must neither start calls here nor read what this server says. It is
told apart by its ``Origin``; one that points its own name at this machine (DNS rebinding), by ``Host``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .refusals import Refusal

__all__ = ["Guard", "is_loopback", "normal_origin"]

_ORIGIN = re.compile(r"(https?)://([^/@\s?#]+)")

_PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = (
    (b"content-security-policy", _PAGE_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"microphone=(self)"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_METHODS = b"GET, POST, PATCH, DELETE"


def normal_origin(text: str) -> str:
    """An origin in the one form that is compared: lower case, no default port. ``ValueError`` when it is none."""
    if not _ORIGIN.fullmatch(text):
        raise ValueError(f"{text!r} is no origin; one looks like https://voice.example.org")
    parts = urlsplit(text.lower())
    port = parts.port
    if not parts.hostname:
        raise ValueError(f"{text!r} is no origin; one looks like https://voice.example.org")
    standard = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port in (None, standard) else f":{port}")


def is_loopback(host: str) -> bool:
    """Whether a host name or address, with or without a port, is this machine for itself only."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
    return True


class Guard:
    """ASGI middleware: refuses foreign origins and names (403), and sets the headers of every answer.

    ``any_host`` is for a server that others reach under names that it does not know.
    """

    def __init__(self, app: ASGIApp, *, allow_origins: Iterable[str] = (), any_host: bool = False) -> None:
        self._app = app
        self._allowed = frozenset(map(normal_origin, allow_origins))
        self._names = frozenset(urlsplit(origin).netloc for origin in self._allowed)
        self._any_host = any_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin, host = headers.get("origin"), headers.get("host", "")
        shared = self._shared_with(origin, host)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_extra(message["headers"], shared)]}
            await send(message)

        refusal = self._refusal(origin, host, shared)
        if refusal is not None:
            await refusal.response()(scope, receive, answer)
        elif scope["method"] == "OPTIONS" and shared:
            await _answer_preflight(answer)
        else:
            await self._app(scope, receive, answer)

    def _refusal(self, origin: str | None, host: str, shared: str) -> Refusal | None:
        if not (self._any_host or is_loopback(host) or _is_address(host) or host.lower() in self._names):
            return Refusal(
                403,
                "host_not_allowed",
                "This server does not go by the name in the address.",
                "Start it with --allow-origin and the address that people open.",
            )
        if origin is not None and not shared:
            return Refusal(
                403,
                "origin_not_allowed",
                "Pages of this origin may not use this server.",
                "Start it with --allow-origin and the origin of the page.",
            )
        return None

    def _shared_with(self, origin: str | None, host: str) -> str:
        """The origin when it may see the answers, else nothing."""
        if origin is None:
            return ""
        try:
            normal = normal_origin(origin)
        except ValueError:
            # "null" and other things that are no page of anybody.
            return ""
        netloc = urlsplit(normal).netloc
        same = netloc == host.lower() or f"{netloc}:80" == host.lower() or f"{netloc}:443" == host.lower()
        return origin if same or is_loopback(netloc) or normal in self._allowed else ""


def _extra(present: list[tuple[bytes, bytes]], shared: str) -> list[tuple[bytes, bytes]]:
    names = {name.lower() for name, _ in present}
    extra = [header for header in _HEADERS if header[0] not in names]
    if b"cache-control" not in names:
        # Files are asked for anew each time, and answered with 304 when they are the same.
        extra.append((b"cache-control", b"no-cache"))
    if shared:
        extra += [
            (b"access-control-allow-origin", shared.encode("latin-1")),
            (b"access-control-expose-headers", b"Retry-After"),
            (b"vary", b"Origin"),
        ]
    return extra


async def _answer_preflight(send: Send) -> None:
    headers = [
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", b"Content-Type"),
        (b"access-control-max-age", b"600"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
