"""What a program around an agent and a caller's page say to each other, beside the conversation."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from ...pipeline.events import CallEnded, CallStarted
from ...pipeline.running.call import Call
from ..protocol import Ask, FromCaller, Message, Reply
from ..telling import new_id
from .leg import Leg

__all__ = ["Answerer", "PageMessages"]

logger = logging.getLogger("livegraph.server")

Answerer = Callable[[Any], Any]
"""Takes what the page has sent along, and gives, or promises, the answer, which is JSON. What it raises as
``LookupError`` or ``ValueError`` is told to the page in its own words."""

_MOST_UNDER_WAY = 16
_WITHIN_S = 60.0
"""The page's own deadline comes first: in Pipecat's clients 10 s, or what the request was given."""


class PageMessages:
    """One caller's: made before its call, and a resource of it, so that tools and boxes find it too."""

    def __init__(self) -> None:
        self._answerers: dict[str, Answerer] = {}
        self._leg: Leg | None = None
        self._waiting: list[Any] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, name: str, answerer: Answerer) -> None:
        """Have what the page asks by this name answered by ``answerer``, plain or ``async``."""
        self._answerers[name] = answerer

    def send(self, data: Any) -> None:
        """Tell the page ``data``: once its call runs, and as long as it does. Never waits.

        Raises ``TypeError`` for what is not JSON.
        """
        data = msgspec.to_builtins(data)
        if self._leg is None:
            self._waiting.append(data)
        else:
            self._leg.tell(Message(data=data))

    def attach(self, call: Call, leg: Leg) -> None:
        """From the start of ``call`` on the page is ``leg``'s."""

        def begin(_: CallStarted) -> None:
            self._leg = leg
            leg.listen(self._heard)
            waiting, self._waiting = self._waiting, []
            for data in waiting:
                self.send(data)

        call.events.subscribe(CallStarted, begin)
        call.events.subscribe(CallEnded, self._over)

    async def _over(self, _: CallEnded) -> None:
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _heard(self, message: FromCaller) -> None:
        if not isinstance(message, Ask):
            return
        if len(self._tasks) >= _MOST_UNDER_WAY:
            self._reply(message, False, "Too much is asked at a time.")
            return
        task = asyncio.get_running_loop().create_task(self._answer(message), name=f"ask {message.name[:20]}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, asked: Ask) -> None:
        answerer = self._answerers.get(asked.name)
        if answerer is None:
            self._reply(asked, False, f"Nobody here answers to {asked.name[:60]!r}.")
            return
        try:
            async with asyncio.timeout(_WITHIN_S):
                answer = answerer(asked.data)
                if inspect.isawaitable(answer):
                    answer = await answer
            answer = msgspec.to_builtins(answer)
        except TimeoutError:
            self._reply(asked, False, "The answer did not come in time.")
        except (LookupError, ValueError) as wrong:
            self._reply(asked, False, str(wrong.args[0] if wrong.args else wrong))
        except Exception:
            # A mistake of whoever wrote the program: its log has it, the page a number.
            number = new_id()
            logger.exception("error %s: what answers %r failed", number, asked.name)
            self._reply(asked, False, f"The server had a fault (error {number}).")
        else:
            self._reply(asked, True, answer)

    def _reply(self, asked: Ask, ok: bool, data: Any) -> None:
        if self._leg is not None:
            self._leg.tell(Reply(id=asked.id, ok=ok, data=data))
