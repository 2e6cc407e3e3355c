"""What tools have the agent say and play while the model waits for them: in its own voice, beside the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ...audio import Pcm
from ...audio.resample import Resampler
from ...pipeline.frames import Turn
from ...pipeline.processor import Task
from ...pipeline.running.context import CallContext
from ...pipeline.units import MS, SECOND
from .answers.fallback import FallbackLine
from .dialogue import outcomes as said
from .live_call import LiveCall

__all__ = ["Lines"]

_RATE = 24_000
_PIECE = _RATE // 5
_AHEAD_NS = 400 * MS
"""So much of a sound is handed on before its time, so that it has no gaps; and so long it lasts once it is ended."""
_FETCHED_WITHIN_NS = 8 * SECOND
_SILENT_WITHIN_NS = 10 * SECOND
_ANSWERED_WITHIN_NS = 2 * SECOND
"""A sound that fills a silence goes on so long for an answer that does not come."""


class Lines:
    """Of one box in one call.

    Args:
        live: whoever talks now.
        spawn: runs what takes time, as ``Processor.spawn`` does.
    """

    def __init__(
        self,
        node: str,
        call: CallContext,
        live: Callable[[], LiveCall],
        spawn: Callable[[Coroutine[Any, Any, object], str], Task],
    ) -> None:
        self._node = node
        self._call = call
        self._live = live
        self._spawn = spawn

    def say(self, text: str) -> Callable[[], None]:
        """Say ``text`` when nothing else is being said.

        What is returned calls it off while it has not begun; after that it ends where the agent's next words begin.
        """
        begun: list[Turn] = []
        saying = self._spawn(self._say(text, begun), "line")

        def stop() -> None:
            if not begun:
                saying.cancel()
                return
            live = self._live()
            live.ends_with_next(begun[0], lambda: not live.silent)

        return stop

    def hold(self, sound: Pcm, rate: int) -> Callable[[], None]:
        """Play ``sound`` again and again, once nothing is being said, until the agent or the user speaks.

        Where nobody does, it ends soon after what is returned was called.
        """
        over = asyncio.Event()
        begun: list[Turn] = []
        holding = self._spawn(self._hold(sound, rate, begun, over), "hold")

        def stop() -> None:
            over.set()
            if not begun:
                holding.cancel()

        return stop

    async def _say(self, text: str, begun: list[Turn]) -> None:
        live = self._live()
        line = FallbackLine(text)
        try:
            async with asyncio.timeout(_FETCHED_WITHIN_NS / SECOND):
                await live.prepare(line)
        except TimeoutError:
            # Its sound cannot be had beside the model, which may say it itself.
            live.intake.say(text)
            return
        if not await _silent(live):
            return
        turn = live.speak(line)
        if turn is not None:
            begun.append(turn)

    async def _hold(self, sound: Pcm, rate: int, begun: list[Turn], over: asyncio.Event) -> None:
        pcm = sound if sound.ndim == 1 else sound.mean(axis=1).astype(sound.dtype)
        pcm = pcm if rate == _RATE else Resampler(rate, _RATE).process(pcm)
        live, clock, conversation = self._live(), self._call.clock, self._call.conversation
        if not await _silent(live) or conversation.user_speaking:
            # Nobody waits in silence.
            return
        turn = conversation.next_turn(self._node, line=True)
        begun.append(turn)
        live.play(said.StartTurn(turn))
        sounds = True
        live.ends_with_next(turn, lambda: sounds)
        began_ns, at = clock.now_ns(), 0
        until_ns: int | None = None
        while conversation.turn == turn and not conversation.user_speaking:
            if over.is_set() and until_ns is None:
                # It ends with the answer, which takes its time.
                until_ns = clock.now_ns() + _ANSWERED_WITHIN_NS
            if until_ns is not None and clock.now_ns() >= until_ns:
                break
            start = at % len(pcm)
            piece = pcm[start : start + _PIECE]
            live.play(said.Audio(turn, piece.astype("<i2").tobytes(), _RATE, at * SECOND // _RATE))
            at += len(piece)
            await clock.sleep_until_ns(began_ns + at * SECOND // _RATE - _AHEAD_NS)
        sounds = False
        length_ns = at * SECOND // _RATE
        for outcome in (
            said.Generated(turn, length_ns),
            said.EndSound(turn),
            said.EndWords(turn, length_ns),
            said.TurnComplete(turn),
        ):
            live.play(outcome)


async def _silent(live: LiveCall) -> bool:
    """Wait until nothing is being said; false where somebody speaks on and on."""
    try:
        async with asyncio.timeout(_SILENT_WITHIN_NS / SECOND):
            await live.heard_out()
    except TimeoutError:
        return False
    return True
