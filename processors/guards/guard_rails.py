"""Guard rails: what must not be said in a call, and what must not be written down.

Ports: ``transcript`` in; ``context`` out, joined to the model. What both sides say is looked at as the words come, by
words, regular expressions or a function; a rule ends the call, brings the agent back to its subject, hands over to a
colleague, or only tells whoever watches. What ``redact`` names (``cards``, ``ibans``, ``emails``, patterns) is hidden
from logs, traces, records, memories and the page; the model and its functions still get it.

Example:
    guard_rails: {rules: [{name: weapons, words: [bomb, gun], then: end, say: Goodbye.}], redact: [cards]}
"""

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from ...pipeline import ConfigError, Doc, In, NameUsed, OptionFault, Out, Processor, TranscriptFrame
from ...pipeline.end_reason import EndReason
from ...pipeline.errors import Fix
from ...pipeline.events import Event, Interrupted, StateChanged
from ...pipeline.spelling import sure
from ...pipeline.units import MS, SECOND
from ..gemini_live.colleagues.persona import HUMAN
from ..gemini_live.frames import ContextFrame, HandOverFrame
from ..patterns import PatternError
from ..utterances import Utterance, Utterances
from .redaction import KINDS, Kind, Masked, Redactor
from .rules import GuardRule, Matcher, Trip, rule_faults

__all__ = ["GuardRails", "GuardTripped"]

_CHECK_WITHIN_NS = 80 * MS
_MOST_CHECKS = 8
"""Of one rule under way; a function that never comes back keeps no more threads than these."""


class GuardTripped(Event, frozen=True, kw_only=True):
    """A rule was met by what ``role`` said; ``then`` is what follows."""

    rule: str
    role: Literal["user", "agent"]
    then: str
    text: str
    """The utterance so far."""
    node: str = ""


