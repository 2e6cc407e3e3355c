"""From the pieces of a transcript to utterances as they grow. Pure, bounded."""

from __future__ import annotations

from dataclasses import dataclass

from ..pipeline.frames import Role, TranscriptFrame

__all__ = ["Utterance", "Utterances"]

_MOST_CHARACTERS = 8_000


@dataclass(frozen=True, slots=True)
class Utterance:
    """What ``role`` has said so far, its ``number``-th utterance; ``final`` when it is whole."""

    role: Role
    number: int
    text: str
    final: bool


class Utterances:
    """Puts together what both sides say. Of a very long one the end is kept."""

    def __init__(self) -> None:
        self._texts: dict[Role, str] = {"user": "", "agent": ""}
        self._numbers: dict[Role, int] = {"user": 0, "agent": 0}
        self._open: dict[Role, bool] = {"user": False, "agent": False}

    def feed(self, frame: TranscriptFrame) -> Utterance:
        """A frame of a port ``transcript``: a piece, or with ``final`` the whole."""
        role = frame.role
        if not self._open[role]:
            self._numbers[role] += 1
            self._texts[role] = ""
        self._open[role] = not frame.final
        text = frame.text if frame.final else self._texts[role] + frame.text
        self._texts[role] = text[-_MOST_CHARACTERS:]
        return Utterance(role, self._numbers[role], self._texts[role].strip(), frame.final)
