"""The model's turn under way, or the last one, as the watch over answers sees it. Pure."""

from __future__ import annotations

__all__ = ["AnswerTurn"]


class AnswerTurn:
    """What has come of it, and when."""

    __slots__ = ("began_ns", "generated", "last_ns", "number", "open", "sound_ns", "sounds", "words")

    def __init__(self) -> None:
        self.number = 0
        self.open = self.sounds = self.generated = False
        self.words = ""
        self.began_ns = self.sound_ns = self.last_ns = 0

    @property
    def quiet_from_ns(self) -> int:
        """When the caller has heard all sound that has come, if nothing else has come since."""
        return max(self.began_ns + self.sound_ns, self.last_ns)

    def begin(self, now_ns: int, number: int) -> None:
        """Another turn begins."""
        self.number, self.open = number, True
        self.sounds = self.generated = False
        self.words, self.sound_ns, self.began_ns = "", 0, now_ns

    def hear(self, now_ns: int, length_ns: int) -> int:
        """Sound has come; returns how long the caller had heard nothing in the middle of the turn."""
        silent_ns = 0
        if self.sounds:
            silent_ns = max(0, now_ns - self.quiet_from_ns)
            # What follows is played from now on.
            self.began_ns += silent_ns
        else:
            self.sounds, self.began_ns = True, now_ns
        self.sound_ns += length_ns
        self.last_ns = now_ns
        return silent_ns

    def close(self) -> None:
        """Nothing more of it follows."""
        self.open = self.sounds = self.generated = False
        self.words, self.sound_ns = "", 0
