"""What runs of an isolated tool in its own process: the function is found there, called, and its result read."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ...pipeline.running.context import set_idempotency_key
from ...pipeline.running.places import Place, found_at
from ...pipeline.running.process_worker import tell
from .context import ToolContext
from .errors import ToolError
from .function import ToolFunction
from .outcome import DistantFault, fault_of
from .results import ToolResult, read_result
from .spoken import Said

__all__ = ["Facts", "run_tool"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a tool may know of its call without asking."""

    call_id: str
    agent: str
    identity: str
    idempotency_key: str
    inputs: Mapping[str, Any]
    transcript: tuple[Said, ...]


def run_tool(
    place: Place, name: str, given: dict[str, Any], facts: Facts, max_media_bytes: int
) -> ToolResult:
    """Call the function at ``place`` with what the model ``given`` for it.

    Raises ``ToolError`` for what the model is to be told, and ``DistantFault`` for whatever else the function raises.
    """
    set_idempotency_key(facts.idempotency_key)
    tell(("begun", (), {}))
    try:
        function = ToolFunction(found_at(place), name)
        value = function.call(function.arguments(given), _DistantContext(facts, name))
        if inspect.isawaitable(value):
            value = asyncio.run(_awaited(value))
        return read_result(value, max_media_bytes)
    except (ToolError, MemoryError):
        raise
    except BaseException as error:
        # The user's code, be it sys.exit: where it failed is known only here.
        raise DistantFault(type(error).__name__, fault_of(error, message=False)) from error


async def _awaited(value: Any) -> Any:
    return await value


class _DistantContext(ToolContext[Any]):
    """The call as a tool sees it from another process: what it does there is asked of the server's."""

    def __init__(self, facts: Facts, name: str) -> None:
        # Not the base's: there is no call here.
        self._facts = facts
        logger = logging.Logger(f"tool {name}")
        logger.addHandler(_Forwarded())
        self.log = logging.LoggerAdapter(logger, {})

    @property
    def call(self) -> NoReturn:
        _only_there("call")

    @property
    def call_id(self) -> str:
        return self._facts.call_id

    @property
    def agent(self) -> str:
        return self._facts.agent

    @property
    def identity(self) -> str:
        return self._facts.identity

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self._facts.inputs

    @property
    def idempotency_key(self) -> str:
        return self._facts.idempotency_key

    @property
    def transcript(self) -> tuple[Said, ...]:
        return self._facts.transcript

    @property
    def state(self) -> NoReturn:
        _only_there("state")

    def resource(self, kind: type[Any]) -> NoReturn:
        _only_there("resource")

    def say(self, text: str) -> None:
        tell(("say", (text,), {}))

    def progress(self, text: str = "", *, fraction: float | None = None) -> None:
        tell(("progress", (text,), {"fraction": fraction}))

    def ask_to_confirm(self, question: str) -> bool:
        agreed: bool = tell(("ask_to_confirm", (question,), {}))
        return agreed

    def transfer(self, to: str, *, summary: str = "", reason: str = "") -> None:
        tell(("transfer", (to,), {"summary": summary, "reason": reason}))

    def end_call(self, text: str = "") -> None:
        tell(("end_call", (text,), {}))

    def with_state(self, kind: Any) -> ToolContext[Any]:
        return self


class _Forwarded(logging.Handler):
    """Log lines of a tool are the server's to write."""

    def emit(self, record: logging.LogRecord) -> None:
        tell(("log", (record.levelno, record.getMessage()), {}))


def _only_there(what: str) -> NoReturn:
    raise RuntimeError(
        f"`ToolContext.{what}` is in the server's process, and this tool runs in one of its own: leave out "
        "`isolation: process` for it, or do without"
    )
