"""Who is at the other end of a line that we called: a person, a machine, or nobody. Pure; time is an argument.

A person says a word or two and waits. A machine speaks on, and says what machines say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..units import MS
from .conversation_policy import Outbound
from .words import holds_phrase

__all__ = ["Answering"]

_HELLO_NS = 400 * MS
"""The silence after a person's first words, beyond what a detector takes to be sure of it."""
_DONE_NS = 1_200 * MS
"""The silence after a machine's words: its tone is part of them."""
_WORDS_NS = 15_000 * MS
"""Words of a machine come within that; later, they are the caller's."""


class Answering:
    """The beginning of one call that we made."""

    def __init__(self, policy: Outbound, now_ns: int) -> None:
        self.policy = policy
        self._began_ns = now_ns
        self._voice_ns: int | None = None
        """Since when there is a voice; ``None`` while there is none."""
        self._quiet_ns = now_ns
        self._heard = self._machine = False
        self.settled = False
        """Whether the agent has begun to speak, to a person as it seems. Only words can show a machine then."""

    def voice(self, now_ns: int, *, on: bool) -> None:
        """A voice began or ended."""
        if on:
            self._heard = True
            self._voice_ns = now_ns if self._voice_ns is None else self._voice_ns
        else:
            self._machine = self._machine or self._is_long(now_ns)
            self._voice_ns, self._quiet_ns = None, now_ns

    def words(self, now_ns: int, words: Sequence[str]) -> None:
        """Somebody there has said this."""
        if now_ns < self._began_ns + _WORDS_NS:
            self._machine = self._machine or any(holds_phrase(words, one) for one in self.policy.phrases)

    @property
    def deadline_ns(self) -> int | None:
        """When the verdict may be another."""
        machine_ns = 0 if self.settled else self.policy.machine_ns
        if self._voice_ns is not None:
            return self._voice_ns + machine_ns if machine_ns and not self._machine else None
        if self._machine:
            return self._quiet_ns + _DONE_NS
        if self._heard:
            return None if self.settled else self._quiet_ns + _HELLO_NS
        silence_ns, give_up_ns = self.policy.silence_ns, self.policy.give_up_ns
        found = [self._began_ns + silence_ns] if silence_ns and not self.settled else []
        return min([*found, self._began_ns + give_up_ns] if give_up_ns else found, default=None)

    def verdict(self, now_ns: int) -> Literal["unknown", "person", "machine", "silence", "nobody"]:
        """Who it is, as far as that is known by now; ``silence``: nobody has said anything yet, for too long."""
        if self._voice_ns is not None:
            self._machine = self._machine or self._is_long(now_ns)
            return "machine" if self._machine and not self.policy.message else "unknown"
        if self._machine:
            done = not self.policy.message or now_ns >= self._quiet_ns + _DONE_NS
            return "machine" if done else "unknown"
        if self._heard:
            return "person" if now_ns >= self._quiet_ns + _HELLO_NS else "unknown"
        if self.policy.give_up_ns and now_ns >= self._began_ns + self.policy.give_up_ns:
            return "nobody"
        if self.policy.silence_ns and now_ns >= self._began_ns + self.policy.silence_ns:
            return "silence"
        return "unknown"

    def _is_long(self, now_ns: int) -> bool:
        machine_ns = 0 if self.settled else self.policy.machine_ns
        return bool(machine_ns) and self._voice_ns is not None and now_ns >= self._voice_ns + machine_ns
