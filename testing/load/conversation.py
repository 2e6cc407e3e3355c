"""One caller's conversation with the agent: wait until it has spoken, speak, take the times, speak over it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from .caller import LoadCaller
from .numbers import Seen

__all__ = ["converse"]

_PACKET_S = 0.02
_GREETING_WITHIN_S = 3.0
_SETTLED_S = 0.8
_ANSWER_WITHIN_S = 10.0
_INTERRUPT_AFTER_S = 1.0
_SILENT_WITHIN_S = 5.0


async def converse(caller: LoadCaller, words: Sequence[bytes], seen: Seen, *, interrupt: bool) -> None:
    """Talk with the agent until this is cancelled; ``seen`` gets the times. Without ``words`` there is nothing to say.

    Args:
        words: packets of what the caller says each time.
        interrupt: whether it speaks over each answer.
    """
    if not words:
        return
    await _settled(caller, _GREETING_WITHIN_S)
    while True:
        ended = await caller.say(words)
        seen.said += 1
        answered = await _answer(caller, ended)
        if answered is None:
            continue
        seen.answer_ms.append(1_000 * (answered - ended))
        if interrupt:
            await _interrupt(caller, words, seen)
        await _settled(caller, _ANSWER_WITHIN_S)


async def _settled(caller: LoadCaller, begin_within_s: float) -> None:
    """Wait until the agent has said what it has to say; for it to begin, ``begin_within_s``."""
    began = time.monotonic()
    while True:
        now = time.monotonic()
        quiet = caller.hearing.quiet_for(now)
        if quiet > _SETTLED_S and (quiet < now - began or now - began > begin_within_s):
            return
        await asyncio.sleep(0.1)


async def _answer(caller: LoadCaller, ended: float) -> float | None:
    heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    caller.hearing.next_sound(ended, lambda at: None if heard.done() else heard.set_result(at))
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            return await heard
    except TimeoutError:
        return None


async def _interrupt(caller: LoadCaller, words: Sequence[bytes], seen: Seen) -> None:
    """Speak over the agent, where it still speaks, and see how long it goes on."""
    await asyncio.sleep(_INTERRUPT_AFTER_S)
    if not caller.hearing.speaking(time.monotonic()):
        return
    began = time.monotonic()
    saying = caller.say(words)
    while time.monotonic() - began < _SILENT_WITHIN_S:
        await asyncio.sleep(_PACKET_S)
        last = caller.hearing.last_sound_s
        if last is not None and not caller.hearing.speaking(time.monotonic()):
            # An answer that was over before the caller spoke was not interrupted.
            if last > began:
                seen.silence_ms.append(1_000 * (last + _PACKET_S - began))
            break
    ended = await saying
    seen.said += 1
    answered = await _answer(caller, ended)
    if answered is not None:
        seen.answer_ms.append(1_000 * (answered - ended))
