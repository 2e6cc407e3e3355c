"""Requests that are answered with an error: the status, and the words that the page shows."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .telling import new_id

__all__ = ["Refusal", "answer_http_error", "answer_mistake", "answer_refusal", "refusal_of", "sentence"]


logger = logging.getLogger("livegraph.server")


class Refusal(Exception):
    """A request that is not carried out. ``code`` is for programs, ``message`` and ``remedy`` for people."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        remedy: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.remedy = status, code, message, remedy
        self.headers = dict(headers or {})

    def response(self, **beside: str) -> Response:
        """``{"error": {"code", "message", "remedy"}}``, and what stands ``beside`` it, with the status and headers."""
        error = {"code": self.code, "message": self.message, "remedy": self.remedy}
        return JSONResponse({"error": error, **beside}, self.status, self.headers)


_WORDS = {
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
}


def answer_refusal(_: Request, error: Exception) -> Response:
    """Starlette's handler for ``Refusal``."""
    assert isinstance(error, Refusal)
    return error.response()


def answer_http_error(_: Request, error: Exception) -> Response:
    """Starlette's own errors in the same shape."""
    assert isinstance(error, HTTPException)
    return refusal_of(error).response()


def refusal_of(error: HTTPException) -> Refusal:
    """What Starlette, or a program in its words, has refused."""
    code, message = _WORDS.get(error.status_code, ("refused", str(error.detail)))
    return Refusal(error.status_code, code, message, headers=error.headers)


def answer_mistake(_: Request, error: Exception) -> Response:
    """A mistake of ours: its traceback goes to the log under the number that the caller gets."""
    number = new_id()
    logger.error("error %s: a request failed: %s", number, type(error).__name__)
    return Refusal(
        500,
        "server_error",
        f"The server had a fault (error {number}).",
        "Try again. If it stays, its log names the cause.",
    ).response()


def sentence(error: Exception | str) -> str:
    """A text as a sentence: a capital at its beginning, a full stop at its end."""
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
