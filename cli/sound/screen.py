"""What a terminal shows beneath a spoken conversation: how loud both sides are, and whether the microphone is open."""

from __future__ import annotations

import asyncio
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .card import SoundCard

__all__ = ["Screen", "bar"]

_EVERY_S = 0.1
_WIDTH = 12
_LEAST_DB = -50.0
_QUIT = ("q", "\x04")
_CLEAR = "\r\x1b[K"


def bar(level: float, width: int = _WIDTH) -> str:
    """A level, 0 to 1 of full scale, from -50 dB up."""
    db = 20 * math.log10(level) if level > 0 else _LEAST_DB
    filled = round(width * min(1.0, max(0.0, 1 - db / _LEAST_DB)))
    return "\u2588" * filled + "\u2591" * (width - filled)


class Screen:
    """The line at the bottom, and the keys. Where stdin or stderr is no terminal there is neither.

    Args:
        quit: called when the person wants to end the call.
        push_to_talk: whether the microphone is closed until the space bar opens it.
    """

    def __init__(self, card: SoundCard, quit: Callable[[], object], *, push_to_talk: bool) -> None:
        self._card = card
        self._quit = quit
        self._shows = sys.stderr.isatty()
        card.hears = not push_to_talk

    def clear(self) -> None:
        """Take the line away, for something that is to be printed."""
        if self._shows:
            print(_CLEAR, end="", file=sys.stderr, flush=True)

    def line(self) -> str:
        """What stands there now."""
        open = self._card.hears
        mouth = bar(self._card.heard_level) if open else "closed".ljust(_WIDTH)
        what = "close" if open else "open"
        return f"you {mouth}  agent {bar(self._card.played_level)}  space {what}s the microphone, q ends"

    def press(self, key: str) -> None:
        """A key was pressed."""
        if key == " ":
            self._card.hears = not self._card.hears
        elif key in _QUIT:
            self._quit()

    async def show(self) -> None:
        """Until it is cancelled."""
        with self._keys():
            try:
                while True:
                    if self._shows:
                        print(_CLEAR + self.line(), end="", file=sys.stderr, flush=True)
                    await asyncio.sleep(_EVERY_S)
            finally:
                self.clear()

    @contextmanager
    def _keys(self) -> Iterator[None]:
        """Keys are read one by one, and not shown, while the block lasts."""
        if os.name != "posix" or not os.isatty(0):
            yield
            return
        import termios
        import tty

        before = termios.tcgetattr(0)
        loop = asyncio.get_running_loop()
        tty.setcbreak(0)
        loop.add_reader(0, self._read)
        try:
            yield
        finally:
            loop.remove_reader(0)
            termios.tcsetattr(0, termios.TCSADRAIN, before)

    def _read(self) -> None:
        for key in os.read(0, 64).decode(errors="replace"):
            self.press(key)
