"""The watch over answers: a state machine without I/O; time is an argument, in nanoseconds of one clock.

It is told what asks for an answer and what comes, and says what to do when nothing does: ask again, then begin a new
session, then tell that the answer is missing. It is armed by the end of the user's turn, a text, a function's result
or a greeting, and cleared by the first sound of the answer; while that sounds, it watches that it goes on.
"""

from __future__ import annotations

from ....pipeline.units import MS, SECOND
from .decisions import AskAgain, Decision, Missing, Renew, Stalled, TurnOver, Why
from .policy import AnswerPolicy, Cause, expects_more, is_hopeless
from .sentences import ends_sentence, has_sentence_end
from .turn import AnswerTurn

__all__ = ["AnswerWatch"]

_NEWLY: tuple[Cause, ...] = ("words", "text", "greeting")
"""What begins something new to wait for, whatever was waited for before."""
_AFTER_LOSS_NS = 3 * SECOND
"""A connection that came back: what was sent again is answered within that, or never."""
_LATE_WORDS_NS = 1_500 * MS
"""A turn that ends within a sentence is judged after this, for its last words may still be coming."""
_STALL_NS = 1 * SECOND
"""Silence within a turn, beyond what was there to be played, that the caller takes notice of."""
_WORTH_ANOTHER_NS = 60 * SECOND
_AT_WORK_NS = 30 * SECOND
"""The patience with a model that says that it is at work."""


