"""What the caller hears while a tool takes long: begun when it does, and ended with its outcome."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType

from ...audio import Pcm, read_wav
from ...pipeline.processor import OptionFault
from ...pipeline.units import SECOND
from .context import ToolDesk
from .seam import Tool
from .settings import Filler

__all__ = ["Filling", "missing_sounds", "read_filler_sound"]


class Filling:
    """Around one call of a tool."""

    def __init__(
        self, filler: Filler | None, desk: ToolDesk, log: logging.LoggerAdapter[logging.Logger]
    ) -> None:
        self._filler = filler
        self._desk = desk
        self._log = log
        self._timer: asyncio.TimerHandle | None = None
        self._stops: list[Callable[[], None]] = []

    def __enter__(self) -> Filling:
        if self._filler is not None:
            delay_s = self._filler.after_ns / SECOND
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._begin, self._filler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """There is an answer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        stops, self._stops = self._stops, []
        for stop in stops:
            stop()

    def _begin(self, filler: Filler) -> None:
        self._timer = None
        if self._desk.call.conversation.user_speaking:
            # Nobody waits in silence.
            return
        if filler.sound is None:
            # Two that wait side by side need not both say so.
            if filler.say not in self._desk.fillers:
                self._desk.fillers.add(filler.say)
                self._stops += [self._desk.say(filler.say), lambda: self._desk.fillers.discard(filler.say)]
            return
        try:
            sound, rate = read_filler_sound(filler.sound)
        except (OSError, ValueError) as error:
            self._log.warning("%s: the filler %s cannot be read: %s", self._desk.node, filler.sound, error)
            return
        self._stops += [voice.hold_sound(sound, rate) for voice in self._desk.voices()]


@functools.lru_cache(maxsize=16)
def missing_sounds(tools: Iterable[Tool]) -> Iterator[OptionFault]:
    """A fault for each file of their fillers that is not there."""
    fillers = (tool.settings.filler for tool in tools)
    for sound in dict.fromkeys(filler.sound for filler in fillers if filler is not None):
        if sound is not None and not sound.expanduser().is_file():
            yield OptionFault("tools", f"there is no file `{sound.name}`", f"looked in {sound.parent}")


def read_filler_sound(path: Path) -> tuple[Pcm, int]:
    """A WAV file, mono, and its rate. Raises ``OSError`` or ``ValueError``."""
    samples, rate = read_wav(path)
    if not len(samples):
        raise ValueError("there is no sound in it")
    return samples, rate
