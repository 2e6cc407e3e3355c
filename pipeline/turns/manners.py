"""How an agent behaves in a conversation: a pure state machine with time as an argument.

It is told facts (who speaks, what was said, what it cost) and returns what to do now: something to say, who is unheard,
that the call is over. ``conversation_policy`` is what it goes by; ``running.host`` carries it out.

It keeps three promises, whatever the facts are: the caller is unheard only while somebody else speaks, is about to,
or is at work; there is one goodbye at most; and the call does not end before the last sample of what the agent says
then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ..end_reason import EndReason
from ..frames import source_of
from ..units import MS, SECOND
from .acts import Act, Ended, Hush, Keyed, Mute, Say, SpeechKind
from .conversation_policy import ConversationPolicy
from .key_row import KeyRow
from .outbound import Answering
from .words import holds_phrase, words_of

__all__ = ["Manners"]

_BEGIN_WITHIN_NS = 15 * SECOND
"""Words that were asked for and do not begin by then are not waited for."""
_LAST_WORDS_NS = 2 * SECOND
"""Whoever ends the call by a function may still be about to say something."""
_TAIL_NS = 300 * MS
"""After the last sample: what still is on its way to the ear."""
_STALLED_NS = 10 * SECOND
"""Sound that does not go on by then is not waited for."""
_WARNING = (
    "[The call ends in {seconds} seconds. Tell the caller so in one short sentence, in the language of the "
    "conversation.]"
)
_GOODBYE = "[The call ends now. Say goodbye in one short sentence, in the language of the conversation.]"


@dataclass(slots=True)
class _Speech:
    """Words that the machine wants said."""

    say: Say
    stage: Literal["wanted", "given", "sounding"] = "wanted"
    until_ns: int = 0
    """When it is not waited for any more, once it was given."""
    source: str = ""
    after_turn: int = 0
    """It is a turn of ``source`` later than this one."""


@dataclass(frozen=True, slots=True)
class _Farewell:
    """The end that was decided."""

    reason: EndReason
    detail: str
    says: bool
    """Whether a goodbye of ours is part of it; otherwise what the agent says by itself is the goodbye."""
    waits: bool
    """Whether an answer that is due, or words that may follow, come first."""
    at_ns: int | None = None
    """When it is over if nothing more is said."""


class Manners:
    """The manners of one call. Times are nanoseconds of one clock and never go back.

    Every fact returns what to do now, in order. ``deadline_ns`` is when ``tick`` must be called at the latest.
    """

    def __init__(self, policy: ConversationPolicy | None = None) -> None:
        self.policy = policy or ConversationPolicy()
        self.over = False
        """Whether ``Ended`` was returned: nothing follows."""
        self.muted = False
        """Whether the caller is unheard, as it was last told."""
        self._began_ns = 0
        self._user = self._sounding = self._thinking = False
        self._tools = 0
        self._switch = False
        self._first: Literal["awaited", "sounding", "over"] = "awaited"
        """The first words of the agent in this call."""
        self._speech: _Speech | None = None
        self._farewell: _Farewell | None = None
        self._silent_ns: int | None = None
        """Since when the silence lasts that the steps of ``idle`` count from."""
        self._steps = 0
        self._heard_ns = 0
        """When the agent was last heard to go on."""
        self._warned = False
        self._turns: set[tuple[str, int]] = set()
        self._cost_usd, self._tokens = 0.0, 0
        self._keys = KeyRow()
        self._answering: Answering | None = None

    # Facts -------------------------------------------------------------------------------------

    def begin(self, now_ns: int) -> list[Act]:
        """The call has started."""
        self._began_ns = now_ns
        outbound, greeting = self.policy.outbound, self.policy.opening.greeting
        if outbound is not None:
            self._answering = Answering(outbound, now_ns)
        elif greeting:
            self._want(Say(greeting, "greeting"))
        return self._settle(now_ns)

    def user_started(self, now_ns: int) -> list[Act]:
        """The caller's voice began, whether it is heard or not."""
        self._user = True
        self._sign_of_life()
        if self._answering is not None:
            self._answering.voice(now_ns, on=True)
        return self._settle(now_ns)

    def user_stopped(self, now_ns: int) -> list[Act]:
        """The caller's voice ended."""
        self._user = False
        if self._answering is not None:
            self._answering.voice(now_ns, on=False)
        return self._settle(now_ns)

    def user_acted(self, now_ns: int) -> list[Act]:
        """The caller wrote something."""
        self._sign_of_life()
        return self._settle(now_ns)

    def pressed(self, now_ns: int, key: str) -> list[Act]:
        """The caller pressed a key of the telephone."""
        self._sign_of_life()
        keys = self.policy.keys
        if keys is not None and keys.end and key.upper() == keys.end.upper():
            return self.end(now_ns, EndReason.GOODBYE, f"the caller pressed {key}")
        done = self._keys.press(now_ns, key, keys) if keys is not None and keys.tell else ""
        return [*([Keyed(done)] if done else []), *self._settle(now_ns)]

    def words(self, now_ns: int, role: Literal["user", "agent"], text: str) -> list[Act]:
        """Somebody has said ``text``: the whole of what was said in one go."""
        said = words_of(text)
        if role == "user" and self._answering is not None:
            self._answering.words(now_ns, said)
        ending = self.policy.ending
        if ending is None or not any(holds_phrase(said, phrase) for phrase in ending.phrases):
            return self._settle(now_ns)
        detail = f"the {'caller' if role == 'user' else 'agent'} said goodbye"
        # What the agent has said itself is its goodbye.
        own = role == "agent"
        say = None if own else ending.say
        waits = ending.after_speech and not own
        return self.end(now_ns, EndReason.GOODBYE, detail, say, after_speech=own or waits, waits=waits)

    def thinking(self, now_ns: int, *, on: bool) -> list[Act]:
        """An answer of the agent is due, or is not any more."""
        self._thinking = on
        if on:
            self._silent_ns = None
        elif self._awaits_own_words and not self._sounding:
            self._close(now_ns, _LAST_WORDS_NS)
        return self._settle(now_ns)

    def agent_started(self, now_ns: int, turn: int) -> list[Act]:
        """The first sound of ``turn`` was heard."""
        self._sounding, self._heard_ns = True, now_ns
        if self._first == "awaited":
            self._first = "sounding"
        speech = self._speech
        if (
            speech is not None
            and speech.stage == "given"
            and int(turn) > speech.after_turn
            and source_of(turn) in ("", speech.source)
        ):
            speech.stage = "sounding"
        if speech is None or speech.say.kind != "idle":
            self._silent_ns, self._steps = None, 0
        if self._farewell is not None:
            self._farewell = replace(self._farewell, at_ns=None)
        return self._settle(now_ns)

    def agent_stopped(self, now_ns: int, turn: int) -> list[Act]:
        """The last sound of ``turn`` was heard, or it was cut."""
        self._sounding, self._heard_ns = False, now_ns
        if self._first == "sounding":
            self._first = "over"
        speech = self._speech
        if speech is not None and speech.stage == "sounding":
            self._said(now_ns)
        elif self._awaits_own_words:
            waits = self._farewell is not None and self._farewell.waits
            self._close(now_ns, _LAST_WORDS_NS if waits else _TAIL_NS)
        elif self._farewell is None:
            self._turns.add((source_of(turn), int(turn)))
            if self.policy.limits.turns and len(self._turns) >= self.policy.limits.turns:
                return self._limit(now_ns, EndReason.MAX_TURNS)
        return self._settle(now_ns)

    def tools(self, now_ns: int, pending: int) -> list[Act]:
        """So many functions are at work."""
        self._tools = pending
        if pending:
            self._silent_ns = None
        return self._settle(now_ns)

    def used(self, now_ns: int, cost_usd: float, tokens: int) -> list[Act]:
        """The call has cost so much so far, and so many tokens."""
        self._cost_usd, self._tokens = max(self._cost_usd, cost_usd), max(self._tokens, tokens)
        limits = self.policy.limits
        if limits.cost_usd and self._cost_usd >= limits.cost_usd:
            return self._limit(now_ns, EndReason.MAX_COST)
        if limits.tokens and self._tokens >= limits.tokens:
            return self._limit(now_ns, EndReason.MAX_TOKENS)
        return self._settle(now_ns)

    def given(self, now_ns: int, source: str, after_turn: int) -> list[Act]:
        """What was to be said is with the node ``source``, whose newest turn is ``after_turn``."""
        if self._speech is not None and self._speech.stage == "given":
            self._speech.source, self._speech.after_turn = source, int(after_turn)
        return []

    def unsayable(self, now_ns: int) -> list[Act]:
        """Nobody can say what was to be said."""
        if self._speech is not None and self._speech.stage == "given":
            self._said(now_ns)
        if self._first == "awaited":
            self._first = "over"
        return self._settle(now_ns)

    def switch(self, now_ns: int, *, muted: bool) -> list[Act]:
        """Somebody mutes the caller, or has them heard again; no rule of the policy is set aside by it."""
        self._switch = muted
        return self._settle(now_ns)

    def end(
        self,
        now_ns: int,
        reason: EndReason,
        detail: str = "",
        say: str | None = "",
        *,
        after_speech: bool = True,
        waits: bool = True,
        own_words: str = "",
    ) -> list[Act]:
        """Somebody ends the call: the first who does counts.

        Args:
            say: the goodbye; empty for that of the policy, ``None`` for none of ours.
            after_speech: whether the agent finishes what it is saying before.
            waits: whether an answer that is due comes first, and, where there is no goodbye of ours, words that the
                agent may be about to say.
            own_words: what the agent is told to speak of where there is no goodbye of ours.
        """
        if self._farewell is not None or self.over:
            return self._settle(now_ns)
        if say == "" and self.policy.ending is not None:
            say = self.policy.ending.say
        acts: list[Act] = []
        if not after_speech and self._sounding:
            acts.append(Hush())
            self._sounding = False
        goodbye = Say(say or own_words, "goodbye", bool(say))
        self._farewell = _Farewell(reason, detail, bool(goodbye.text), waits and after_speech)
        self._speech = _Speech(goodbye) if goodbye.text else None
        self._heard_ns = now_ns
        if self._awaits_own_words and not (self._sounding or (self._thinking and waits)):
            self._close(now_ns, _LAST_WORDS_NS if self._farewell.waits else 0)
        return [*acts, *self._settle(now_ns)]

    def heard(self, now_ns: int) -> None:
        """The agent's sound goes on: told as often as is convenient."""
        self._heard_ns = now_ns

    def tick(self, now_ns: int) -> list[Act]:
        """Time has passed. To be called at ``deadline_ns``."""
        acts: list[Act] = []
        if row := self._keys.tick(now_ns):
            acts.append(Keyed(row))
        speech = self._speech
        if speech is not None and speech.stage == "given" and now_ns >= speech.until_ns:
            if self._sounding and now_ns < self._heard_ns + _STALLED_NS:
                # Something else is being said: that comes first.
                speech.until_ns = self._heard_ns + _STALLED_NS
            else:
                self._sounding = False
                self._said(now_ns)
        if self._stalled_ns is not None and now_ns >= self._stalled_ns:
            # The end of a sound that never came.
            self._sounding = self._thinking = False
            self._first = "over"
            if self._speech is not None and self._speech.stage == "sounding":
                self._said(now_ns)
            elif self._speech is None:
                self._close(now_ns, 0)
        if self._first == "awaited" and now_ns >= self._first_until_ns:
            self._first = "over"
        return [*acts, *self._limits(now_ns), *self._settle(now_ns)]

    # Time --------------------------------------------------------------------------------------

    @property
    def deadline_ns(self) -> int | None:
        """When ``tick`` must be called at the latest; ``None`` when no time matters."""
        if self.over:
            return None
        limits, speech, farewell = self.policy.limits, self._speech, self._farewell
        found: list[int | None] = [self._keys.deadline_ns, self._stalled_ns]
        if speech is not None and speech.stage == "given":
            found.append(speech.until_ns)
        if self._opening_mutes and self._first == "awaited":
            found.append(self._first_until_ns)
        if farewell is not None:
            found.append(farewell.at_ns)
        else:
            if limits.duration_ns:
                found.append(self._began_ns + limits.duration_ns)
                if limits.warn_before_ns and not self._warned:
                    found.append(self._began_ns + limits.duration_ns - limits.warn_before_ns)
            if self._calm and self._silent_ns is not None and self._steps < len(self.policy.idle):
                found.append(self._silent_ns + self.policy.idle[self._steps].after_ns)
            if self._answering is not None:
                found.append(self._answering.deadline_ns)
        return min((at for at in found if at is not None), default=None)

    # Inside ------------------------------------------------------------------------------------

    @property
    def _opening_mutes(self) -> bool:
        return self.policy.opening.mute == "until_heard"

    @property
    def _first_until_ns(self) -> int:
        return self._began_ns + _BEGIN_WITHIN_NS

    @property
    def _stalled_ns(self) -> int | None:
        """When sound, or an answer, that an end waits for is given up; only an end waits for anything."""
        if self._farewell is None or self._farewell.at_ns is not None:
            return None
        if self._speech is not None and self._speech.stage == "given":
            return None
        return self._heard_ns + _STALLED_NS

    @property
    def _awaits_own_words(self) -> bool:
        return self._farewell is not None and not self._farewell.says

    @property
    def _calm(self) -> bool:
        """Whether nobody speaks, is about to, or is at work."""
        return not (self._user or self._sounding or self._thinking or self._tools or self._speech)

    @property
    def _mutes(self) -> bool:
        if self._switch or self._farewell is not None:
            return True
        opening, speech = self.policy.opening.mute, self.policy.interruptions
        return (
            (opening == "until_heard" and self._first != "over" and not self._unanswered)
            or (opening == "first_speech" and self._first == "sounding")
            or (speech.mode == "mute" and self._sounding)
            or (speech.during_tools == "mute" and self._tools > 0)
        )

    @property
    def _unanswered(self) -> bool:
        """Whether nobody knows yet who is at the other end of a line that we called."""
        return self._answering is not None and not self._answering.settled

    def _sign_of_life(self) -> None:
        self._silent_ns, self._steps = None, 0
        if self._speech is not None and self._speech.say.kind == "idle" and self._speech.stage == "wanted":
            self._speech = None

    def _want(self, say: Say) -> None:
        if self._farewell is None and self._speech is None:
            self._speech = _Speech(say)

    def _said(self, now_ns: int) -> None:
        """Words of ours are over, or are not waited for any more."""
        speech, self._speech = self._speech, None
        if speech is not None and speech.say.kind == "goodbye":
            self._close(now_ns, _TAIL_NS)

    def _close(self, now_ns: int, wait_ns: int) -> None:
        if self._farewell is not None:
            self._farewell = replace(self._farewell, at_ns=now_ns + wait_ns)

    def _limit(self, now_ns: int, reason: EndReason) -> list[Act]:
        return self.end(now_ns, reason, waits=False, own_words=_GOODBYE)

    def _limits(self, now_ns: int) -> list[Act]:
        """What time alone brings about: the longest duration, silence, and nobody who answers."""
        limits = self.policy.limits
        if self._farewell is not None or self.over:
            return []
        if limits.duration_ns and now_ns >= self._began_ns + limits.duration_ns:
            return self._limit(now_ns, EndReason.MAX_DURATION)
        if (
            limits.warn_before_ns
            and not self._warned
            and now_ns >= self._began_ns + limits.duration_ns - limits.warn_before_ns
        ):
            self._warned = True
            told = _WARNING.format(seconds=limits.warn_before_ns // SECOND)
            self._want(Say(limits.warning or told, "warning", bool(limits.warning)))
        if self._calm and self._silent_ns is not None and self._steps < len(self.policy.idle):
            step = self.policy.idle[self._steps]
            if now_ns >= self._silent_ns + step.after_ns:
                self._steps += 1
                if step.end:
                    return self.end(now_ns, EndReason.IDLE, say=step.say, waits=False)
                self._want(Say(step.say, "idle"))
        return []

    def _answered(self, now_ns: int) -> list[Act]:
        """On a line that was called: whether a person, a machine or nobody is there."""
        assert self._answering is not None
        who = self._answering.verdict(now_ns)
        if who == "nobody":
            return self.end(now_ns, EndReason.NO_ANSWER, "nobody was heard", None, waits=False)
        if who == "machine":
            say = self._answering.policy.message or None
            self._answering = None
            return self.end(now_ns, EndReason.VOICEMAIL, "a machine answered", say, waits=False)
        if who in ("person", "silence") and not self._answering.settled:
            self._answering.settled = True
            if self.policy.opening.greeting and self._first == "awaited":
                self._want(Say(self.policy.opening.greeting, "greeting"))
        return []

    def _settle(self, now_ns: int) -> list[Act]:
        """What follows from how things are now."""
        if self.over:
            return []
        acts: list[Act] = []
        if self._answering is not None and self._farewell is None:
            acts += self._answered(now_ns)
            if self._farewell is not None:
                # That has settled itself.
                return acts
        speech = self._speech
        if speech is not None and speech.stage == "wanted" and self._may_say(speech.say.kind):
            speech.stage, speech.until_ns = "given", now_ns + _BEGIN_WITHIN_NS
            acts.append(speech.say)
        if self._calm and self._silent_ns is None:
            self._silent_ns = now_ns
        mutes = self._mutes
        if mutes is not self.muted:
            self.muted = mutes
            acts.append(Mute(mutes))
        farewell = self._farewell
        if farewell is not None and farewell.at_ns is not None and now_ns >= farewell.at_ns:
            self.over = True
            acts.append(Ended(farewell.reason, farewell.detail))
        return acts

    def _may_say(self, kind: SpeechKind) -> bool:
        """Whether words of ours would disturb nobody now."""
        if kind == "goodbye":
            waits = self._farewell is not None and self._farewell.waits
            return not self._sounding and not (self._thinking and waits)
        if kind == "greeting":
            return not self._sounding
        return not (self._user or self._sounding or self._thinking or self._tools)