class GuardRails(Processor):
    """End, redirect or report what must not be said; hide what must not be written down.

    Example:
        guard_rails: {rules: [{name: weapons, words: [bomb, gun], then: end, say: Goodbye.}], redact: [cards]}
    """

    emits = (GuardTripped, Interrupted, StateChanged)

    transcript: In[TranscriptFrame] = In(doc="what was said, by both sides")
    context: Out[ContextFrame | HandOverFrame] = Out(doc="what the model is told, or who takes over")

    def __init__(
        self,
        *,
        rules: Annotated[
            Sequence[GuardRule],
            Doc("what is looked for (words, pattern, check), in whose words, and what follows"),
        ] = (),
        redact: Annotated[
            Sequence[Kind | str | Masked],
            Doc("what is hidden: cards, ibans, emails, a regular expression, or {pattern, shown}"),
        ] = (),
    ) -> None:
        self._matcher = Matcher(rules)
        self._redactor = Redactor(redact)
        self._utterances = Utterances()
        self._checks: dict[str, Callable[..., Any]] = {}
        self._checking: dict[str, int] = {}
        self._ended = False

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        rules = options.get("rules", ())
        for path, message, hint, code in rule_faults(rules):
            yield OptionFault(("rules", *path), message, hint, code=code)
        for index, rule in enumerate(rules):
            if rule.check is not None:
                try:
                    _function(rule.check)
                except ConfigError as error:
                    for problem in error.problems:
                        at = ("rules", index, "check")
                        yield OptionFault(at, problem.message, problem.hint, code=problem.code)
        for index, one in enumerate(options.get("redact", ())):
            try:
                Redactor([one])
            except PatternError as error:
                yield OptionFault(("redact", index), str(error), code="LG251")
            pattern = one.pattern if isinstance(one, Masked) else one
            if not pattern.strip():
                yield OptionFault(("redact", index), "a pattern of nothing hides nothing", "leave it out")
            meant = sure(one, KINDS) if isinstance(one, str) and one not in KINDS else None
            if meant is not None:
                message = f"`{one}` is taken for a pattern, and hides that word only"
                hint = f"did you mean `{meant}`?"
                yield OptionFault(("redact", index), message, hint, warning=True, fix=Fix(meant))

    @classmethod
    def names_used(cls, options: Mapping[str, Any]) -> Iterator[NameUsed]:
        for index, rule in enumerate(options.get("rules", ())):
            if rule.to:
                yield NameUsed("agents", rule.to, ("rules", index, "to"), (HUMAN,))

    async def start(self) -> None:
        self._checks = {
            rule.name: _function(rule.check) for rule in self._matcher.rules if rule.check is not None
        }
        if self._redactor:
            self.call.events.redact = self._redactor

    def on_transcript(self, frame: TranscriptFrame) -> None:
        if self._ended:
            return
        utterance = self._utterances.feed(frame)
        for trip in self._matcher.look(utterance):
            self._act(trip)
        for name in self._matcher.slow:
            self.log.warning("%s: the pattern of %s takes too long for what was said", self.name, name)
        self._matcher.slow.clear()
        for rule in self._matcher.rules:
            if rule.name in self._checks and self._matcher.concerns(rule, utterance):
                self._check(rule, utterance)

    def _check(self, rule: GuardRule, utterance: Utterance) -> None:
        if self._checking.get(rule.name, 0) < _MOST_CHECKS:
            self._checking[rule.name] = self._checking.get(rule.name, 0) + 1
            self.spawn(self._ask(rule, utterance), name=f"check {rule.name}")
        else:
            self.log.warning(
                "%s: the check of %s has not come back so often that it is left out", self.name, rule.name
            )

    async def _ask(self, rule: GuardRule, utterance: Utterance) -> None:
        """Ask a function, which can stop nothing: it has a thread, and a deadline."""
        check = self._checks[rule.name]
        try:
            async with asyncio.timeout(_CHECK_WITHIN_NS / SECOND):
                if inspect.iscoroutinefunction(check):
                    met = await check(utterance.role, utterance.text)
                else:
                    met = await self.offload(check, utterance.role, utterance.text)
        except TimeoutError:
            # Its thread goes on: it counts as under way.
            self.log.warning("%s: the check of %s did not answer within 80 ms", self.name, rule.name)
            return
        except Exception as error:
            self.log.error("%s: the check of %s raised", self.name, rule.name, exc_info=error)
            met = False
        self._checking[rule.name] -= 1
        if met and not self._ended and self._matcher.concerns(rule, utterance):
            self._act(self._matcher.meet(rule, utterance))

    def _act(self, trip: Trip) -> None:
        rule, said = trip.rule, trip.utterance
        if self._ended:
            return
        events, now_ns = self.call.events, self.call.clock.now_ns()
        if events.wants(GuardTripped):
            events.publish(
                GuardTripped(
                    time_ns=now_ns,
                    rule=rule.name,
                    role=said.role,
                    then=rule.then,
                    text=said.text,
                    node=self.name,
                )
            )
        if rule.then == "report":
            return
        # What is being said ends here, whoever says it.
        self.call.conversation.hush()
        if rule.then == "end":
            self._ended = True
            reason, detail = EndReason.ENDED_BY_AGENT, f"guard rail {rule.name}"
            if rule.say:
                self.call.end_after_speech(rule.say, reason, detail)
            else:
                self.call.end(reason, detail)
            return
        if rule.to:
            self.context.emit(HandOverFrame(to=rule.to, reason=f"{rule.name} came up"))
        elif not rule.say or not self.call.say(rule.say):
            self.context.emit(ContextFrame(text=_redirect(rule, said), reply=True))


def _redirect(rule: GuardRule, said: Utterance) -> str:
    if rule.say:
        line = " ".join(rule.say.split()).replace('"', "'")
        return f'[Say exactly: "{line}"]'
    who = "The caller speaks" if said.role == "user" else "You were speaking"
    return (
        f"[{who} of something that is not to be spoken of here: {rule.name}. Do not go into it. Say so in one short "
        "sentence, and go back to what you are here for.]"
    )


def _function(check: str | Callable[..., Any]) -> Callable[..., Any]:
    """The function that ``check`` names. Raises ``ConfigError``."""
    if callable(check):
        return check
    from ..tools.loading import load_function

    return load_function(check)
