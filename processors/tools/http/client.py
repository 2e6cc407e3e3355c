"""A client that calls allowed hosts only: each address is judged where it is connected to, each redirect before it is.

Names are looked up here and the connection goes to the very address that was judged, so that a name that means another
machine a moment later (DNS rebinding) leads nowhere. Proxies of the environment are not used: they would look names up.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from .guarded import CannotCall, guarded_transport, look_up
from .hosts import HostPolicy
from .unpacking import PACKED as _PACKED
from .unpacking import Unpacking

__all__ = ["Answer", "CannotCall", "Client", "Request"]

_CONNECT_S = 10.0
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """For one call of ours, as an async context manager."""

    def __init__(self, policy: HostPolicy) -> None:
        self._policy = policy
        transport = guarded_transport(httpx, httpcore, policy, find=_found)
        self._http = httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=_CONNECT_S),
            headers={"User-Agent": "livegraph", "Accept-Encoding": "gzip, deflate"},
        )

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    async def ask(self, request: Request, most_bytes: int) -> Answer:
        """The answer to ``request``, after redirects, of ``most_bytes`` at most. Raises ``CannotCall``."""
        origin = _origin(request.url)
        for _ in range(_MOST_REDIRECTS + 1):
            if why := self._policy.refuse_url(request.url):
                raise CannotCall(f"the address is not called: {why}")
            answer = await self._once(request, most_bytes)
            where = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not where:
                return answer
            try:
                url = urljoin(request.url, where)
            except ValueError:
                raise CannotCall("the service redirects to what is no address") from None
            if urlsplit(request.url).scheme == "https" and urlsplit(url).scheme == "http":
                raise CannotCall("the service redirects from https to http, which is not followed")
            if why := self._policy.refuse_url(url):
                raise CannotCall(f"the service redirects to an address that is not called: {why}")
            request = _redirected(request, url, answer.status, same=_origin(url) == origin)
        raise CannotCall("the service redirects in a circle")

    async def _once(self, request: Request, most_bytes: int) -> Answer:
        # What is not ASCII goes as UTF-8: a header of an argument may be somebody's name.
        sent = [(name.encode("ascii", "replace"), value.encode()) for name, value in request.headers.items()]
        try:
            async with self._http.stream(
                request.method, request.url, headers=sent, content=request.body
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                if request.method == "HEAD":
                    # Its headers speak of what a GET would bring.
                    return Answer(response.status_code, headers, b"")
                if int(headers.get("content-length", "0") or 0) > most_bytes:
                    raise _too_big(most_bytes)
                encoding = headers.get("content-encoding", "").strip().lower()
                body = await _read(response, encoding, most_bytes)
                return Answer(response.status_code, headers, body)
        except CannotCall:
            raise
        except (httpx.LocalProtocolError, httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise CannotCall("the request cannot be sent as it is") from None
        except httpx.ConnectTimeout:
            raise CannotCall("the service cannot be reached", retryable=True) from None
        except (httpx.HTTPError, httpcore.NetworkError, ssl.SSLError, ValueError) as error:
            raise CannotCall(
                f"the service cannot be reached ({type(error).__name__})", retryable=True
            ) from None


async def _read(response: httpx.Response, encoding: str, most_bytes: int) -> bytes:
    """The body, unpacked no further than ``most_bytes``: a few packed bytes can be a gigabyte."""
    if encoding not in ("", "identity", *_PACKED):
        raise CannotCall(f"the service packs its answer in a way that nobody asked for ({encoding[:20]})")
    packed = Unpacking(encoding, most_bytes) if encoding in _PACKED else None
    whole = bytearray()
    try:
        async for piece in response.aiter_raw():
            whole += piece if packed is None else packed.take(piece)
            if len(whole) > most_bytes:
                raise _too_big(most_bytes)
    except zlib.error:
        raise CannotCall("the service packed its answer wrongly") from None
    if packed is not None and not packed.whole:
        raise CannotCall("the service packed its answer wrongly")
    return bytes(whole)


def _too_big(most_bytes: int) -> CannotCall:
    return CannotCall(f"the answer of the service is too big: more than {most_bytes} bytes")


def _redirected(request: Request, url: str, status: int, *, same: bool) -> Request:
    method, body = request.method, request.body
    if status == 303 or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
    # Another origin gets neither keys nor anything else that was meant for the first.
    headers = dict(request.headers) if same else {"Accept": request.headers.get("Accept", "*/*")}
    if body is None:
        headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    elif not same:
        raise CannotCall("the service redirects what was sent to another host, which does not get it")
    return Request(method, url, headers, body)


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", url, None


async def _found(host: str, port: int) -> list[str]:
    # Asked for at each call: a test may have it find something else.
    return await look_up(host, port)
