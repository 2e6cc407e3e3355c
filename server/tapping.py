"""Looking into a call from outside: the frames that leave one output, as lines of JSON, while somebody reads.

A line is an object with ``type``: first ``tap`` (what is looked at), then one for each frame (see ``frame_json``),
``lost`` where the reader was too slow, and ``end`` with ``why``: ``call`` or ``stream``. Empty lines say that nothing
happens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import msgspec
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from ..pipeline.frames import Frame
from ..pipeline.graph.resolve import output_of
from ..pipeline.running.call import Call
from ..pipeline.units import MS
from .access.grant import ReportLevel
from .calls.listing import outputs_of
from .frame_json import frame_json
from .refusals import Refusal, sentence

__all__ = ["TapResponse", "Tapping", "check_level"]

logger = logging.getLogger("livegraph.server")

_MOST_READERS = 16
_QUIET_S = 10.0
"""After which a reader is told that nothing has happened, so that a dead connection can be told from a quiet one."""
_STANDSTILL_S = 300
"""For a reader to take one line: a terminal may be held for a while."""


def check_level(level: ReportLevel, *, sound: bool) -> None:
    """Raise ``Refusal`` (403) when nothing may be seen, or no sound may be heard."""
    if level == "none":
        raise Refusal(
            403, "taps_off", "This server lets nobody look into its calls.", "It runs with --taps none."
        )
    if sound and level != "full":
        raise Refusal(
            403, "taps_without_sound", "This server lets nobody hear its calls.", "It runs with --taps names."
        )


class Tapping:
    """Those who look into the calls of one process; so many at a time."""

    def __init__(self) -> None:
        self._readers = 0

    def look(self, call: Call, port: str, level: ReportLevel, *, sound: bool) -> AsyncGenerator[bytes]:
        """The frames of the output ``port`` (``NODE.PORT``, or a node that has one output) from now on, as lines.

        Raises ``Refusal``: 404 for an output that there is not, 503 for one reader too many.
        """
        if self._readers >= _MOST_READERS:
            raise Refusal(
                503, "too_many_taps", f"{_MOST_READERS} others look into calls already.", "End one of them."
            )
        try:
            node, output = output_of(port, call.nodes)
        except KeyError as error:
            raise Refusal(404, "output_unknown", *_in_sentences(str(error.args[0]))) from None
        logger.info("%s: an operator looks at %s.%s", call.id, node, output)
        return self._lines(call, f"{node}.{output}", level, sound)

    async def _lines(self, call: Call, port: str, level: ReportLevel, sound: bool) -> AsyncGenerator[bytes]:
        self._readers += 1
        tap = call.tap(port)
        frames = aiter(tap)
        lost = lost_ns = 0
        waiting: asyncio.Task[Frame | None] | None = None
        try:
            carries = next(one["carries"] for one in outputs_of(call) if one["port"] == port)
            yield _line({"type": "tap", "call": call.id, "port": port, "carries": carries})
            while True:
                waiting = waiting or asyncio.ensure_future(_next(frames))
                done, _ = await asyncio.wait({waiting}, timeout=_QUIET_S)
                if not done:
                    yield b"\n"
                    continue
                frame, waiting = waiting.result(), None
                if tap.lost > lost:
                    yield _line(
                        {"type": "lost", "frames": tap.lost - lost, "ms": (tap.lost_ns - lost_ns) // MS}
                    )
                    lost, lost_ns = tap.lost, tap.lost_ns
                if frame is None:
                    break
                yield _line(frame_json(frame, call.clock.now_ns(), level, sound=sound))
            yield _line({"type": "end", "why": "call" if call.over else "stream"})
        finally:
            self._readers -= 1
            tap.close()
            if waiting is not None:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)


class TapResponse(StreamingResponse):
    """The lines of a tap, for as long as they are read; a reader who stands still for minutes is given up."""

    def __init__(self, lines: AsyncGenerator[bytes]) -> None:
        super().__init__(lines, media_type="application/x-ndjson", headers={"Cache-Control": "no-store"})
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one reader."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(_STANDSTILL_S):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except* TimeoutError:
            logger.info("an operator's tap was not read for %d s and is closed", _STANDSTILL_S)
        finally:
            # A generator that waits to be asked again is not cancelled with whoever asked.
            await self._lines.aclose()


async def _next(frames: AsyncIterator[Frame]) -> Frame | None:
    """The next frame; ``None`` when there is none."""
    return await anext(frames, None)


def _in_sentences(told: str) -> tuple[str, str]:
    """What the engine says of an output that there is not: a sentence, and what helps."""
    message, _, hint = told.partition("; ")
    return sentence(message.replace("`", "'")), hint.replace("`", "'")


def _line(told: dict[str, Any]) -> bytes:
    return msgspec.json.encode(told) + b"\n"
