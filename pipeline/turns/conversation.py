"""The turns of one running call, as processors have them: facts in, decisions out, each at the call's time.

Processors tell it what they know (``user_started``, ``say``, ``played``); an output that plays sound
attaches itself as the playout and is told to pause, resume and flush.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clock import Clock
from ..events import EventBus
from ..frames import Turn, source_of
from .caller import CallerSide
from .controller import TurnController, TurnPolicy, TurnState
from .conversation_policy import Interruptions
from .floor import Floor
from .observers import Witness
from .outputs import Background, Playout

__all__ = ["Conversation", "Playout"]


class Conversation:
    """Facts in, decisions out, each at the call's time.

    Every source of turns (a node that speaks) has a controller of its own: what the user does is told to all, what a
    source does to its own, and each is cut alone. ``state`` is what the user perceives of them together.
    """

    def __init__(
        self, clock: Clock, events: EventBus, policy: TurnPolicy, void: Callable[[int], None]
    ) -> None:
        self._floor = Floor(clock, events, policy, void)
        self._caller = CallerSide(self._floor)
        self.outputs = self._floor.outputs
        """Who plays, and what goes on beneath it."""
        self._source = ""
        """Whose turns are opened here where nobody says whose."""

    def seat(self, source: str) -> Conversation:
        """The same conversation as the node ``source`` has it: turns that it opens are its own."""
        # Each node of each call has one: `copy` would take four times as long.
        seat = object.__new__(Conversation)
        seat.__dict__ = {**self.__dict__, "_source": source}
        return seat

    # What is so --------------------------------------------------------------------------------------

    @property
    def state(self) -> TurnState:
        """What the conversation is doing."""
        return self._floor.sources.state

    @property
    def turn(self) -> int:
        """The newest model turn, 0 before the first."""
        return self._floor.newest

    @property
    def user_speaking(self) -> bool:
        """Whether the user's voice is heard now."""
        return self._floor.sources.user_speaking

    @property
    def gives_way(self) -> bool:
        """Whether the user's voice may stop the agent."""
        return self._floor.sources.give_way

    @property
    def heard_ns(self) -> int:
        """When the caller last heard the agent."""
        return self._floor.outputs.heard_ns

    @property
    def sounds_ns(self) -> int | None:
        """For how long the agent has been heard in this turn; ``None`` while it is not."""
        return self._floor.outputs.sounds_ns(self._floor.clock.now_ns())

    @property
    def background(self) -> Background | None:
        """What goes on beneath the agent's voice; outputs that play in real time mix it in. See ``play_beneath``."""
        return self._floor.outputs.background

    @property
    def muted(self) -> bool:
        """Whether the user is unheard: what they say is as if it were not said."""
        return self._caller.muted

    @property
    def keeps_muted(self) -> bool:
        """Whether what is said unheard is heard later."""
        return self._caller.keeps_muted

    def is_void(self, turn: int) -> bool:
        """Whether nothing more of ``turn`` is heard."""
        return turn <= self._of(turn).voided

    def newest_of(self, source: str) -> int:
        """The newest turn of the node ``source``, 0 before its first."""
        controller = self._floor.sources.known(source)
        return 0 if controller is None else controller.turn

    # How it is led -----------------------------------------------------------------------------------

    def judge_by(self, policy: TurnPolicy) -> None:
        """Judge speech over the agent by ``policy`` from now on; a judgement under way keeps its deadline."""
        self._floor.sources.judge_by(policy)

    def interrupt_by(self, interruptions: Interruptions) -> None:
        """The same of what the policy of the conversation says of it."""
        self._floor.sources.judge_by(interruptions=interruptions)

    def hear(self) -> None:
        """A detector of ours tells when the user speaks: the service's word is judged by it."""
        self._floor.sources.hear()

    def keep_the_floor(self) -> None:
        """A service that lets nobody cut the agent off says so: no policy makes the user's voice stop it any more."""
        self._floor.sources.keep_the_floor()

    def keep_muted(self, keeps: bool) -> None:
        """Whether what is said unheard is heard later, from now on."""
        self._caller.keeps_muted = keeps

    def play_beneath(self, background: Background | None) -> None:
        """From now on ``background`` goes on beneath all that the caller hears; ``None`` for nothing."""
        self._floor.outputs.background = background

    # Who takes part ----------------------------------------------------------------------------------

    def attach(self, playout: Playout) -> None:
        """From now on ``playout`` plays the agent's sound and reports what was heard."""
        self._floor.outputs.playouts.append(playout)

    def watch(self, witness: Witness) -> None:
        """From now on ``witness`` is told what happens; there is one."""
        self._floor.observers.witness = witness

    def on_going_on(self, listener: Callable[[Turn], None]) -> None:
        """Call ``listener`` when a turn goes on that its service had cut, because nobody had interrupted it."""
        self._floor.went_on.append(listener)

    def on_sounded(self, listener: Callable[[Any, int], None]) -> Callable[[], None]:
        """Call ``listener`` with what leaves for the caller's ear: who hears a microphone may hear it again."""
        listeners = self._floor.outputs.listeners
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    # What the user does: it is told to every source --------------------------------------------------

    def user_started(self) -> None:
        """The user's voice began. Telling it twice changes nothing."""
        self._caller.started()

    def user_stopped(self) -> None:
        """The user's voice ended."""
        self._caller.stopped()

    def user_stirred(self) -> None:
        """What may become the user's voice is heard: ``user_started`` follows, or ``user_calmed``."""
        self._caller.stirred()

    def user_calmed(self) -> None:
        """It was none."""
        self._caller.calmed()

    def user_quiet(self) -> None:
        """The user's voice fell silent, and may go on: ``user_stopped`` says that it does not."""
        self._caller.quiet()

    def user_voiced(self) -> None:
        """The user's voice goes on."""
        self._caller.voiced()

    def user_said(self, text: str, *, so_far: bool = False) -> None:
        """The service tells a piece of what the user says, or guesses at all that they have said so far."""
        self._caller.said(text, so_far=so_far)

    def mute(self, on: bool) -> None:
        """Hear nothing of the user from now on, or hear them again: who speaks just then begins to."""
        self._caller.mute(on)

    def user_wrote(self, source: str = "") -> None:
        """The user sent text to ``source``, or to everybody."""
        floor = self._floor
        floor.tell(floor.sources.some(source), TurnController.user_wrote)
        floor.observers.witness.acted()

    def pressed(self, key: str) -> None:
        """The user pressed ``key`` of a telephone."""
        self._floor.observers.witness.pressed(key)

    # What a source does ------------------------------------------------------------------------------

    def next_turn(self, source: str = "", *, line: bool = False) -> Turn:
        """Open a turn of the node ``source``, or of the one whose seat this is, and return it.

        Args:
            line: whether it is no answer, but words that it was given; limits do not count it.
        """
        floor = self._floor
        turn = floor.newest = floor.sources.that_opens(source or self._source).next_turn(line=line)
        return turn

    def cut_by_service(self, turn: Turn) -> None:
        """The service of its source has cut ``turn``; whether nothing more of it is heard, ``is_void`` tells."""
        self._floor.tell([self._of(turn)], lambda one, now_ns: one.cut_by_service(now_ns, turn))

    def interrupted(self, turn: int) -> None:
        """Somebody cut ``turn`` and those of its source before; a plain number cuts every source."""
        floor = self._floor
        if isinstance(turn, Turn):
            floor.tell([self._of(turn)], lambda one, now_ns: one.interrupted(now_ns, turn))
            return
        for controller in floor.sources.everybody():
            controller.cut(turn)
        floor.flush(turn)
        floor.settle()

    def hush(self) -> None:
        """Cut what is being said, whoever says it."""
        self._floor.tell_all(TurnController.hushed)

    def tool_started(self) -> None:
        """The model waits for a function."""
        self._floor.tell_all(TurnController.tool_started)
        self._floor.count_tools(1)

    def tool_finished(self) -> None:
        """A function answered, failed or was cancelled."""
        self._floor.tell_all(TurnController.tool_finished)
        self._floor.count_tools(-1)

    def turn_completed(self, source: str = "") -> None:
        """The server says that the turn of ``source``, or of whoever speaks, is over."""
        self._floor.tell(self._floor.sources.some(source), TurnController.turn_completed)

    def say(self, turn: int, at_ns: int, heard: Callable[[], None]) -> None:
        """Call ``heard`` when the sound of ``turn`` has been played up to ``at_ns``; never if it is cut before."""
        controller = self._of(turn)
        if turn > controller.voided:
            self._floor.outputs.say(controller, turn, at_ns, heard)

    def sounded(self, samples: Any, rate: int) -> None:
        """These samples (int16) of ``rate`` hertz leave for the caller's ear, silence included."""
        for listener in self._floor.outputs.listeners:
            listener(samples, rate)

    def played(self, turn: int, position_ns: int) -> None:
        """The caller has heard ``turn`` up to ``position_ns`` of its sound."""
        self._floor.played(turn, position_ns)

    def played_out(self, turn: int) -> None:
        """The last sound of ``turn`` was heard."""
        self._floor.played_out(self._of(turn), turn)

    def close(self) -> None:
        """The call ends: no timer fires any more, and whatever is still told changes nothing."""
        self._floor.close()

    def _of(self, turn: int) -> TurnController:
        return self._floor.sources.of(source_of(turn))
