"""Regular expressions over what people say, which cannot stop the loop: each look has a deadline.

A pattern such as ``(a+)+$`` takes years for the right text, and callers choose the text.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

__all__ = ["PatternError", "Phrase", "Slow"]

_WITHIN_S = 0.01
_LONGEST = 2_000
"""Characters at the end of a text that are looked at."""


class PatternError(ValueError):
    """A pattern that is no regular expression."""


class Slow(Exception):
    """A look took too long, and found nothing."""


class Phrase:
    """A regular expression, in any case of letters. Raises ``PatternError``.

    Raises ``Slow`` where a look takes longer than 10 ms of CPU: whoever asks says so once, and goes on.
    """

    def __init__(self, pattern: str, *, flags: int = regex.IGNORECASE) -> None:
        self.pattern = pattern
        try:
            self._compiled = regex.compile(pattern, flags)
        except (regex.error, RecursionError, OverflowError) as error:
            raise PatternError(f"not a regular expression: {error}") from error

    def found(self, text: str) -> bool:
        """Whether it is in ``text``, of which the last 2,000 characters count."""
        try:
            return self._compiled.search(text[-_LONGEST:], timeout=_WITHIN_S) is not None
        except TimeoutError as error:
            raise Slow(self.pattern) from error

    @property
    def groups(self) -> int:
        """How many groups it has."""
        return int(self._compiled.groups)

    def matches(self, text: str) -> list[tuple[int, int, tuple[str | None, ...]]]:
        """Where it is in the whole of ``text``, with the whole and its groups; nothing that is empty."""
        try:
            return [
                (match.start(), match.end(), (match[0], *match.groups()))
                for match in self._compiled.finditer(text, timeout=_WITHIN_S)
                if match.end() > match.start()
            ]
        except TimeoutError as error:
            raise Slow(self.pattern) from error

    def spans(self, text: str, *, within_s: float = _WITHIN_S) -> Iterator[tuple[int, int]]:
        """Where it is in the whole of ``text``, one after the other; nothing that is empty."""
        try:
            for match in self._compiled.finditer(text, timeout=within_s):
                if match.end() > match.start():
                    yield match.span()
        except TimeoutError as error:
            raise Slow(self.pattern) from error

    def __repr__(self) -> str:
        return f"Phrase({self.pattern!r})"
