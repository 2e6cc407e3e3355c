"""Who may ask: pages of this server, pages on this machine, and origins that were allowed by name.

A foreign page in the user's browser must neither start calls here nor read what this server says. It is
told apart by its ``Origin``; one that points its own name at this machine (DNS rebinding), by ``Host``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from .hosts import is_address, is_loopback, name_of, normal_origin
from .refusals import Refusal
from .sockets.door import deny

__all__ = ["Guard", "is_loopback", "normal_origin"]

_METHODS = b"GET, POST, PATCH, DELETE"
_ONCE = (b"host", b"origin", b"authorization", b"content-type")
_HEADER_NAMES = re.compile(r"[A-Za-z0-9-]{1,64}(?:, ?[A-Za-z0-9-]{1,64}){0,31}", re.ASCII)


class Guard:
    """ASGI middleware: refuses foreign origins and names, answers preflights, adds the headers that protect pages.

    Args:
        allow_origins: other origins whose pages may call here, and may show this server's page in a frame.
        allow_hosts: names by which this server goes, beside its addresses, loopback names and those of
            ``allow_origins``; ``*.example.org`` for all below one, ``*`` for every name. A name that is none of them is
            refused, for it may be somebody's that was pointed here.
    """

    def __init__(
        self, app: ASGIApp, *, allow_origins: Iterable[str] = (), allow_hosts: Iterable[str] = ()
    ) -> None:
        self._app = app
        self._allowed = frozenset(map(normal_origin, allow_origins))
        names = {name_of(urlsplit(origin).netloc) for origin in self._allowed} | {
            host.lower() for host in allow_hosts
        }
        self._names = frozenset(name for name in names if not name.startswith("*."))
        self._any = "*" in names
        self._below = tuple(name[1:] for name in names if name.startswith("*."))
        self._headers = _page_headers(sorted(self._allowed))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "websocket":
            await self._serve_socket(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host, origin, twice = _host_and_origin(scope)
        shared = self._shared_with(origin, host)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = self._extra(message["headers"], shared)
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        refusal = twice or self._refusal(origin, host, shared)
        names = {name for name, _ in scope["headers"]}
        if b"content-length" in names and b"transfer-encoding" in names:
            # Whoever stands in front may have read another end of the body (RFC 9112, section 6.3): what follows on
            # this connection is nobody's.
            refusal = Refusal(
                400, "bad_request", "The request says twice how long it is.", headers={"Connection": "close"}
            )
        if refusal is not None:
            await refusal.response()(scope, receive, answer)
        elif scope["method"] == "OPTIONS" and (shared or _own_path(scope).startswith("/whip")):
            await _answer_preflight(answer, Headers(scope=scope).get("access-control-request-headers", ""))
        else:
            await self._app(scope, receive, answer)

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A browser lets every page open a socket to everybody: whose it is only the origin tells."""
        host, origin, twice = _host_and_origin(scope)
        refusal = twice or self._refusal(origin, host, self._shared_with(origin, host))
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await deny(WebSocket(scope, receive, send), refusal)

    def _refusal(self, origin: str | None, host: str, shared: str) -> Refusal | None:
        if not self._goes_by(host):
            return Refusal(
                403,
                "host_not_allowed",
                "This server does not go by the name in the address.",
                "Start it with --allow-host and that name, or with --allow-origin and the address that people open.",
            )
        if origin is not None and not shared:
            return Refusal(
                403,
                "origin_not_allowed",
                "Pages of this origin may not use this server.",
                "Start it with --allow-origin and the origin of the page.",
            )
        return None

    def _goes_by(self, host: str) -> bool:
        if is_loopback(host) or is_address(host):
            return True
        name = name_of(host)
        if self._any and name:
            return True
        return bool(name) and (name in self._names or name.endswith(self._below or ("\0",)))

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
        # A page of this machine may use a server of this machine; one that others reach is none of its business.
        near = is_loopback(netloc) and is_loopback(host)
        return origin if same or near or normal in self._allowed else ""

    def _extra(self, present: list[tuple[bytes, bytes]], shared: str) -> list[tuple[bytes, bytes]]:
        names = {name.lower() for name, _ in present}
        extra = [header for header in self._headers if header[0] not in names]
        if b"cache-control" not in names:
            # Files are asked for anew each time, and answered with 304 when they are the same.
            extra.append((b"cache-control", b"no-cache"))
        if shared:
            extra += [
                (b"access-control-allow-origin", shared.encode("latin-1")),
                (b"access-control-expose-headers", b"Retry-After, Location, ETag, Link"),
                (b"vary", b"Origin"),
            ]
        return extra


def _own_path(scope: Scope) -> str:
    """The path below the one that the application is mounted at."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _host_and_origin(scope: Scope) -> tuple[str, str | None, Refusal | None]:
    """What a request says of both, and a refusal of one that says twice what is to be said once."""
    headers = Headers(scope=scope)
    names = [name for name, _ in scope["headers"]]
    refusal = None
    if twice := [name.decode() for name in _ONCE if names.count(name) > 1]:
        # Whoever stands in front may have looked at the other one.
        refusal = Refusal(400, "bad_request", f"The request has the header {twice[0]} twice.")
    return headers.get("host", ""), headers.get("origin"), refusal


def _page_headers(origins: list[str]) -> tuple[tuple[bytes, bytes], ...]:
    """What protects the page: it may be framed, and may use the microphone, where its origins may and nowhere else."""
    policy = "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            # A socket of the page's own host is of its origin as well (CSP 3, section 6.7.2.8), whatever its scheme.
            "connect-src 'self'",
            "media-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors " + (" ".join(origins) if origins else "'none'"),
        )
    )
    devices = " ".join(("self", *(f'"{origin}"' for origin in origins)))
    headers = [
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (
            b"permissions-policy",
            ", ".join(
                (
                    *(f"{what}=({devices})" for what in ("microphone", "camera", "display-capture")),
                    "geolocation=()",
                )
            ).encode(),
        ),
    ]
    if not origins:
        # A page that others embed is part of theirs; alone it shares nothing with whoever opened it.
        headers += [(b"cross-origin-opener-policy", b"same-origin"), (b"x-frame-options", b"DENY")]
    return tuple(headers)


async def _answer_preflight(send: Send, asked: str) -> None:
    # A page that may call here may send what it likes along: proxies in front ask for headers of their own.
    more = asked if _HEADER_NAMES.fullmatch(asked) else ""
    allowed = ", ".join(part for part in ("Content-Type, Authorization", more) if part)
    headers = [
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", allowed.encode("ascii")),
        (b"access-control-max-age", b"600"),
        # What WHIP has told by OPTIONS (RFC 9725, section 4.2); it says nothing of other addresses.
        (b"accept-post", b"application/sdp, application/json"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
