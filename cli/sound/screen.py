"""What a terminal shows beneath a spoken conversation: how loud both sides are, and whether the microphone is open."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .card import SoundCard

__all__ = ["Screen", "bar", "takes_keys"]

_EVERY_S = 0.1
_WIDTH = 12
_LEAST_DB = -50.0
_QUIT = ("q", "\x04")
_CLEAR = "\r\x1b[K"
_COLUMNS = 80
"""Where a terminal does not say how wide it is."""


def takes_keys() -> bool:
    """Whether somebody sits at a keyboard whose keys can be read one by one."""
    return os.name == "posix" and os.isatty(0)


def bar(level: float, width: int = _WIDTH) -> str:
    """A level, 0 to 1 of full scale, from -50 dB up."""
    db = 20 * math.log10(level) if level > 0 else _LEAST_DB
    filled = round(width * min(1.0, max(0.0, 1 - db / _LEAST_DB)))
    return "\u2588" * filled + "\u2591" * (width - filled)


class Screen:
    """The line at the bottom, and the keys. Without a terminal on stderr, or with one that cannot go back in a line
    (``TERM=dumb``), the microphone's state is said in words when it changes; without one on stdin there are no keys.

    Args:
        quit: called when the person wants to end the call.
        push_to_talk: whether the microphone is closed until the space bar opens it.
    """

    def __init__(self, card: SoundCard, quit: Callable[[], object], *, push_to_talk: bool) -> None:
        self._card = card
        self._quit = quit
        self._shows = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._restore: Callable[[], object] = lambda: None
        card.hears = not push_to_talk

    def clear(self) -> None:
        """Take the line away, for something that is to be printed."""
        if self._shows:
            self._write(_CLEAR)

    def line(self, *, keys: bool = True) -> str:
        """What stands there now; ``keys`` says which there are."""
        mouth = bar(self._card.heard_level) if self._card.hears else "closed".ljust(_WIDTH)
        levels = f"you {mouth}  agent {bar(self._card.played_level)}"
        return f"{levels}  {self._help()}" if keys else levels

    def _help(self) -> str:
        return f"space {'closes' if self._card.hears else 'opens'} the microphone, q ends"

    def press(self, key: str) -> None:
        """A key was pressed."""
        if key == " ":
            self._card.hears = not self._card.hears
            if not self._shows:
                self._write(f"The microphone is {'open' if self._card.hears else 'closed'}.\n")
        elif key in _QUIT:
            self._quit()

    async def show(self) -> None:
        """Until it is cancelled."""
        keys = takes_keys()
        with self._keys(keys), self._beneath_the_log():
            if keys and not self._shows:
                self._write(f"{self._help()}\n")
            try:
                while True:
                    if self._shows:
                        # A line that goes on in a second row cannot be taken away again.
                        self._write(_CLEAR + self.line(keys=keys)[: _columns() - 1])
                    await asyncio.sleep(_EVERY_S)
            finally:
                self.clear()

    def restore(self) -> None:
        """The terminal as it was before, for whoever leaves without waiting for ``show``."""
        self.clear()
        self._restore()

    def _write(self, text: str) -> None:
        try:
            print(text, end="", file=sys.stderr, flush=True)
        except OSError:
            self._shows = False
            self._quit()

    @contextmanager
    def _beneath_the_log(self) -> Iterator[None]:
        """What is logged while the block lasts stands on lines of its own."""

        def make_room(record: logging.LogRecord) -> bool:
            self.clear()
            return True

        handlers = list(logging.getLogger().handlers)
        for handler in handlers:
            handler.addFilter(make_room)
        try:
            yield
        finally:
            for handler in handlers:
                handler.removeFilter(make_room)

    @contextmanager
    def _keys(self, wanted: bool) -> Iterator[None]:
        """Keys are read one by one, and not shown, while the block lasts."""
        if not wanted:
            yield
            return
        import termios
        import tty

        before = termios.tcgetattr(0)

        def restore() -> None:
            with suppress(termios.error):
                termios.tcsetattr(0, termios.TCSADRAIN, before)

        self._restore = restore
        loop = asyncio.get_running_loop()
        tty.setcbreak(0)
        loop.add_reader(0, self._read)
        try:
            yield
        finally:
            loop.remove_reader(0)
            restore()

    def _read(self) -> None:
        try:
            keys = os.read(0, 64)
        except OSError:
            keys = b""
        if not keys:
            # The terminal is gone, and would say so without end.
            asyncio.get_running_loop().remove_reader(0)
            self._quit()
        for key in keys.decode(errors="replace"):
            self.press(key)


def _columns() -> int:
    try:
        return os.get_terminal_size(2).columns or _COLUMNS
    except OSError:
        return _COLUMNS
