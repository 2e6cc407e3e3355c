"""Request bodies: bounded while they arrive, then decoded to a type."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from .refusals import Refusal

__all__ = ["media_type", "read_body", "read_json"]

T = TypeVar("T")

_DEADLINE_S = 10.0


async def read_json(request: Request, kind: type[T], *, limit: int) -> T:
    """The body as a ``kind``, at most ``limit`` bytes of it.

    Raises ``Refusal``: 415 for another content type, 413 as soon as the limit is passed, 408 for a body
    that does not arrive, 400 for what is not JSON of this shape.
    """
    media = media_type(request)
    if media != "application/json":
        raise Refusal(
            415,
            "unsupported_media_type",
            f"The body is {media or 'of no stated type'}; expected application/json.",
            "Send JSON with the header Content-Type: application/json.",
        )
    body = await read_body(request, limit=limit)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Refusal(400, "bad_request", f"The body is not as expected: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(400, "bad_json", "The body is not JSON.") from None


def media_type(request: Request) -> str:
    """What a body is said to be, without parameters and in lower case; empty where nothing is said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, *, limit: int) -> bytes:
    """The body, whatever it is, at most ``limit`` bytes of it.

    Raises ``Refusal``: 413 as soon as the limit is passed or promised to be, 408 for a body that does not arrive.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(_DEADLINE_S):
            return await _read(request, limit)
    except TimeoutError:
        raise Refusal(408, "timeout", "The body did not arrive in time.", headers=_CLOSE) from None
    except ClientDisconnect:
        # Nobody reads the answer; what was begun ends here.
        raise Refusal(400, "disconnected", "The body ended early.", headers=_CLOSE) from None


# What is left of the body is not read, so the connection cannot carry another request.
_CLOSE = {"Connection": "close"}


async def _read(request: Request, limit: int) -> bytes:
    pieces = bytearray()
    async for piece in request.stream():
        pieces += piece
        if len(pieces) > limit:
            raise _too_large(limit)
    return bytes(pieces)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "too_large", f"The body is larger than {limit // 1024} KiB.", headers=_CLOSE)
