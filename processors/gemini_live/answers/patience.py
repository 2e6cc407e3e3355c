"""What is waited for, since when, and what has been tried: the patience of the watch over answers. Pure."""

from __future__ import annotations

from ....pipeline.units import SECOND
from .decisions import AskAgain, Decision, Missing, Renew, Why
from .policy import AnswerPolicy, Cause, is_hopeless

__all__ = ["Patience"]

_AT_WORK_NS = 30 * SECOND
"""The patience with a model that says that it is at work."""
_WORTH_ANOTHER_NS = 60 * SECOND


class Patience:
    """One question at a time waits for its answer; the next one may be known already. Times are nanoseconds."""

    def __init__(self, policy: AnswerPolicy) -> None:
        self.policy = policy
        self.cause: Cause | None = None
        """What waits for an answer; ``None``: nothing does."""
        self.then: Cause | None = None
        """What will, when the turn under way is over."""
        self.due_ns: int | None = None
        """When the patience with what is waited for ends; ``None`` while something holds it up."""
        self.why: Why = "silent"
        self.words = ""
        """What was said of an answer that broke off."""
        self.attempts = 0
        """How often the model was asked again."""
        self.up = True
        """Whether there is a connection."""
        self.user = False
        """Whether the user speaks."""
        self.functions = 0
        """How many functions the model waits for."""
        self.at_work = False
        """Whether the service says that the model is at work."""
        self._since_ns = 0
        self._reason = ""
        self._renewed = False

    @property
    def until_ns(self) -> int | None:
        """When ``over`` is to be called; ``None`` while nothing waits, or something holds it up."""
        return self.due_ns if self.cause is not None else None

    def start(self, now_ns: int) -> None:
        """A new thing to wait for: whatever was tried for another does not count."""
        self._since_ns = now_ns
        self.attempts, self._renewed, self.why, self._reason = 0, False, "silent", ""
        self.words = ""

    def wait(self, now_ns: int) -> None:
        """Begin the patience anew, unless something holds it up."""
        held = not self.up or self.user or self.functions > 0
        if self.cause is None or self.policy.patience_ns is None or held:
            self.due_ns = None
            return
        patience_ns = self.policy.patience_ns
        self.due_ns = now_ns + (max(patience_ns, _AT_WORK_NS) if self.at_work else patience_ns)

    def lost(self, now_ns: int) -> None:
        """The connection is over."""
        self.up = False
        if self.attempts and not self._renewed and now_ns - self._since_ns < _WORTH_ANOTHER_NS:
            # Another connection is worth another attempt.
            self.attempts -= 1

    def over(self, now_ns: int) -> list[Decision]:
        """It has ended with nothing that came."""
        return self.insist(now_ns, self.why, self._reason, self.words)

    def insist(self, now_ns: int, why: Why, reason: str, words: str) -> list[Decision]:
        """No answer has come: ask again, or begin a new session, or give up."""
        self.why, self._reason, self.words = why, reason, words
        hopeless = is_hopeless(reason)
        if self.attempts < (1 if hopeless else self.policy.retries):
            return self.ask(now_ns, why)
        if not self._renewed and not hopeless and self.policy.retries:
            self._renewed = True
            # The connection that replaces this one brings the question along.
            self.up, self.due_ns = False, None
            return [Renew(why)]
        missing = Missing(why, now_ns - self._since_ns, self.attempts, reason)
        self.settle()
        return [missing]

    def ask(self, now_ns: int, why: Why) -> list[Decision]:
        """Ask the model again."""
        self.attempts += 1
        heard = self.words if why in ("stalled", "unfinished", "lost", "text_only") else ""
        self.wait(now_ns)
        return [AskAgain(why, self.attempts, heard.strip())]

    def next(self, now_ns: int) -> None:
        """The answer was given; what has been asked meanwhile is due now."""
        cause, self.then = self.then, None
        if cause is None:
            return
        self.start(now_ns)
        self.cause = cause
        self.wait(now_ns)

    def settle(self) -> None:
        """Nothing is waited for any more."""
        self.cause = self.then = self.due_ns = None
        self.attempts, self._renewed = 0, False
