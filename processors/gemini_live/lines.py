"""What tools have the agent say and play while the model waits for them: in its own voice, beside the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ...audio import Pcm
from ...audio.resample import Resampler
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
        """Say ``text`` when nothing else is being said; what is returned calls it off while it has not begun."""
        return self._spawn(self._say(text), "line").cancel

    def hold(self, sound: Pcm, rate: int) -> Callable[[], None]:
        """Play ``sound`` again and again until what is returned is called, or the agent or the user speaks."""
        over = asyncio.Event()
        self._spawn(self._hold(sound, rate, over), "hold")
        return over.set

    async def _say(self, text: str) -> None:
        live = self._live()
        line = FallbackLine(text)
        try:
            async with asyncio.timeout(_FETCHED_WITHIN_NS / SECOND):
                await live.prepare(line)
        except TimeoutError:
            # Its sound cannot be had beside the model, which may say it itself.
            live.intake.say(text)
            return
        try:
            async with asyncio.timeout(_SILENT_WITHIN_NS / SECOND):
                await live.heard_out()
        except TimeoutError:
            return
        live.speak(line)

    async def _hold(self, sound: Pcm, rate: int, over: asyncio.Event) -> None:
        pcm = sound if sound.ndim == 1 else sound.mean(axis=1).astype(sound.dtype)
        pcm = pcm if rate == _RATE else Resampler(rate, _RATE).process(pcm)
        live, clock, turns = self._live(), self._call.clock, self._call.turns
        turn = turns.next_turn(self._node)
        live.play(said.StartTurn(turn))
        began_ns, at = clock.now_ns(), 0
        while not over.is_set() and turns.turn == turn and not turns.user_speaking:
            start = at % len(pcm)
            piece = pcm[start : start + _PIECE]
            live.play(said.Audio(turn, piece.astype("<i2").tobytes(), _RATE, at * SECOND // _RATE))
            at += len(piece)
            due_ns = began_ns + at * SECOND // _RATE - _AHEAD_NS
            try:
                async with asyncio.timeout(max(0, due_ns - clock.now_ns()) / SECOND):
                    await over.wait()
            except TimeoutError:
                continue
        length_ns = at * SECOND // _RATE
        for outcome in (
            said.Generated(turn, length_ns),
            said.EndSound(turn),
            said.EndWords(turn, length_ns),
            said.TurnComplete(turn),
        ):
            live.play(outcome)
