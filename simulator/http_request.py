"""Just enough of HTTP/1.1 for a server whose clients want a WebSocket or, now and then, a token. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

__all__ = ["HttpReader", "HttpRequest", "HttpResponse"]

_END = b"\r\n\r\n"
_LONGEST_HEAD = 32_768
_LONGEST_BODY = 4_000_000
# Pages of any origin may ask, as they may ask the service; the key is what protects it.
_FOR_BROWSERS = (
    "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET, POST, OPTIONS\r\n"
    "Access-Control-Allow-Headers: *, Authorization, Content-Type, X-Goog-Api-Key, X-Goog-Api-Client\r\n"
    "Access-Control-Max-Age: 3600\r\n"
)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. Header names are in lower case; `raw` is all of it as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    raw: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response after which the connection ends."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"

    @classmethod
    def of_json(cls, value: object, status: int = 200) -> HttpResponse:
        """`value` as JSON."""
        return cls(status, json.dumps(value).encode(), "application/json; charset=utf-8")

    @classmethod
    def error(cls, status: int, reason: str, message: str) -> HttpResponse:
        """An error in the words of Google's APIs."""
        return cls.of_json({"error": {"code": status, "message": message, "status": reason}}, status)

    def encode(self) -> bytes:
        """The bytes."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown"
        head = (
            f"HTTP/1.1 {self.status} {phrase}\r\nContent-Type: {self.content_type}\r\n{_FOR_BROWSERS}"
            f"Content-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + self.body


class HttpReader:
    """Collects bytes until they are a request."""

    def __init__(self) -> None:
        self.broken = False
        """Whether it can be none any more."""
        self._data = bytearray()
        self._whole = 0
        """How many bytes there have to be before it is worth to look again."""

    def feed(self, data: bytes) -> HttpRequest | None:
        """The request, once it is complete."""
        # The end of the head may have begun in what came before.
        sought = max(0, len(self._data) - 3)
        self._data += data
        if self._whole:
            return self._complete(self._data.index(_END)) if len(self._data) >= self._whole else None
        end = self._data.find(_END, sought)
        if end > _LONGEST_HEAD or (end < 0 and len(self._data) > _LONGEST_HEAD):
            self.broken = True
            return None
        return self._complete(end) if end >= 0 else None

    def _complete(self, end: int) -> HttpRequest | None:
        """The request whose head ends there, if its body has come."""
        first, *lines = self._data[:end].decode("latin-1").split("\r\n")
        words = first.split(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "0")
        if (
            len(words) != 3
            or not (length.isascii() and length.isdigit())
            or len(length) > 8
            or int(length) > _LONGEST_BODY
        ):
            self.broken = True
            return None
        if words[0] in ("GET", "OPTIONS"):
            return HttpRequest(words[0], words[1], headers, b"", bytes(self._data))
        if "chunked" in headers.get("transfer-encoding", ""):
            self.broken = True
            return None
        begin = end + len(_END)
        self._whole = begin + int(length)
        if len(self._data) < self._whole:
            return None
        body = bytes(self._data[begin : self._whole])
        return HttpRequest(words[0], words[1], headers, body, bytes(self._data))
