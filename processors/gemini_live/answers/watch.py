"""The watch over answers: a state machine without I/O; time is an argument, in nanoseconds of one clock.

It is told what asks for an answer and what comes, and says what to do when nothing does: ask again, then begin a new
session, then tell that the answer is missing. It is armed by the end of the user's turn, a text, a function's result
or a greeting, and cleared by the first sound of the answer; while that sounds, it watches that it goes on.
"""

from __future__ import annotations

from ....pipeline.units import SECOND
from .decisions import Decision, Stalled, TurnOver, Why
from .patience import Patience
from .policy import AnswerPolicy, Cause, expects_more
from .sentences import SentenceWatch
from .turn import AnswerTurn

__all__ = ["AnswerWatch"]

_NEWLY: tuple[Cause, ...] = ("words", "text", "greeting")
"""What begins something new to wait for, whatever was waited for before."""
_AFTER_LOSS_NS = 3 * SECOND
"""A connection that came back: what was sent again is answered within that, or never."""
_STALL_NS = 1 * SECOND
"""Silence within a turn, beyond what was there to be played, that the caller takes notice of."""


class AnswerWatch:
    """One conversation's. Each fact returns what to do now, in order; ``tick`` is to be called at ``deadline_ns``.

    Args:
        writes: whether text is the answer.
    """

    def __init__(self, policy: AnswerPolicy | None = None, *, writes: bool = False) -> None:
        self._patience = Patience(policy or AnswerPolicy())
        self._writes = writes
        self._turn = AnswerTurn()
        self._sentence = SentenceWatch()
        self._user_spoke = False
        """Whether the user was heard to speak since the turn under way, or the last one, began."""
        self._called = False
        """Whether the model asked for a function in the turn."""
        self._interrupted = ("", True)
        """The words of the turn that the service cut last, and whether they were all."""

    # What is known -----------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Whether an answer is due, and has not begun."""
        return (
            self._patience.cause is not None
            or self._patience.then is not None
            or self._sentence.due_ns is not None
        )

    @property
    def known(self) -> bool:
        """Whether what waits for an answer is known in words: a new session can be told of it."""
        return self._patience.cause not in (None, "voice", "turn")

    @property
    def expecting(self) -> bool:
        """Whether an answer is surely due: a voice alone may have been no question."""
        return self.waiting and (self._patience.cause != "voice" or self._patience.then is not None)

    @property
    def sounds(self) -> bool:
        """Whether a turn is under way that can be heard."""
        return self._turn.open and self._turn.sounds

    @property
    def deadline_ns(self) -> int | None:
        """When ``tick`` is to be called at the latest; ``None`` when no time matters."""
        found = [
            at
            for at in (self._patience.until_ns, self._stalled_ns(), self._sentence.due_ns)
            if at is not None
        ]
        return min(found) if found else None

    # What asks for an answer -------------------------------------------------------------------

    def asked(self, now_ns: int, cause: Cause) -> list[Decision]:
        """Something waits for an answer."""
        if self._turn.open and self._turn.sounds:
            self._asked_meanwhile(now_ns, cause)
            return []
        before = self._patience.cause
        if before is None or (cause in _NEWLY and not (before in ("voice", "turn") and cause == "words")):
            self._patience.start(now_ns)
        if before is None or cause != "voice":
            self._patience.cause = cause
        self._sentence.drop()
        self._patience.wait(now_ns)
        return []

    def _asked_meanwhile(self, now_ns: int, cause: Cause) -> None:
        """The same while the model speaks."""
        if cause == "result" and self._called:
            # It waited for that within its turn, and goes on.
            self._turn.last_ns = now_ns
        elif cause in ("voice", "turn", "words"):
            # Told while the answer sounds, it is what is being answered, unless the user has spoken since.
            if self._user_spoke and cause != "voice":
                self._patience.then = cause
        else:
            self._patience.then = cause

    def user_started(self, now_ns: int) -> list[Decision]:
        """The user's voice began: nobody answers meanwhile."""
        self._patience.user = self._user_spoke = True
        self._sentence.drop()
        self._patience.wait(now_ns)
        return []

    def user_stopped(self, now_ns: int) -> list[Decision]:
        """The user's voice ended. That alone asks for nothing: it may have been a noise."""
        self._patience.user = False
        self._patience.wait(now_ns)
        return []

    # What the model does -----------------------------------------------------------------------

    def sound(self, now_ns: int, turn: int, length_ns: int) -> list[Decision]:
        """Sound of the answer, ``length_ns`` of it, has come."""
        out: list[Decision] = []
        self._enter(now_ns, turn)
        if not self._turn.sounds:
            self._patience.cause = None
        silent_ns = self._turn.hear(now_ns, length_ns)
        if silent_ns >= _STALL_NS and not self._called:
            out.append(Stalled(turn, silent_ns, resumed=True))
        return out

    def words(self, now_ns: int, turn: int, text: str) -> list[Decision]:
        """Words of the answer have come: spoken ones as text, or written ones."""
        if self._writes:
            self.sound(now_ns, turn, 0)
        elif turn != self._turn.number or not self._sentence.due_ns:
            self._enter(now_ns, turn)
        self._turn.last_ns = now_ns
        if self._sentence.due_ns is None:
            self._turn.words += text
        else:
            self._sentence.more(text)
        return []

    def busy(self, now_ns: int) -> list[Decision]:
        """The model shows that it is at work: a thought, code, a source."""
        self._turn.last_ns = now_ns
        self._patience.wait(now_ns)
        return []

    def at_work(self, now_ns: int, *, is_so: bool) -> list[Decision]:
        """The service says that an interaction is in progress, or that it is not."""
        self._patience.at_work = is_so
        self._patience.wait(now_ns)
        return []

    def called(self, now_ns: int) -> list[Decision]:
        """The model asks for a function: that is how it goes about its answer."""
        self._patience.functions += 1
        self._called = True
        self._patience.cause, self._patience.due_ns = None, None
        return []

    def function_ended(self, now_ns: int) -> list[Decision]:
        """A function answered (``asked`` says so when that wants an answer) or was withdrawn."""
        self._patience.functions = max(0, self._patience.functions - 1)
        self._turn.last_ns = now_ns
        return []

    def generated(self, now_ns: int) -> list[Decision]:
        """The model has produced all of its turn."""
        self._turn.generated = True
        return []

    def completed(
        self, now_ns: int, *, reason: str = "", waits: bool = False, cut: bool = False
    ) -> list[Decision]:
        """The turn is over. ``waits``: the model expects the user to go on. ``cut``: it is one that was cut."""
        if cut:
            # The end of a turn that was cut is no answer to what cut it.
            self._turn.close()
            self._patience.wait(now_ns)
            return []
        turn, called = self._turn, self._called
        sounded, words, generated = turn.sounds, turn.words, turn.generated
        turn.close()
        self._called = False
        if waits or expects_more(reason):
            self._settle()
            return []
        if sounded:
            return self._whole(now_ns, words, generated)
        if called or self._patience.functions or self._patience.cause is None:
            self._patience.next(now_ns)
            return []
        if self._patience.at_work:
            self._patience.wait(now_ns)
            return []
        if not words.strip() and not reason and self._patience.policy.silence_is_answer:
            self._settle()
            return []
        if self._patience.user or not self._patience.up:
            self._patience.wait(now_ns)
            return []
        if self._patience.policy.patience_ns is None:
            # Nobody waits for an answer, so none can be missing.
            self._settle()
            return []
        why: Why = "text_only" if words.strip() else "rejected" if reason else "empty"
        return self._patience.insist(now_ns, why, reason, words)

    def interrupted(self, now_ns: int) -> list[Decision]:
        """The service has confirmed that the user cut the turn: what cut it wants an answer."""
        self._interrupted = (self._turn.words, self._turn.generated or not self._turn.open)
        self._turn.close()
        self._called = False
        self._sentence.drop()
        self._patience.then = None
        if self._user_spoke or not self._patience.attempts:
            # Else it interrupts what it was asked for: that must not go on for ever.
            self._patience.start(now_ns)
        self._patience.cause = "words"
        self._patience.wait(now_ns)
        return []

    def went_on(self, now_ns: int) -> list[Decision]:
        """Nobody had interrupted: what there is of the turn is heard, and the model is to go on where it was cut."""
        if self._turn.open:
            return []
        words, generated = self._interrupted
        self._settle()
        if generated or not words.strip() or not self._insists:
            return []
        self._patience.start(now_ns)
        self._patience.cause, self._patience.words = "words", words
        return self._patience.ask(now_ns, "unfinished")

    def cut(self, now_ns: int) -> list[Decision]:
        """The turn is not to be heard any more, by a decision of ours: nothing of it is waited for."""
        self._turn.close()
        self._sentence.drop()
        self._patience.next(now_ns)
        return []

    # Connections -------------------------------------------------------------------------------

    def lost(self, now_ns: int) -> list[Decision]:
        """The connection is over, and with it what the model was about to say on it."""
        self._patience.lost(now_ns)
        broken = self._turn.open and not self._turn.generated and not self._called and self._turn.number > 0
        words = self._turn.words
        self._turn.close()
        if self._patience.cause is None:
            self._patience.next(now_ns)
        if broken and self._patience.cause is None:
            self._patience.start(now_ns)
            self._patience.cause, self._patience.why, self._patience.words = "words", "lost", words
        self._called = False
        self._patience.due_ns = None
        self._sentence.drop()
        return []

    def up(self, now_ns: int, *, told: bool) -> list[Decision]:
        """There is a connection again. ``told``: to a new session that knows of what waits, and was not asked."""
        self._patience.up, self._patience.at_work = True, False
        if self._patience.cause is None or self._patience.policy.patience_ns is None:
            return []
        if self._patience.user:
            return []
        if told or (self._patience.why == "lost" and not self._patience.attempts):
            return self._patience.ask(now_ns, self._patience.why)
        self._patience.due_ns = now_ns + min(_AFTER_LOSS_NS, self._patience.policy.patience_ns)
        return []

    def orphaned(self) -> None:
        """The session that asked for functions is no more: none of them holds up an answer."""
        self._patience.functions = 0
        self._called = False

    # Time --------------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> list[Decision]:
        """Time has passed: decide what was waiting for it."""
        out: list[Decision] = []
        stalled_ns = self._stalled_ns()
        if stalled_ns is not None and now_ns >= stalled_ns:
            out += self._stall(now_ns)
        sentence_ns = self._sentence.due_ns
        if sentence_ns is not None and now_ns >= sentence_ns:
            self._patience.start(now_ns)
            self._patience.cause, self._patience.words = "words", self._sentence.judged()
            out += self._patience.ask(now_ns, "unfinished")
        waiting_ns = self._patience.until_ns
        if waiting_ns is not None and now_ns >= waiting_ns:
            out += self._patience.over(now_ns)
        return out

    # Inside ------------------------------------------------------------------------------------

    def _stalled_ns(self) -> int | None:
        patience = self._patience
        held = not patience.up or patience.functions or patience.at_work
        if not self.sounds or held or patience.policy.patience_ns is None:
            return None
        return self._turn.quiet_from_ns + patience.policy.patience_ns

    def _stall(self, now_ns: int) -> list[Decision]:
        if self._turn.generated or self._writes:
            self._turn.close()
            self._patience.next(now_ns)
            return [TurnOver()]
        length_ns, words = now_ns - self._turn.quiet_from_ns, self._turn.words
        out: list[Decision] = [Stalled(self._turn.number, length_ns, resumed=False), TurnOver()]
        self._turn.close()
        if not self._patience.attempts:
            self._patience.start(now_ns)
        self._patience.cause = "words"
        return out + self._patience.insist(now_ns, "stalled", "", words)

    def _whole(self, now_ns: int, words: str, generated: bool) -> list[Decision]:
        """A turn that was heard is over; whether its last sentence is, its last words will say."""
        broken = self._sentence.ended(words, generated=generated)
        self._patience.next(now_ns)
        if self._patience.cause is not None:
            return []
        if broken and self._sentence.once_more and not self._patience.user and self._insists:
            self._sentence.wait(now_ns, words)
        if self._sentence.due_ns is None:
            self._settle()
        return []

    @property
    def _insists(self) -> bool:
        """Whether the model is ever asked again."""
        policy = self._patience.policy
        return policy.patience_ns is not None and policy.retries > 0 and not self._writes

    def _settle(self) -> None:
        """Nothing is waited for any more."""
        self._patience.settle()
        self._sentence.drop()

    def _enter(self, now_ns: int, turn: int) -> None:
        if self._turn.open and turn == self._turn.number:
            return
        if self._patience.cause is None:
            # What was asked while another turn sounded is what this one answers.
            self._patience.next(now_ns)
        self._turn.begin(now_ns, turn)
        self._user_spoke = self._patience.user
        self._sentence.drop()
