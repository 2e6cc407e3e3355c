"""What a Live call is put together from: its patience, its connector, and the one error that it ends with."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...liveapi.models import ModelCapabilities
from ...pipeline.errors import ServiceError
from ...pipeline.running.context import CallContext
from .answers.fallback import FallbackLine
from .answers.policy import AnswerPolicy
from .credentials.provider import Credentials
from .dialogue import outcomes as said
from .dialogue.history import History, HistoryEntry
from .endpoint import Access, Endpoint, LiveConnector, resolve
from .link_tap import LinkTap, tapped
from .settings import Settings

__all__ = ["Role", "answer_policy", "claims_of", "endpoint_of", "first_error"]


def _everything(history: History) -> Sequence[HistoryEntry]:
    return history.entries


@dataclass(frozen=True, slots=True)
class Role:
    """As whom a session speaks, where several do in turn.

    ``opening`` is what it is told to begin with, and answers; ``told`` gives what a new session is told of the
    conversation; ``lines`` are made ready in its voice; ``takes`` answers the functions that hand over, and says
    whether a call is of one of them.
    """

    persona: str = ""
    opening: str = ""
    told: Callable[[History], Sequence[HistoryEntry]] = _everything
    lines: tuple[FallbackLine, ...] = ()
    takes: Callable[[said.CallTool], bool] | None = None


def answer_policy(settings: Settings, can: ModelCapabilities) -> AnswerPolicy:
    """How answers of this model are waited for."""
    answer, config = settings.answer, settings.setup.proactivity
    patience_ns = answer.patience if can.answers else None
    silent = config is not None and bool(config.proactive_audio)
    return AnswerPolicy(patience_ns, answer.retries, silence_is_answer=silent)


def claims_of(call: CallContext, node: str) -> Callable[[str], bool]:
    """What takes the id of a function call for ``node``; ``False`` when another box of the call has it.

    Two models know nothing of each other's ids, and the same tools may answer both.
    """
    owners: dict[str, str] = call.shelf.setdefault("function call ids", {})
    return lambda call_id: owners.setdefault(call_id, node) == node


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error to tell: the service's own before what followed from it."""
    errors: list[BaseException] = []
    for error in group.exceptions:
        errors.append(first_error(error) if isinstance(error, BaseExceptionGroup) else error)
    return next((error for error in errors if isinstance(error, ServiceError)), errors[0])


def endpoint_of(access: Access, resource: Callable[[type[Any]], Any]) -> Endpoint:
    """Where to connect, by the options and by what the call brings along. Raises ``ServiceError``."""
    brought = resource(Credentials)
    if brought is not None and access.credentials is None:
        access = replace(access, credentials=brought)
    endpoint = resolve(access, resource(LiveConnector), os.environ, _websocket_connector)
    return tapped(endpoint, resource(LinkTap))


def _websocket_connector(url: str, label: str) -> LiveConnector:
    """Connections over the network; what it takes loads when it is made."""
    from .connect import WebSocketConnector

    return WebSocketConnector(url, label)
