"""Who speaks: the one owner of *listening, thinking, speaking, paused, interrupted*.

``TurnController`` is a pure state machine. Others tell it facts with their time (speech started, model
audio arrived, played up to, interrupted by the server) and carry out the decisions that it returns.
Barge-in is *pause, decide, resume or flush*: speech during the agent's turn pauses playout at once; the
server's ``interrupted`` or enough speech flushes; a cough resumes from the paused sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from ..frames import Turn
from ..units import MS, SECOND, DurationLike, settle_durations
from .conversation_policy import Interruptions
from .decisions import Decision, Flush, Pause, Resume
from .words import only_of, words_of

__all__ = ["TurnController", "TurnPolicy", "TurnPreset", "TurnState"]


class TurnState(StrEnum):
    """What the conversation is doing, as the caller perceives it."""

    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"


TurnPreset = Literal["auto", "service", "local", "telephone"]


@dataclass(frozen=True, slots=True)
class TurnPolicy:
    """How speech over the agent is judged."""

    barge_in: bool = True
    """Whether the user's voice may stop the agent at all; the server's word always does."""
    confirm_ns: int = 400 * MS
    """Speech of this length over the agent is an interruption even if the server stays silent."""
    resume_after_ns: int = 240 * MS
    """Silence after a shorter noise before the agent goes on."""
    thinking_limit_ns: int = 15 * SECOND
    """An agent that has not answered by then is no longer thinking."""
    preset: TurnPreset = "auto"
    """Who decides when the user's turn begins and ends: ``service``, or the detector here, ``local`` and ``telephone``.
    It stands for values of options that the graph does not say. A plan has one of these three in the place of ``auto``
    (``pipeline.graph.presets``)."""

    if TYPE_CHECKING:

        def __init__(
            self,
            barge_in: bool = True,
            confirm_ns: DurationLike = ...,
            resume_after_ns: DurationLike = ...,
            thinking_limit_ns: DurationLike = ...,
            preset: TurnPreset = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        settle_durations(self)


_STIR_NS = 250 * MS
"""What may be a voice has shown by then whether it is one."""
_WORDS_NS = 150 * MS
"""How often it is looked whether more words have come."""
_WORDS_LATE_NS = 1_200 * MS
"""How long after speech the service may take to tell what was said."""
_LONGEST_DOUBT_NS = 2 * SECOND
"""Speech over the agent that is longer is an interruption, whatever its words."""


class TurnController:
    """The state machine of one source's turns. Times are nanoseconds of one clock and never go back.

    Each fact returns the decisions to carry out, in order. ``deadline_ns`` is when ``tick`` must be called
    at the latest, ``None`` when no time matters.
    """

    def __init__(self, policy: TurnPolicy | None = None, source: str = "") -> None:
        self.source = source
        """The node that speaks."""
        self.policy = policy or TurnPolicy()
        self.state = TurnState.LISTENING
        self.turn = 0
        """Number of the newest model turn; 0 before the first."""
        self.voided = 0
        """Newest turn that was cut: nothing of it is heard any more."""
        self.interruptions = Interruptions()
        """What else the policy of the conversation says of speech over the agent."""
        self.hears = False
        """Whether a detector of ours hears the user: then what the service takes for an interruption is judged."""
        self.user_speaking = False
        self.tools_pending = 0
        self._cut = 0
        """The turn that the service has cut, while it is judged whether it was right."""
        self._told: list[str] = []
        """What the user has said since the sound was stopped, as far as the service has told."""
        self._guess: list[str] = []
        """The same, as far as it guesses."""
        self._quiet = False
        """Whether the user's voice has fallen silent, though its end is not sure yet."""
        self._doubtful = False
        """Whether speech over the agent is over whose words are not known, and were too many for a noise."""
        self._confirm_ns = 0
        """When speech over the agent that goes on is an interruption."""
        self._paused_ns = 0
        self._playing = 0
        """The turn whose sound is in the playout, 0 when none is."""
        self._deadline_ns: int | None = None

    @property
    def deadline_ns(self) -> int | None:
        return self._deadline_ns

    @property
    def gives_way(self) -> bool:
        """Whether the user's voice may stop it."""
        return self.policy.barge_in and self.interruptions.mode in ("pause", "cut")

    @property
    def unused(self) -> bool:
        """Whether its source has not spoken, under this name or any."""
        return not self.turn and not self.voided and not self._playing

    def join(self, other: TurnController) -> None:
        """Begin with what ``other`` knows of the user, and of functions at work."""
        self.user_speaking, self._quiet = other.user_speaking, other._quiet
        self.tools_pending = other.tools_pending

    def next_turn(self, *, line: bool = False) -> Turn:
        """Open a model turn and return it; a ``line`` is no answer."""
        self.turn += 1
        return Turn(self.turn, self.source, line)

    def user_stirred(self, now_ns: int) -> list[Decision]:
        """The user's voice may have begun: the sound stops, and goes on soon unless ``user_started`` follows."""
        if self.state is not TurnState.SPEAKING or not self.gives_way or self.interruptions.mode == "cut":
            return []
        decisions = self._pause(now_ns)
        self._deadline_ns = now_ns + _STIR_NS
        return decisions

    def user_calmed(self, now_ns: int) -> list[Decision]:
        """It was no voice."""
        if self.state is not TurnState.PAUSED or self.user_speaking or self._cut:
            return []
        self._deadline_ns = now_ns
        return self.tick(now_ns)

    def user_started(self, now_ns: int) -> list[Decision]:
        """The user's voice began."""
        self.user_speaking = True
        self._quiet = False
        if self.state in (TurnState.SPEAKING, TurnState.PAUSED):
            if not self.gives_way:
                return []
            if self.interruptions.mode == "cut":
                return self._flush(TurnState.INTERRUPTED)
            return self._pause(now_ns)
        # A new utterance ends any waiting for an answer to the one before.
        self._enter(TurnState.LISTENING)
        return []

    def user_stopped(self, now_ns: int) -> list[Decision]:
        """The user's voice ended."""
        self.user_speaking = False
        if self.state is TurnState.PAUSED:
            if not self._quiet:
                self._await_end(now_ns)
        elif self.state in (TurnState.LISTENING, TurnState.INTERRUPTED):
            self._enter(TurnState.THINKING, now_ns + self.policy.thinking_limit_ns)
        return []

    def user_quiet(self, now_ns: int) -> list[Decision]:
        """The user's voice fell silent; whether it has ended, nobody knows yet.

        A detector waits half a second before it says so, longer than a cough and its judgement take.
        """
        self._quiet = True
        if self.state is TurnState.PAUSED and self.user_speaking:
            self._await_end(now_ns)
        return []

    def user_voiced(self, now_ns: int) -> list[Decision]:
        """The user's voice goes on after it had fallen silent."""
        self._quiet = self._doubtful = False
        if not self.user_speaking:
            return []
        if self.state is TurnState.PAUSED:
            self._deadline_ns = max(now_ns, self._confirm_ns)
        elif self.state is TurnState.SPEAKING and self.gives_way:
            return self._pause(now_ns)
        return []

    def user_said(self, now_ns: int, text: str, *, so_far: bool = False) -> list[Decision]:
        """The service tells a piece of what the user says, while they speak or soon after.

        Args:
            so_far: it is a guess at all that they have said so far, in the place of the one before.
        """
        if self.state is not TurnState.PAUSED:
            return []
        if so_far:
            self._guess = words_of(text)
        else:
            self._told += words_of(text)
        if only_of(self._words, self.interruptions.backchannels):
            return self._known_harmless(now_ns)
        if len(self._words) >= max(1, self.interruptions.min_words):
            # Words are no noise, however short they were.
            return self._flush(TurnState.INTERRUPTED if self.user_speaking else TurnState.LISTENING)
        return self._known_harmless(now_ns)

    def _known_harmless(self, now_ns: int) -> list[Decision]:
        """What was said interrupts nobody: whoever waited for the words goes on, unless more is being said."""
        if not self._doubtful:
            return []
        self._doubtful, self._deadline_ns = False, now_ns
        return self.tick(now_ns)

    def user_wrote(self, now_ns: int) -> list[Decision]:
        """The user sent text: whatever the agent says is cut, an answer is due."""
        decisions = self._flush(TurnState.THINKING) if self._playing or self._paused else []
        self._enter(TurnState.THINKING, now_ns + self.policy.thinking_limit_ns)
        return decisions

    def cut_by_service(self, now_ns: int, turn: int) -> list[Decision]:
        """The service has cut ``turn``: it takes what it hears for an interruption.

        Where no detector of ours hears the user, its word counts. Where one does, the sound stops and it is judged as
        any speech over the agent: a cough is an interruption to the service as well. Where nobody may stop the agent,
        what there is of the turn is heard to its end.
        """
        if self.interruptions.mode == "never":
            return []
        judged = self.hears and self.gives_way and self.interruptions.mode == "pause"
        if judged and turn == self._playing and self.state in (TurnState.SPEAKING, TurnState.PAUSED):
            self._cut = int(turn)
            return [] if self._paused else self._pause(now_ns)
        return self.interrupted(now_ns, turn)

    def interrupted(self, now_ns: int, turn: int) -> list[Decision]:
        """Somebody has cut ``turn``: it and all before are void, whatever the local detector thinks."""
        self.cut(turn)
        return [Flush(Turn(self.voided, self.source))]

    def hushed(self, now_ns: int) -> list[Decision]:
        """Whatever its source says is cut."""
        if self.turn <= self.voided:
            return []
        return self._flush(TurnState.INTERRUPTED if self.user_speaking else TurnState.LISTENING)

    def cut(self, turn: int) -> None:
        """``turn`` and all before are void, and whoever decided that sees to it."""
        self._void(TurnState.INTERRUPTED if self.user_speaking else TurnState.LISTENING, int(turn))

    def playing(self, now_ns: int, turn: int) -> list[Decision]:
        """The first sound of ``turn`` reaches the caller."""
        if turn <= self.voided:
            return []
        self._playing = int(turn)
        if self.state is TurnState.PAUSED:
            return []
        self._enter(TurnState.SPEAKING)
        if self.user_speaking and not self._quiet and self.gives_way:
            # The answer begins while the user still talks: the same judgement as for any barge-in.
            return self._pause(now_ns)
        return []

    def played_out(self, now_ns: int, turn: int) -> list[Decision]:
        """The last sound of ``turn`` has been played."""
        if turn != self._playing:
            return []
        self._playing = self._cut = 0
        if self.state not in (TurnState.SPEAKING, TurnState.PAUSED):
            return []
        # The pause came too late to hold anything back; the next turn must not find the playout paused.
        decisions: list[Decision] = [Resume()] if self._paused else []
        self._settle(now_ns)
        return decisions

    def tool_started(self, now_ns: int) -> list[Decision]:
        """The model asked for a function: it is thinking unless it speaks."""
        self.tools_pending += 1
        if self.state is TurnState.THINKING or (self.state is TurnState.LISTENING and not self.user_speaking):
            # However long the function takes: it has its own deadline.
            self._enter(TurnState.THINKING)
        return []

    def tool_finished(self, now_ns: int) -> list[Decision]:
        """A function answered, failed or was cancelled."""
        self.tools_pending = max(0, self.tools_pending - 1)
        if self.state is TurnState.THINKING and not self.tools_pending:
            self._deadline_ns = now_ns + self.policy.thinking_limit_ns
        return []

    def another_answers(self, now_ns: int) -> list[Decision]:
        """Another source speaks: nobody waits for this one any more, unless it is at a function."""
        if self.state is TurnState.THINKING and not self.tools_pending:
            self._enter(TurnState.LISTENING)
        return []

    def turn_completed(self, now_ns: int) -> list[Decision]:
        """The model's turn is over; one without sound ends the thinking."""
        if self.state is TurnState.THINKING and not self._playing and not self.tools_pending:
            self._enter(TurnState.LISTENING)
        return []

    def tick(self, now_ns: int) -> list[Decision]:
        """Time has passed: decide what was waiting for it."""
        if self._deadline_ns is None or now_ns < self._deadline_ns:
            return []
        self._deadline_ns = None
        if self.state is TurnState.THINKING:
            self._enter(TurnState.LISTENING)
            return []
        if self.state is not TurnState.PAUSED:
            return []
        if self.user_speaking and not self._quiet and not self._listens_on(now_ns):
            return self._flush(TurnState.INTERRUPTED)
        if self.user_speaking and not self._quiet:
            self._deadline_ns = now_ns + _WORDS_NS
            return []
        if self._doubtful:
            # It was no mere noise, and nobody knows which words it was.
            return self._flush(TurnState.INTERRUPTED if self.user_speaking else TurnState.THINKING)
        cut, self._cut = self._cut, 0
        self._enter(TurnState.SPEAKING)
        return [Resume(cut)]

    @property
    def _words(self) -> list[str]:
        return max(self._told, self._guess, key=len)

    def _listens_on(self, now_ns: int) -> bool:
        """Whether speech that goes on need not be an interruption: what was said so far is none, or is not known."""
        manners = self.interruptions
        if now_ns - self._paused_ns >= _LONGEST_DOUBT_NS:
            return False
        if self._words:
            return only_of(self._words, manners.backchannels) or len(self._words) < manners.min_words
        return self._words_come

    @property
    def _words_come(self) -> bool:
        """Whether words decide, and the service tells them while they are spoken, or soon after."""
        manners = self.interruptions
        return self.policy.preset in ("auto", "service") and manners.by_words

    def _await_end(self, now_ns: int) -> None:
        """The voice fell silent: soon the agent goes on, unless it was speech whose words are still to be told."""
        self._doubtful = self._words_come and not self._words and now_ns >= self._confirm_ns
        self._deadline_ns = now_ns + (_WORDS_LATE_NS if self._doubtful else self.policy.resume_after_ns)

    def _pause(self, now_ns: int) -> list[Decision]:
        """Stop the sound, and decide later whether that was right."""
        paused = self.state is TurnState.PAUSED
        self.state = TurnState.PAUSED
        if not paused:
            self._paused_ns, self._told, self._guess, self._doubtful = now_ns, [], [], False
        confirm_ns = self.interruptions.confirm_ns or self.policy.confirm_ns
        self._confirm_ns = self._deadline_ns = now_ns + confirm_ns
        return [] if paused else [Pause()]

    @property
    def _paused(self) -> bool:
        return self.state is TurnState.PAUSED

    def _enter(self, state: TurnState, deadline_ns: int | None = None) -> None:
        self.state, self._deadline_ns = state, deadline_ns

    def _settle(self, now_ns: int) -> None:
        if self.tools_pending and not self.user_speaking:
            self._enter(TurnState.THINKING)
        else:
            self._enter(TurnState.LISTENING)

    def _flush(self, after: TurnState) -> list[Decision]:
        self._void(after, max(self.turn, self._playing))
        return [Flush(Turn(self.voided, self.source))]

    def _void(self, after: TurnState, turn: int) -> None:
        if turn > self.voided:
            self.voided = turn
        self._playing = self._cut = 0
        self._enter(after)
