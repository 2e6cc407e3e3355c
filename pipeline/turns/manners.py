"""How an agent behaves in a conversation: a pure state machine with time as an argument.

It is told facts (who speaks, what was said, what it cost) and returns what to do now: something to say, who is unheard,
that the call is over. ``conversation_policy`` is what it goes by; ``running.host`` carries it out.

It keeps three promises, whatever the facts are: the caller is unheard only while somebody else speaks, is about to,
or is at work; there is one goodbye at most; and the call does not end before the last sample of what the agent says
then.
"""

from __future__ import annotations

from typing import Literal

from ..end_reason import EndReason
from ..units import MS, SECOND
from .acts import Act, Ended, Hush, Keyed, Mute, Say, SpeechKind
from .allowance import Allowance
from .conversation_policy import ConversationPolicy
from .farewell import Farewell
from .first_words import FirstWords
from .key_row import KeyRow
from .outbound import Answering
from .own_words import OwnWords
from .silence import Silence
from .unheard import Situation, is_unheard
from .words import holds_phrase, words_of

__all__ = ["Manners"]

_LAST_WORDS_NS = 2 * SECOND
"""Whoever ends the call by a function may still be about to say something."""
_TAIL_NS = 300 * MS
"""After the last sample: what still is on its way to the ear."""
_STALLED_NS = 10 * SECOND
"""Sound that does not go on by then is not waited for."""
_GOODBYE = "[The call ends now. Say goodbye in one short sentence, in the language of the conversation.]"


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
        self._allowance = Allowance()
        self._user = self._sounding = self._thinking = False
        self._tools = 0
        self._switches: set[str] = set()
        """Who has muted the caller, beside the policy."""
        self._first = FirstWords()
        self._speech: OwnWords | None = None
        self._farewell: Farewell | None = None
        self._silence = Silence()
        self._heard_ns = 0
        """When the agent was last heard to go on."""
        self._keys = KeyRow()
        self._answering: Answering | None = None
        self._held_turn = 0
        """What the model answered to a hello that the greeting of ours answers: not a word of it is heard."""

    # Facts -------------------------------------------------------------------------------------

    def begin(self, now_ns: int) -> list[Act]:
        """The call has started."""
        self._allowance, self._first = Allowance(now_ns), FirstWords(now_ns)
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
        done = (
            self._keys.press(now_ns, key, keys) if keys is not None and keys.tell and not self.leaving else ""
        )
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
            self._silence.breaks()
        elif self._awaits_own_words and not self._sounding:
            self._close(now_ns, _LAST_WORDS_NS)
        return self._settle(now_ns)

    def agent_started(self, now_ns: int, turn: int) -> list[Act]:
        """The first sound of ``turn`` was heard."""
        if self._greets_first:
            self._held_turn = turn
            return [Hush(), *self._settle(now_ns)]
        self._sounding, self._heard_ns = True, now_ns
        self._allowance.begins(turn)
        self._first.begin()
        speech = self._speech
        if speech is not None:
            speech.sound(turn)
        if speech is None or speech.say.kind != "idle":
            self._silence.ends()
        if self._farewell is not None:
            self._farewell.at_ns = None
        return self._settle(now_ns)

    def agent_stopped(self, now_ns: int, turn: int) -> list[Act]:
        """The last sound of ``turn`` was heard, or it was cut."""
        if turn == self._held_turn:
            return self._settle(now_ns)
        self._sounding, self._heard_ns = False, now_ns
        self._first.end()
        speech = self._speech
        if speech is not None and speech.stage == "sounding":
            self._said(now_ns)
        elif self._awaits_own_words:
            waits = self._farewell is not None and self._farewell.waits
            self._close(now_ns, _LAST_WORDS_NS if waits else _TAIL_NS)
        elif self._farewell is None:
            reason = self._allowance.spoke(turn, self.policy.limits)
            if reason is not None:
                return self._limit(now_ns, reason)
        return self._settle(now_ns)

    def tools(self, now_ns: int, pending: int) -> list[Act]:
        """So many functions are at work."""
        self._tools = pending
        if pending:
            self._silence.breaks()
        return self._settle(now_ns)

    def used(self, now_ns: int, cost_usd: float, tokens: int) -> list[Act]:
        """The call has cost so much so far, and so many tokens."""
        reason = self._allowance.used(cost_usd, tokens, self.policy.limits)
        if reason is not None:
            return self._limit(now_ns, reason)
        return self._settle(now_ns)

    def given(self, now_ns: int, source: str, after_turn: int) -> list[Act]:
        """What was to be said is with the node ``source``, whose newest turn is ``after_turn``."""
        if self._speech is not None:
            self._speech.taken(source, after_turn)
        return []

    def unsayable(self, now_ns: int) -> list[Act]:
        """Nobody can say what was to be said."""
        if self._speech is not None and self._speech.stage == "given":
            self._said(now_ns)
        self._first.give_up()
        return self._settle(now_ns)

    def switch(self, now_ns: int, *, muted: bool, who: str = "") -> list[Act]:
        """``who`` mutes the caller, or has them heard again; nobody's else mute is set aside by it, nor a rule's."""
        (self._switches.add if muted else self._switches.discard)(who)
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
        self._farewell = Farewell(reason, detail, bool(goodbye.text), waits and after_speech)
        self._speech = OwnWords(goodbye) if goodbye.text else None
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
        if (row := self._keys.tick(now_ns)) and not self.leaving:
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
            self._first.give_up()
            self._first.end()
            if self._speech is not None and self._speech.stage == "sounding":
                self._said(now_ns)
            elif self._speech is None:
                self._close(now_ns, 0)
        self._first.tick(now_ns)
        return [*acts, *self._limits(now_ns), *self._settle(now_ns)]

    @property
    def leaving(self) -> bool:
        """Whether the end was decided: nothing of the caller's is heard or told any more."""
        return self._farewell is not None

    # Time --------------------------------------------------------------------------------------

    @property
    def deadline_ns(self) -> int | None:
        """When ``tick`` must be called at the latest; ``None`` when no time matters."""
        if self.over:
            return None
        speech, farewell = self._speech, self._farewell
        found: list[int | None] = [self._keys.deadline_ns, self._stalled_ns]
        if speech is not None and speech.stage == "given":
            found.append(speech.until_ns)
        if self.policy.opening.mute == "until_heard":
            found.append(self._first.deadline_ns)
        if farewell is not None:
            found.append(farewell.at_ns)
        else:
            found.append(self._allowance.deadline_ns(self.policy.limits))
            if self._calm:
                found.append(self._silence.deadline_ns(self.policy.idle))
            if self._answering is not None:
                found.append(self._answering.deadline_ns)
        return min((at for at in found if at is not None), default=None)

    # Inside ------------------------------------------------------------------------------------

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
    def _greets_first(self) -> bool:
        """Whether the greeting is still to come, once it is clear who is at the other end of a line that we called."""
        held = self._answering is not None and not self._answering.settled and self._farewell is None
        return held and bool(self.policy.opening.greeting)

    @property
    def _mutes(self) -> bool:
        unanswered = self._answering is not None and not self._answering.settled
        switched, ending = bool(self._switches), self._farewell is not None
        now = Situation(self._first, self._sounding, self._tools, switched, ending, unanswered)
        return is_unheard(self.policy, now)

    def _sign_of_life(self) -> None:
        self._silence.ends()
        if self._speech is not None and self._speech.say.kind == "idle" and self._speech.stage == "wanted":
            self._speech = None

    def _want(self, say: Say) -> None:
        if self._farewell is None and self._speech is None:
            self._speech = OwnWords(say)

    def _said(self, now_ns: int) -> None:
        """Words of ours are over, or are not waited for any more."""
        speech, self._speech = self._speech, None
        if speech is not None and speech.say.kind == "goodbye":
            self._close(now_ns, _TAIL_NS)

    def _close(self, now_ns: int, wait_ns: int) -> None:
        if self._farewell is not None:
            self._farewell.at_ns = now_ns + wait_ns

    def _limit(self, now_ns: int, reason: EndReason) -> list[Act]:
        return self.end(now_ns, reason, waits=False, own_words=_GOODBYE)

    def _limits(self, now_ns: int) -> list[Act]:
        """What time alone brings about: the longest duration, silence, and nobody who answers."""
        limits = self.policy.limits
        if self._farewell is not None or self.over:
            return []
        if self._allowance.is_over(now_ns, limits):
            return self._limit(now_ns, EndReason.MAX_DURATION)
        warning = self._allowance.warning(now_ns, limits)
        if warning is not None:
            self._want(warning)
        step = self._silence.due(now_ns, self.policy.idle) if self._calm else None
        if step is not None and step.end:
            return self.end(now_ns, EndReason.IDLE, say=step.say, waits=False)
        if step is not None:
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
            if self.policy.opening.greeting and self._first.awaited:
                self._want(Say(self.policy.opening.greeting, "greeting"))
        return []

    def _settle(self, now_ns: int) -> list[Act]:
        """What follows from how things are now."""
        if self.over:
            return []
        acts: list[Act] = []
        if self._answering is not None and self._farewell is None:
            acts += self._answered(now_ns)
            if self._farewell is not None:  # that has settled itself
                return acts
        speech = self._speech
        if speech is not None and speech.stage == "wanted" and self._may_say(speech.say.kind):
            acts.append(speech.give(now_ns))
        if self._calm:
            self._silence.lasts(now_ns)
        mutes = self._mutes
        if mutes is not self.muted:
            self.muted = mutes
            acts.append(Mute(mutes))
        if self._farewell is not None and self._farewell.is_over(now_ns):
            self.over = True
            acts.append(Ended(self._farewell.reason, self._farewell.detail))
        return acts

    def _may_say(self, kind: SpeechKind) -> bool:
        """Whether words of ours would disturb nobody now."""
        if kind == "goodbye":
            waits = self._farewell is not None and self._farewell.waits
            return not self._sounding and not (self._thinking and waits)
        if kind == "greeting":
            return not self._sounding
        return not (self._user or self._sounding or self._thinking or self._tools)
