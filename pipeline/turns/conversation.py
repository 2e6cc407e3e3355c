"""The turns of one running call: carries facts to the controller and its decisions to the engine.

Processors tell it what they know (``user_started``, ``say``, ``played``); an output that plays sound
attaches itself as the playout and is told to pause, resume and flush.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Protocol

from ..clock import Clock
from ..events import EventBus, Interrupted, SpeechChanged, StateChanged
from ..frames import Turn, source_of
from ..units import SECOND
from .controller import Decision, Flush, Pause, TurnController, TurnPolicy, TurnState
from .conversation_policy import Interruptions
from .heard_queue import HeardQueue

__all__ = ["Conversation", "Playout"]

_PERCEIVED_FIRST = (
    TurnState.PAUSED,
    TurnState.SPEAKING,
    TurnState.INTERRUPTED,
    TurnState.THINKING,
    TurnState.LISTENING,
)
"""Of several sources, the state of the one that is heard counts."""


class Playout(Protocol):
    """What an output that plays sound does for the conversation. All at once, none waits."""

    def pause(self) -> None:
        """Stop the sound, keep what is queued."""
        ...

    def resume(self) -> None:
        """Go on from the paused sample."""
        ...

    def flush(self, turn: int) -> None:
        """Drop what is queued of turns of its source up to ``turn``. Ends a pause."""
        ...


class Witness(Protocol):
    """Who is told what happens in the conversation as a whole. All at once, none waits."""

    def voice(self, on: bool) -> None:
        """The user's voice begins or ends, whether it is heard or not."""
        ...

    def acted(self) -> None:
        """The user wrote."""
        ...

    def pressed(self, key: str) -> None:
        """The user pressed a key."""
        ...

    def sound(self, turn: int, on: bool) -> None:
        """The first sound of ``turn`` was heard, or its last, or it was cut."""
        ...

    def thinking(self, on: bool) -> None:
        """An answer is due, or is not any more."""
        ...

    def tools(self, pending: int) -> None:
        """So many functions are at work."""
        ...


class Beneath(Protocol):
    """What goes on beneath the sound of one output."""

    def under(self, sound: Any) -> Any:
        """``sound`` (int16 samples) with the next of it beneath."""
        ...


class Background(Protocol):
    """A sound that goes on beneath all that the caller hears."""

    def under(self, rate: int) -> Beneath:
        """What an output that plays at ``rate`` mixes in; each has its own."""
        ...


