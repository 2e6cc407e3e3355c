"""Functions of the program around us, asked while a caller waits: in bounded time; their faults are the operator's."""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException

from .arguments import WrongArgument
from .refusals import Refusal, refusal_of
from .telling import new_id

__all__ = ["HookFailed", "ask", "hook_failed"]

logger = logging.getLogger("livegraph.server")

_WITHIN_S = 5.0


class HookFailed(Exception):
    """A function of the program failed, and the log says how, under this ``number``."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number


async def ask(name: str, hook: Callable[..., Any], *given: Any) -> Any:
    """What ``hook(*given)`` gives back, whether it is plain or ``async``.

    Raises ``Refusal`` where it does so, or raises Starlette's ``HTTPException``; ``HookFailed`` for whatever else it
    raises, and after five seconds.
    """
    waiting = asyncio.timeout(_WITHIN_S)
    try:
        async with waiting:
            result = hook(*given)
            return await result if inspect.isawaitable(result) else result
    except Refusal:
        raise
    except HTTPException as refused:
        raise refusal_of(refused) from None
    except Exception as error:
        # Whoever wrote it finds the place; what the exception says may be a secret, and is told at the level of debug.
        if waiting.expired():
            raise hook_failed(f"{name} did not answer within {_WITHIN_S:g} s") from None
        said = str(error) if isinstance(error, WrongArgument) else f"{type(error).__name__}{_place(error)}"
        raise hook_failed(f"{name} failed: {said}", error) from None


def hook_failed(what: str, error: BaseException | None = None) -> HookFailed:
    """Log that a function of the program is at fault; what is to be raised then."""
    number = new_id()
    logger.error("error %s: %s", number, what)
    if error is not None:
        logger.debug("error %s", number, exc_info=error)
    return HookFailed(number)


def _place(error: BaseException) -> str:
    """Where it was raised, as far as it was in Python."""
    frames = traceback.extract_tb(error.__traceback__)
    # The first is the call above.
    return f" at {frames[-1].filename}:{frames[-1].lineno} ({frames[-1].name})" if len(frames) > 1 else ""