class AnswerWatch:
    """One conversation's. Each fact returns what to do now, in order; ``tick`` is to be called at ``deadline_ns``.

    Args:
        writes: whether text is the answer.
    """

    def __init__(self, policy: AnswerPolicy | None = None, *, writes: bool = False) -> None:
        self.policy = policy or AnswerPolicy()
        self._writes = writes
        self._cause: Cause | None = None
        """What waits for an answer; ``None``: nothing does."""
        self._then: Cause | None = None
        """What will, when the turn under way is over."""
        self._since_ns = 0
        self._due_ns: int | None = None
        """When the patience with what is waited for ends; ``None`` while something holds it up."""
        self._why: Why = "silent"
        self._reason = ""
        self._attempts = 0
        self._renewed = False
        self._unfinished = 0
        """How often in a row the model was asked to go on."""
        self._up = True
        self._user = False
        self._user_spoke = False
        """Whether the user was heard to speak since the turn under way, or the last one, began."""
        self._functions = 0
        self._at_work = False
        self._turn = AnswerTurn()
        self._called = False
        """Whether the model asked for a function in it."""
        self._words = ""
        """What was said of an answer that broke off."""
        self._judge_ns: int | None = None
        """When a turn that ended within a sentence is judged."""
        self._marks_ends = False
        """Whether the words of this model end with marks, where a sentence does."""

    # What is known -----------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Whether an answer is due, and has not begun."""
        return self._cause is not None or self._then is not None or self._judge_ns is not None

    @property
    def known(self) -> bool:
        """Whether what waits for an answer is known in words: a new session can be told of it."""
        return self._cause not in (None, "voice", "turn")

    @property
    def expecting(self) -> bool:
        """Whether an answer is surely due: a voice alone may have been no question."""
        return self.waiting and (self._cause != "voice" or self._then is not None)

    @property
    def sounds(self) -> bool:
        """Whether a turn is under way that can be heard."""
        return self._turn.open and self._turn.sounds

    @property
    def deadline_ns(self) -> int | None:
        """When ``tick`` is to be called at the latest; ``None`` when no time matters."""
        found = [
            at for at in (self._waiting_until_ns(), self._stalled_ns(), self._judge_ns) if at is not None
        ]
        return min(found) if found else None

    # What asks for an answer -------------------------------------------------------------------

    def asked(self, now_ns: int, cause: Cause) -> list[Decision]:
        """Something waits for an answer."""
        if self._turn.open and self._turn.sounds:
            self._asked_meanwhile(now_ns, cause)
            return []
        before = self._cause
        if before is None or (cause in _NEWLY and not (before in ("voice", "turn") and cause == "words")):
            self._start(now_ns)
        if before is None or cause != "voice":
            self._cause = cause
        self._judge_ns = None
        self._wait(now_ns)
        return []

    def _asked_meanwhile(self, now_ns: int, cause: Cause) -> None:
        """The same while the model speaks."""
        if cause == "result" and self._called:
            # It waited for that within its turn, and goes on.
            self._turn.last_ns = now_ns
        elif cause in ("voice", "turn", "words"):
            # Told while the answer sounds, it is what is being answered, unless the user has spoken since.
            if self._user_spoke and cause != "voice":
                self._then = cause
        else:
            self._then = cause

    def user_started(self, now_ns: int) -> list[Decision]:
        """The user's voice began: nobody answers meanwhile."""
        self._user = self._user_spoke = True
        self._judge_ns = None
        self._wait(now_ns)
        return []

    def user_stopped(self, now_ns: int) -> list[Decision]:
        """The user's voice ended. That alone asks for nothing: it may have been a noise."""
        self._user = False
        self._wait(now_ns)
        return []

    # What the model does -----------------------------------------------------------------------

    def sound(self, now_ns: int, turn: int, length_ns: int) -> list[Decision]:
        """Sound of the answer, ``length_ns`` of it, has come."""
        out: list[Decision] = []
        self._enter(now_ns, turn)
        if not self._turn.sounds:
            self._cause = None
        silent_ns = self._turn.hear(now_ns, length_ns)
        if silent_ns >= _STALL_NS and not self._called:
            out.append(Stalled(turn, silent_ns, resumed=True))
        return out

    def words(self, now_ns: int, turn: int, text: str) -> list[Decision]:
        """Words of the answer have come: spoken ones as text, or written ones."""
        if self._writes:
            self.sound(now_ns, turn, 0)
        elif turn != self._turn.number or not self._judge_ns:
            self._enter(now_ns, turn)
        self._turn.last_ns = now_ns
        if self._judge_ns is None:
            self._turn.words += text
            return []
        self._words += text
        if ends_sentence(self._words):
            self._judge_ns = None
        return []

    def busy(self, now_ns: int) -> list[Decision]:
        """The model shows that it is at work: a thought, code, a source."""
        self._turn.last_ns = now_ns
        self._wait(now_ns)
        return []

    def at_work(self, now_ns: int, *, is_so: bool) -> list[Decision]:
        """The service says that an interaction is in progress, or that it is not."""
        self._at_work = is_so
        self._wait(now_ns)
        return []

    def called(self, now_ns: int) -> list[Decision]:
        """The model asks for a function: that is how it goes about its answer."""
        self._functions += 1
        self._called = True
        self._cause, self._due_ns = None, None
        return []

    def function_ended(self, now_ns: int) -> list[Decision]:
        """A function answered (``asked`` says so when that wants an answer) or was withdrawn."""
        self._functions = max(0, self._functions - 1)
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
            self._wait(now_ns)
            return []
        sounded, called, words, generated = (
            self._turn.sounds,
            self._called,
            self._turn.words,
            self._turn.generated,
        )
        self._turn.close()
        self._called = False
        if waits or expects_more(reason):
            self._settle()
            return []
        if sounded:
            return self._whole(now_ns, words, generated)
        if called or self._functions or self._cause is None:
            self._next(now_ns)
            return []
        if self._at_work:
            self._wait(now_ns)
            return []
        if not words.strip() and not reason and self.policy.silence_is_answer:
            self._settle()
            return []
        if self._user or not self._up:
            self._wait(now_ns)
            return []
        if self.policy.patience_ns is None:
            # Nobody waits for an answer, so none can be missing.
            self._settle()
            return []
        why: Why = "text_only" if words.strip() else "rejected" if reason else "empty"
        return self._insist(now_ns, why, reason, words)

    def interrupted(self, now_ns: int) -> list[Decision]:
        """The service has confirmed that the user cut the turn: what cut it wants an answer."""
        self._turn.close()
        self._called = False
        self._judge_ns = self._then = None
        if self._user_spoke or not self._attempts:
            # Else it interrupts what it was asked for: that must not go on for ever.
            self._start(now_ns)
        self._cause = "words"
        self._wait(now_ns)
        return []

    def cut(self, now_ns: int) -> list[Decision]:
        """The turn is not to be heard any more, by a decision of ours: nothing of it is waited for."""
        self._turn.close()
        self._judge_ns = None
        self._next(now_ns)
        return []

    # Connections -------------------------------------------------------------------------------

    def lost(self, now_ns: int) -> list[Decision]:
        """The connection is over, and with it what the model was about to say on it."""
        self._up = False
        if self._attempts and not self._renewed and now_ns - self._since_ns < _WORTH_ANOTHER_NS:
            # Another connection is worth another attempt.
            self._attempts -= 1
        broken = self._turn.open and not self._turn.generated and not self._called and self._turn.number > 0
        words = self._turn.words
        self._turn.close()
        if self._cause is None:
            self._next(now_ns)
        if broken and self._cause is None:
            self._start(now_ns)
            self._cause, self._why, self._words = "words", "lost", words
        self._called = False
        self._due_ns = self._judge_ns = None
        return []

    def up(self, now_ns: int, *, told: bool) -> list[Decision]:
        """There is a connection again. ``told``: to a new session that knows of what waits, and was not asked."""
        self._up, self._at_work = True, False
        if self._cause is None or self.policy.patience_ns is None:
            return []
        if self._user:
            return []
        if told or (self._why == "lost" and not self._attempts):
            return self._ask(now_ns, self._why)
        self._due_ns = now_ns + min(_AFTER_LOSS_NS, self.policy.patience_ns)
        return []

    def orphaned(self) -> None:
        """The session that asked for functions is no more: none of them holds up an answer."""
        self._functions = 0
        self._called = False

    # Time --------------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> list[Decision]:
        """Time has passed: decide what was waiting for it."""
        out: list[Decision] = []
        stalled_ns = self._stalled_ns()
        if stalled_ns is not None and now_ns >= stalled_ns:
            out += self._stall(now_ns)
        if self._judge_ns is not None and now_ns >= self._judge_ns:
            self._judge_ns, words = None, self._words
            self._start(now_ns)
            self._words = words
            self._cause, self._unfinished = "words", self._unfinished + 1
            out += self._ask(now_ns, "unfinished")
        waiting_ns = self._waiting_until_ns()
        if waiting_ns is not None and now_ns >= waiting_ns:
            out += self._insist(now_ns, self._why, self._reason, self._words)
        return out

    # Inside ------------------------------------------------------------------------------------

    def _start(self, now_ns: int) -> None:
        """A new thing to wait for: whatever was tried for another does not count."""
        self._since_ns = now_ns
        self._attempts, self._renewed, self._why, self._reason = 0, False, "silent", ""
        self._words = ""

    def _wait(self, now_ns: int) -> None:
        """Begin the patience anew, unless something holds it up."""
        held = not self._up or self._user or self._functions > 0
        if self._cause is None or self.policy.patience_ns is None or held:
            self._due_ns = None
            return
        patience_ns = self.policy.patience_ns
        self._due_ns = now_ns + (max(patience_ns, _AT_WORK_NS) if self._at_work else patience_ns)

    def _waiting_until_ns(self) -> int | None:
        return self._due_ns if self._cause is not None else None

    def _stalled_ns(self) -> int | None:
        patience_ns = self.policy.patience_ns
        watched = (
            self._turn.open and self._turn.sounds and self._up and not self._functions and not self._at_work
        )
        if not watched or patience_ns is None:
            return None
        return self._turn.quiet_from_ns + patience_ns

    def _stall(self, now_ns: int) -> list[Decision]:
        if self._turn.generated or self._writes:
            self._turn.close()
            self._next(now_ns)
            return [TurnOver()]
        length_ns, words = now_ns - self._turn.quiet_from_ns, self._turn.words
        out: list[Decision] = [Stalled(self._turn.number, length_ns, resumed=False), TurnOver()]
        self._turn.close()
        if not self._attempts:
            self._start(now_ns)
        self._cause = "words"
        return out + self._insist(now_ns, "stalled", "", words)

    def _insist(self, now_ns: int, why: Why, reason: str, words: str) -> list[Decision]:
        """No answer has come: ask again, or begin a new session, or give up."""
        self._why, self._reason, self._words = why, reason, words
        hopeless = is_hopeless(reason)
        if self._attempts < (1 if hopeless else self.policy.retries):
            return self._ask(now_ns, why)
        if not self._renewed and not hopeless and self.policy.retries:
            self._renewed = True
            # The connection that replaces this one brings the question along.
            self._up, self._due_ns = False, None
            return [Renew(why)]
        missing = Missing(why, now_ns - self._since_ns, self._attempts, reason)
        self._settle()
        return [missing]

    def _ask(self, now_ns: int, why: Why) -> list[Decision]:
        self._attempts += 1
        heard = self._words if why in ("stalled", "unfinished", "lost", "text_only") else ""
        self._wait(now_ns)
        return [AskAgain(why, self._attempts, heard.strip())]

    def _whole(self, now_ns: int, words: str, generated: bool) -> list[Decision]:
        """A turn that was heard is over; whether its last sentence is, its last words will say."""
        marks, whole = self._marks_ends, ends_sentence(words)
        self._marks_ends = marks or has_sentence_end(words)
        broken = not whole and (marks or not generated)
        self._next(now_ns)
        if broken and self._cause is None and not self._unfinished and not self._user and self._watches:
            self._judge_ns, self._words = now_ns + _LATE_WORDS_NS, words
        elif not broken:
            self._unfinished = 0
        if self._cause is None and self._judge_ns is None:
            self._settle()
        return []

    @property
    def _watches(self) -> bool:
        return self.policy.patience_ns is not None and not self._writes and self.policy.retries > 0

    def _next(self, now_ns: int) -> None:
        """The answer was given; what has been asked meanwhile is due now."""
        cause, self._then = self._then, None
        if cause is None:
            return
        self._start(now_ns)
        self._cause = cause
        self._wait(now_ns)

    def _settle(self) -> None:
        """Nothing is waited for any more."""
        self._cause = self._then = self._due_ns = self._judge_ns = None
        self._attempts, self._renewed = 0, False

    def _enter(self, now_ns: int, turn: int) -> None:
        if self._turn.open and turn == self._turn.number:
            return
        if self._cause is None:
            # What was asked while another turn sounded is what this one answers.
            self._next(now_ns)
        self._turn.begin(now_ns, turn)
        self._user_spoke = self._user
        self._judge_ns = None
