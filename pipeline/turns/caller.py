"""What the user does in one call, told to every source: their voice, their words, and whether they are heard."""

from __future__ import annotations

from .controller import TurnController
from .floor import Floor

__all__ = ["CallerSide"]


class CallerSide:
    """The user of one call. Who is muted is as if they said nothing, and begins to speak when they are heard again."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._voice = False
        """Whether the user speaks, heard or not."""
        self.muted = False
        """Whether the user is unheard: what they say is as if it were not said."""
        self.keeps_muted = False
        """Whether what is said unheard is heard later."""

    def started(self) -> None:
        """The user's voice began. Telling it twice changes nothing."""
        if self._voice:
            return
        self._voice = True
        if not self.muted:
            self._begins()
        self._floor.observers.witness.voice(True)

    def stopped(self) -> None:
        """The user's voice ended."""
        if not self._voice:
            return
        self._voice = False
        if self._speaks:
            self._ends()
        self._floor.observers.witness.voice(False)

    def stirred(self) -> None:
        """What may become the user's voice is heard: ``started`` follows, or ``calmed``."""
        if not self.muted and not self._speaks:
            self._floor.tell_all(TurnController.user_stirred)

    def calmed(self) -> None:
        """It was none."""
        if not self._speaks:
            self._floor.tell_all(TurnController.user_calmed)

    def quiet(self) -> None:
        """The user's voice fell silent, and may go on: ``stopped`` says that it does not."""
        if self._speaks:
            self._floor.tell_all(TurnController.user_quiet)

    def voiced(self) -> None:
        """The user's voice goes on."""
        if self._speaks:
            self._floor.tell_all(TurnController.user_voiced)

    def said(self, text: str, *, so_far: bool = False) -> None:
        """The service tells a piece of what the user says, or guesses at all that they have said so far."""
        if not self.muted:
            self._floor.tell_all(lambda controller, now_ns: controller.user_said(now_ns, text, so_far=so_far))

    def mute(self, on: bool) -> None:
        """Hear nothing of the user from now on, or hear them again: who speaks just then begins to."""
        if self.muted is on:
            return
        self.muted = on
        if on and self._speaks:
            self._ends()
        elif not on and self._voice:
            self._begins()

    @property
    def _speaks(self) -> bool:
        return self._floor.sources.user_speaking

    def _begins(self) -> None:
        self._floor.tell_all(TurnController.user_started)
        self._floor.observers.speech(True)

    def _ends(self) -> None:
        self._floor.tell_all(TurnController.user_stopped)
        self._floor.observers.speech(False)