class Conversation:
    """Facts in, decisions out, each at the call's time.

    Every source of turns (a node that speaks) has a controller of its own: what the user does is told to all, what a
    source does to its own, and each is cut alone. ``state`` is what the user perceives of them together.
    """

    def __init__(
        self, clock: Clock, events: EventBus, policy: TurnPolicy, void: Callable[[int], None]
    ) -> None:
        self._clock = clock
        self._events = events
        self._policy = policy
        # Before anybody speaks there is one of no name; the first source takes it over.
        self._controllers: dict[str, TurnController] = {"": TurnController(policy)}
        self._turn: int = 0
        self._uninterruptible = self._hears = False
        self._interruptions = Interruptions()
        self._void = void
        self._playouts: list[Playout] = []
        self._heard: defaultdict[TurnController, HeardQueue[Callable[[], None]]] = defaultdict(HeardQueue)
        self._timer: asyncio.TimerHandle | None = None
        self._shown: TurnState = TurnState.LISTENING
        self._closed = False
        self.background: Background | None = None
        """What goes on beneath the agent's voice; outputs that play in real time mix it in. See ``play_beneath``."""
        self._witness: Witness | None = None
        self._went_on: list[Callable[[Turn], None]] = []
        self._voice = False
        """Whether the user speaks, heard or not."""
        self._sounds: dict[str, int] = {}
        """The turn of each source that is heard."""
        self._sounds_since_ns = 0
        self._listeners: list[Callable[[Any, int], None]] = []
        self._tools_pending = 0
        self.muted = False
        """Whether the user is unheard: what they say is as if it were not said."""
        self.keeps_muted = False
        """Whether what is said unheard is heard later."""
        self.heard_ns = 0
        """When the caller last heard the agent."""

    @property
    def state(self) -> TurnState:
        """What the conversation is doing."""
        if len(self._controllers) == 1:
            return next(iter(self._controllers.values())).state
        states = {controller.state for controller in self._controllers.values()}
        return next((state for state in _PERCEIVED_FIRST if state in states), TurnState.LISTENING)

    @property
    def turn(self) -> int:
        """The newest model turn, 0 before the first."""
        return self._turn

    @property
    def user_speaking(self) -> bool:
        """Whether the user's voice is heard now."""
        return any(controller.user_speaking for controller in self._controllers.values())

    def judge_by(self, policy: TurnPolicy) -> None:
        """Judge speech over the agent by ``policy`` from now on; a judgement under way keeps its deadline."""
        self._policy = replace(policy, barge_in=False) if self._uninterruptible else policy
        for controller in self._controllers.values():
            self._instruct(controller)

    def interrupt_by(self, interruptions: Interruptions) -> None:
        """The same of what the policy of the conversation says of it."""
        self._interruptions = interruptions
        self.judge_by(self._policy)

    def hear(self) -> None:
        """A detector of ours tells when the user speaks: the service's word is judged by it."""
        self._hears = True
        self.judge_by(self._policy)

    def _instruct(self, controller: TurnController) -> None:
        controller.policy = self._policy
        controller.interruptions, controller.hears = self._interruptions, self._hears

    def keep_the_floor(self) -> None:
        """A service that lets nobody cut the agent off says so: no policy makes the user's voice stop it any more."""
        self._uninterruptible = True
        self.judge_by(self._policy)

    def attach(self, playout: Playout) -> None:
        """From now on ``playout`` plays the agent's sound and reports what was heard."""
        self._playouts.append(playout)

    def watch(self, witness: Witness) -> None:
        """From now on ``witness`` is told what happens; there is one."""
        self._witness = witness

    @property
    def gives_way(self) -> bool:
        """Whether the user's voice may stop the agent."""
        return all(controller.gives_way for controller in self._controllers.values())

    def on_going_on(self, listener: Callable[[Turn], None]) -> None:
        """Call ``listener`` when a turn goes on that its service had cut, because nobody had interrupted it."""
        self._went_on.append(listener)

    def is_void(self, turn: int) -> bool:
        """Whether nothing more of ``turn`` is heard."""
        return turn <= self._of(source_of(turn)).voided

    def newest_of(self, source: str) -> int:
        """The newest turn of the node ``source``, 0 before its first."""
        controller = self._controllers.get(source)
        return 0 if controller is None else controller.turn

    def play_beneath(self, background: Background | None) -> None:
        """From now on ``background`` goes on beneath all that the caller hears; ``None`` for nothing."""
        self.background = background

    def next_turn(self, source: str = "") -> Turn:
        """Open a turn of the node ``source`` and return it."""
        turn = self._turn = self._opened_by(source).next_turn()
        return turn

    def seat(self, source: str) -> Conversation:
        """The same conversation as the node ``source`` has it: turns that it opens are its own."""
        return _Seat(self, source)

    # What the user does: it is told to every source --------------------------------------------------

    def user_started(self) -> None:
        """The user's voice began. Telling it twice changes nothing."""
        if self._voice:
            return
        self._voice = True
        if not self.muted:
            self._tell(self._everybody(), TurnController.user_started)
            self._show_speech(True)
        if self._witness is not None:
            self._witness.voice(True)

    def user_stopped(self) -> None:
        """The user's voice ended."""
        if not self._voice:
            return
        self._voice = False
        if self.user_speaking:
            self._tell(self._everybody(), TurnController.user_stopped)
            self._show_speech(False)
        if self._witness is not None:
            self._witness.voice(False)

    def user_stirred(self) -> None:
        """What may become the user's voice is heard: ``user_started`` follows, or ``user_calmed``."""
        if not self.muted and not self.user_speaking:
            self._tell(self._everybody(), TurnController.user_stirred)

    def user_calmed(self) -> None:
        """It was none."""
        if not self.user_speaking:
            self._tell(self._everybody(), TurnController.user_calmed)

    def user_quiet(self) -> None:
        """The user's voice fell silent, and may go on: ``user_stopped`` says that it does not."""
        if self.user_speaking:
            self._tell(self._everybody(), TurnController.user_quiet)

    def user_voiced(self) -> None:
        """The user's voice goes on."""
        if self.user_speaking:
            self._tell(self._everybody(), TurnController.user_voiced)

    def user_wrote(self, source: str = "") -> None:
        """The user sent text to ``source``, or to everybody."""
        self._tell([self._of(source)] if source else self._everybody(), TurnController.user_wrote)
        if self._witness is not None:
            self._witness.acted()

    def pressed(self, key: str) -> None:
        """The user pressed ``key`` of a telephone."""
        if self._witness is not None:
            self._witness.pressed(key)

    def mute(self, on: bool) -> None:
        """Hear nothing of the user from now on, or hear them again: who speaks just then begins to."""
        if self.muted is on:
            return
        self.muted = on
        if on and self.user_speaking:
            self._tell(self._everybody(), TurnController.user_stopped)
            self._show_speech(False)
        elif not on and self._voice:
            self._tell(self._everybody(), TurnController.user_started)
            self._show_speech(True)

    def user_said(self, text: str) -> None:
        """The service tells a piece of what the user says."""
        if not self.muted:
            self._tell(self._everybody(), lambda controller, now_ns: controller.user_said(now_ns, text))

    # What a source does ------------------------------------------------------------------------------

    def cut_by_service(self, turn: Turn) -> None:
        """The service of its source has cut ``turn``; whether nothing more of it is heard, ``is_void`` tells."""
        controller = self._of(turn.source)
        self._carry_out(controller, controller.cut_by_service(self._clock.now_ns(), turn))
        self._settle()

    def interrupted(self, turn: int) -> None:
        """Somebody cut ``turn`` and those of its source before; a plain number cuts every source."""
        now_ns = self._clock.now_ns()
        if isinstance(turn, Turn):
            controller = self._of(turn.source)
            self._carry_out(controller, controller.interrupted(now_ns, turn))
            self._settle()
            return
        for controller in self._controllers.values():
            controller.cut(turn)
        if not self._closed:
            self._flush(turn)
        self._settle()

    def tool_started(self) -> None:
        """The model waits for a function."""
        self._tell(self._everybody(), TurnController.tool_started)
        self._count_tools(1)

    def tool_finished(self) -> None:
        """A function answered, failed or was cancelled."""
        self._tell(self._everybody(), TurnController.tool_finished)
        self._count_tools(-1)

    def turn_completed(self, source: str = "") -> None:
        """The server says that the turn of ``source``, or of whoever speaks, is over."""
        self._tell([self._of(source)] if source else self._everybody(), TurnController.turn_completed)

    def say(self, turn: int, at_ns: int, heard: Callable[[], None]) -> None:
        """Call ``heard`` when the sound of ``turn`` has been played up to ``at_ns``; never if it is cut before."""
        controller = self._of(source_of(turn))
        if turn <= controller.voided:
            return
        if not self._playouts:
            heard()
            return
        for released in self._heard[controller].add(turn, at_ns, heard):
            released()

    def sounded(self, samples: Any, rate: int) -> None:
        """These samples (int16) of ``rate`` hertz leave for the caller's ear, silence included."""
        for listener in self._listeners:
            listener(samples, rate)

    def on_sounded(self, listener: Callable[[Any, int], None]) -> Callable[[], None]:
        """Call ``listener`` with what leaves for the caller's ear: who hears a microphone may hear it again."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def sounds_ns(self) -> int | None:
        """For how long the agent has been heard in this turn; ``None`` while it is not."""
        return self._clock.now_ns() - self._sounds_since_ns if self._sounds else None

    def played(self, turn: int, position_ns: int) -> None:
        """The caller has heard ``turn`` up to ``position_ns`` of its sound."""
        controller = self._of(source_of(turn))
        now_ns = self.heard_ns = self._clock.now_ns()
        if self._sounds.get(controller.source) != turn and turn > controller.voided:
            self._sound_ends(controller.source)
            self._sounds[controller.source] = turn
            self._sounds_since_ns = now_ns
            if self._witness is not None:
                self._witness.sound(turn, True)
        if controller.state is not TurnState.SPEAKING:
            self._carry_out(controller, controller.playing(now_ns, turn))
            for other in self._everybody():
                if other is not controller:
                    self._carry_out(other, other.another_answers(now_ns))
            self._settle()
        if heard := self._heard[controller]:
            for released in heard.played(turn, position_ns):
                released()

    def played_out(self, turn: int) -> None:
        """The last sound of ``turn`` was heard."""
        controller = self._of(source_of(turn))
        for released in self._heard[controller].finished(turn):
            released()
        self._carry_out(controller, controller.played_out(self._clock.now_ns(), turn))
        if self._sounds.get(controller.source) == turn:
            self._sound_ends(controller.source)
        self._settle()

    def close(self) -> None:
        """The call ends: no timer fires any more, and whatever is still told changes nothing."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -------------------------------------------------------------------------------------------------

    def _of(self, source: str) -> TurnController:
        """The controller of ``source``; where only one source speaks, turns of no source are taken for its own."""
        found = self._controllers.get(source)
        if found is not None:
            return found
        if not source and len(self._controllers) == 1:
            return self._everybody()[0]
        first = self._controllers.get("")
        if first is not None and first.unused:
            # What the user did before anybody had spoken is known to it.
            del self._controllers[""]
            first.source = source
            made = first
        else:
            made = TurnController(self._policy, source)
            self._instruct(made)
            made.join(self._everybody()[0])
        self._controllers[source] = made
        return made

    def _opened_by(self, source: str) -> TurnController:
        return self._of(source) if source else self._controllers.setdefault("", TurnController(self._policy))

    def _sound_ends(self, source: str) -> None:
        turn = self._sounds.pop(source, None)
        if turn is not None and self._witness is not None:
            self._witness.sound(turn, False)

    def _count_tools(self, more: int) -> None:
        self._tools_pending = max(0, self._tools_pending + more)
        if self._witness is not None:
            self._witness.tools(self._tools_pending)

    def _everybody(self) -> list[TurnController]:
        return list(self._controllers.values())

    def _tell(
        self, those: Iterable[TurnController], fact: Callable[[TurnController, int], list[Decision]]
    ) -> None:
        now_ns = self._clock.now_ns()
        for controller in those:
            self._carry_out(controller, fact(controller, now_ns))
        self._settle()

    def _carry_out(self, controller: TurnController, decisions: list[Decision]) -> None:
        if self._closed:
            return
        others_pause = any(
            other.state is TurnState.PAUSED for other in self._controllers.values() if other is not controller
        )
        for decision in decisions:
            if isinstance(decision, Flush):
                self._flush(decision.turn)
                if others_pause:
                    # A flush ends the pause of a playout, and another source is still being judged.
                    self._pause()
            elif isinstance(decision, Pause):
                if not others_pause:
                    self._pause()
            else:
                if not others_pause:
                    for playout in self._playouts:
                        playout.resume()
                if decision.cut:
                    for listener in self._went_on:
                        listener(Turn(decision.cut, controller.source))

    def _settle(self) -> None:
        if not self._closed:
            self._set_timer()
            self._show_state()

    def _pause(self) -> None:
        for playout in self._playouts:
            playout.pause()

    def _flush(self, turn: int) -> None:
        # The sound stops first: what the engine does after it costs time that the caller would hear.
        for playout in self._playouts:
            playout.flush(turn)
        for controller, heard in self._heard.items():
            if not isinstance(turn, Turn) or controller.source == turn.source:
                heard.void(turn)
        for source, sounding in list(self._sounds.items()):
            if sounding <= turn:
                self._sound_ends(source)
        self._void(turn)
        if self._events.wants(Interrupted):
            self._events.publish(Interrupted(time_ns=self._clock.now_ns(), turn=turn))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_ns: int | None = None
        for controller in self._controllers.values():
            ends_ns = controller.deadline_ns
            if ends_ns is not None and (deadline_ns is None or ends_ns < deadline_ns):
                deadline_ns = ends_ns
        if deadline_ns is not None:
            delay_ns = max(0, deadline_ns - self._clock.now_ns())
            self._timer = asyncio.get_running_loop().call_later(delay_ns / SECOND, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._tell(self._everybody(), TurnController.tick)

    def _show_state(self) -> None:
        state = self.state
        if state is not self._shown:
            thought, self._shown = self._shown is TurnState.THINKING, state
            if self._witness is not None and thought is not (state is TurnState.THINKING):
                self._witness.thinking(not thought)
            if self._events.wants(StateChanged):
                self._events.publish(
                    StateChanged(time_ns=self._clock.now_ns(), state=state.value, turn=self._turn)
                )

    def _show_speech(self, speaking: bool) -> None:
        if self._events.wants(SpeechChanged):
            self._events.publish(SpeechChanged(time_ns=self._clock.now_ns(), speaking=speaking))


class _Seat(Conversation):
    """The same conversation, for one who opens turns of its own: all that it keeps is shared."""

    __slots__ = ("_source",)

    def __init__(self, conversation: Conversation, source: str) -> None:
        self.__dict__ = conversation.__dict__
        self._source = source

    def next_turn(self, source: str = "") -> Turn:
        return super().next_turn(source or self._source)
