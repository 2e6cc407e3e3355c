"""What a caller is told of an error: a code, a sentence of ours, and an id that the log has as well.

The text of an exception never leaves: it may hold a password, a path, or what another caller said.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from ..pipeline.errors import (
    ConfigError,
    LivegraphError,
    ProcessorError,
    ServiceError,
    StalledError,
    StartError,
    TransportError,
)

__all__ = ["Told", "new_id", "told"]


@dataclass(frozen=True, slots=True)
class Told:
    """One error in words that are fit for anybody."""

    code: str
    message: str
    remedy: str
    id: str


_AGAIN = "Call again. If it stays, tell the people who run this server the number of the error."
_WORDS = {
    "agent_did_not_start": ("The agent could not start.", _AGAIN),
    "agent_stalled": ("A part of the agent stopped answering.", _AGAIN),
    "agent_failed": ("A part of the agent failed.", _AGAIN),
    "model_refused": (
        "The model refused the call.",
        "The people who run this server find the cause in its log.",
    ),
    "model_lost": ("The connection to the model was lost.", "Call again in a while."),
    "connection_lost": ("The connection of the call was lost.", "Call again."),
    "bad_agent": (
        "The agent cannot run as it is set up.",
        "The people who run this server find the cause in its log.",
    ),
    "server_error": ("The server had a fault.", _AGAIN),
}


def told(error: BaseException, id: str = "") -> Told:
    """What may be said of ``error``."""
    code = _code(error)
    message, remedy = _WORDS[code]
    return Told(code, message, remedy, id or new_id())


def new_id() -> str:
    """A number for an error, short enough to be read out over the telephone."""
    return secrets.token_hex(4)


def _code(error: BaseException) -> str:
    service = _service(error)
    if service is not None:
        return "model_lost" if service.retryable else "model_refused"
    match error:
        case StartError():
            return "agent_did_not_start"
        case StalledError():
            return "agent_stalled"
        case ProcessorError():
            return "agent_failed"
        case TransportError():
            return "connection_lost"
        case ConfigError():
            return "bad_agent"
        case LivegraphError():
            return "agent_failed"
        case _:
            return "server_error"


def _service(error: BaseException) -> ServiceError | None:
    """The service's refusal behind an error, however often it was wrapped on the way."""
    found: BaseException | None = error
    for _ in range(8):
        if found is None or isinstance(found, ServiceError):
            return found
        found = found.__cause__
    return None
