"""Carries out the manners of one call: tells the state machine what happens, and does what it decides.

What it needs of the call is small: its conversation, whoever can speak in it, and a way to end it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..clock import Clock
from ..convert.scalars import CallText
from ..end_reason import EndReason, read_end_reason
from ..events import EventBus, KeyPressed, MuteChanged, Transcript, Usage
from ..turns.acts import Act, Ended, Hush, Keyed, Mute, Say
from ..turns.conversation import Conversation
from ..turns.conversation_policy import ConversationPolicy
from ..turns.manners import Manners
from ..units import SECOND
from .call_functions import CallFunction
from .speakers import Speaking

__all__ = ["Host"]

logger = logging.getLogger("livegraph.call")


class Host:
    """The manners of one call, at work. It is the conversation's witness.

    Args:
        end: ends the call.
        speakers: the nodes that can speak now, by name.
        inputs: what stands for ``{{inputs.name}}`` in the texts of the policy.
    """

    def __init__(
        self,
        clock: Clock,
        events: EventBus,
        conversation: Conversation,
        policy: ConversationPolicy,
        end: Callable[[EndReason, str], None],
        speakers: Callable[[], Mapping[str, Speaking]],
        inputs: Mapping[str, Any],
    ) -> None:
        self._clock, self._events, self._conversation, self._end = clock, events, conversation, end
        self._speakers = speakers
        self._inputs = inputs
        self._manners = Manners(policy)
        self._facts: deque[Callable[[int], Iterable[Act]]] = deque()
        self._busy = self._begun = self._closed = False
        self._mutes_itself = False
        self._timer: asyncio.TimerHandle | None = None
        self._undo: list[Callable[[], None]] = []
        self._last_speaker = ""
        self._tokens = 0
        self.judge_by(policy)
        conversation.watch(self)

    # Life --------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Every node works."""
        self._begun = True
        self._fact(self._manners.begin)
        if not self._speakers():
            self._fact(self._manners.unsayable)

    def judge_by(self, policy: ConversationPolicy) -> None:
        """Go by ``policy`` from now on. What it says of the beginning is over, once the call has begun."""
        self._manners.policy = _filled(policy, self._inputs) if self._inputs else policy
        self._conversation.interrupt_by(policy.interruptions)
        self._keep_muted()
        for undo in self._undo:
            undo()
        self._undo = []
        ending, limits = policy.ending, policy.limits
        if (ending is not None and ending.phrases) or policy.outbound is not None:
            self._undo.append(self._events.subscribe(Transcript, self._transcript))
        if limits.cost or limits.tokens:
            self._undo.append(self._events.subscribe(Usage, self._usage))
        if self._begun:
            self._fact(self._manners.tick)

    def functions(self) -> list[CallFunction]:
        """What the model can do about the call itself, by the policy that it begins with."""
        ending = self._manners.policy.ending
        if ending is None or not ending.tool:
            return []
        description = (
            "End the call. To be called when the caller wants to hang up or everything is done, never before. "
            + (
                "Do not say goodbye yourself: it is said for you."
                if ending.say
                else "Say goodbye first: what you are saying is heard to its end."
            )
        )
        reason = {"type": "string", "description": "why the call ends, in a few words"}
        parameters = {"type": "object", "properties": {"reason": reason}}
        return [CallFunction("end_call", description, self._end_call, parameters, silent=True)]

    def _end_call(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        detail = str(arguments.get("reason") or "")[:200]
        self.end_after_speech(detail=detail)
        return {"result": "the call ends"}

    def close(self) -> None:
        """The call is over."""
        self._closed = True
        for undo in self._undo:
            undo()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # What programs, tools and pages ask for -----------------------------------------------------

    @property
    def policy(self) -> ConversationPolicy:
        """What it goes by, with the texts of this call."""
        return self._manners.policy

    @property
    def leaving(self) -> bool:
        """Whether the end of the call was decided."""
        return self._manners.leaving

    def say(self, text: str) -> bool:
        """Have the agent say ``text`` now, word for word; whether anybody can."""
        found = self._speaker()
        if found is not None:
            found[1].say(text)
        return found is not None

    def end_after_speech(
        self, text: str = "", reason: EndReason | str = EndReason.GOODBYE, detail: str = ""
    ) -> None:
        """End the call when ``text``, or else the goodbye of the policy or the agent's own words, was heard."""
        why, more = read_end_reason(reason, detail)
        self._fact(lambda now_ns: self._manners.end(now_ns, why, more, text))

    def mute(self, on: bool = True) -> None:
        """From now on the caller is unheard, or heard again."""
        self._fact(lambda now_ns: self._manners.switch(now_ns, muted=on))

    def muted_by_caller(self, on: bool) -> None:
        """The caller has switched their microphone off, or on again."""
        self._mutes_itself = on
        self._keep_muted()
        self._fact(lambda now_ns: self._manners.switch(now_ns, muted=on, who="caller"))

    def _keep_muted(self) -> None:
        # What is heard of a microphone that its owner has switched off is nothing that they want heard later.
        keeps = self._manners.policy.while_muted == "keep"
        self._conversation.keep_muted(keeps and not self._mutes_itself)

    # What the conversation tells ------------------------------------------------------------------

    def voice(self, on: bool) -> None:
        """The caller's voice begins or ends, whether it is heard or not."""
        self._fact(self._manners.user_started if on else self._manners.user_stopped)

    def acted(self) -> None:
        """The caller wrote."""
        self._fact(self._manners.user_acted)

    def pressed(self, key: str) -> None:
        """The caller pressed a key."""
        if self._events.wants(KeyPressed):
            self._events.publish(KeyPressed(time_ns=self._clock.now_ns(), key=key))
        self._fact(lambda now_ns: self._manners.pressed(now_ns, key))

    def sound(self, turn: int, on: bool) -> None:
        """The first or the last sound of ``turn`` was heard."""
        self._last_speaker = getattr(turn, "source", "") or self._last_speaker
        fact = self._manners.agent_started if on else self._manners.agent_stopped
        self._fact(lambda now_ns: fact(now_ns, turn))

    def thinking(self, on: bool) -> None:
        """An answer is due, or is not any more."""
        self._fact(lambda now_ns: self._manners.thinking(now_ns, on=on))

    def tools(self, pending: int) -> None:
        """So many functions are at work."""
        self._fact(lambda now_ns: self._manners.tools(now_ns, pending))

    def _transcript(self, event: Transcript) -> None:
        if event.final and event.text.strip():
            self._fact(lambda now_ns: self._manners.words(now_ns, event.role, event.text))

    def _usage(self, event: Usage) -> None:
        cost_usd = event.call_cost_usd or 0.0
        self._tokens += event.total_tokens
        self._fact(lambda now_ns: self._manners.used(now_ns, cost_usd, self._tokens))

    # What it decides ------------------------------------------------------------------------------

    def _fact(self, fact: Callable[[int], Iterable[Act]]) -> None:
        """Tell the machine. What it decides may bring about other facts: those come after."""
        if self._closed:
            return
        self._facts.append(fact)
        if self._busy or not self._begun:
            return
        self._busy = True
        try:
            while self._facts and not self._closed:
                for act in self._facts.popleft()(self._clock.now_ns()):
                    self._carry_out(act)
        finally:
            self._busy = False
        self._set_timer()

    def _carry_out(self, act: Act) -> None:
        match act:
            case Say():
                self._give(act)
            case Hush():
                self._conversation.hush()
            case Mute(on):
                self._conversation.mute(on)
                if self._events.wants(MuteChanged):
                    self._events.publish(MuteChanged(time_ns=self._clock.now_ns(), muted=on))
            case Keyed(keys):
                self._tell(f"[The caller pressed {' '.join(keys)} on the telephone.]")
            case Ended(reason, detail):
                self._end(reason, detail)

    def _give(self, say: Say) -> None:
        found = self._speaker()
        if found is None:
            self._fact(self._manners.unsayable)
            return
        name, speaker = found
        newest = self._conversation.newest_of(name)
        self._fact(lambda now_ns: self._manners.given(now_ns, name, newest))
        if say.exact:
            speaker.say(say.text)
        else:
            speaker.add_context(say.text, reply=True)

    def _tell(self, text: str) -> None:
        if (found := self._speaker()) is not None:
            found[1].add_context(text, reply=True)

    def _speaker(self) -> tuple[str, Speaking] | None:
        """Who spoke last, or else the first who could: with two of them one says goodbye."""
        speakers = self._speakers()
        if self._last_speaker in speakers:
            return self._last_speaker, speakers[self._last_speaker]
        return next(iter(speakers.items()), None)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_ns = self._manners.deadline_ns
        if deadline_ns is not None and not self._closed:
            delay_ns = max(0, deadline_ns - self._clock.now_ns())
            self._timer = asyncio.get_running_loop().call_later(delay_ns / SECOND, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._manners.heard(self._conversation.heard_ns)
        self._fact(self._manners.tick)


def _filled(policy: Any, values: Mapping[str, Any]) -> Any:
    """The policy with the call's inputs in its texts."""
    if isinstance(policy, CallText):
        return policy.filled(values)
    if isinstance(policy, tuple):
        return tuple(_filled(item, values) for item in policy)
    if dataclasses.is_dataclass(policy) and not isinstance(policy, type):
        changes = {
            field.name: _filled(getattr(policy, field.name), values) for field in dataclasses.fields(policy)
        }
        return dataclasses.replace(policy, **changes)
    return policy
