"""The simulator's mind: from what was heard to what is said and which tools are called.

A stand-in for the model, made of rules (`brain_file`) and of keyword matching over the tools that a session
declares. It knows no time and does no I/O; the same script, tools and utterances give the same actions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from .actions import Action, CallTool, Say, Silent
from .brain_file import BrainError, default_brain, load_brain, parse_brain
from .brain_fill import answer, fill, fill_from_rule, is_unfinished, missing, volunteered
from .brain_memory import Memory
from .brain_reply import Template, join_words, sentence
from .brain_requests import after_notes, asks_for_greeting, is_note, quoted, untagged
from .brain_script import Ask, Rule, Script
from .brain_slots import Value, find_named
from .brain_text import Heard, is_called_off, listen
from .brain_tools import Arguments, DeclaredTool, best_tool, read_tools
from .mind import Thought

__all__ = [
    "Action",
    "Brain",
    "BrainError",
    "CallTool",
    "Say",
    "Script",
    "Silent",
    "default_brain",
    "load_brain",
    "parse_brain",
]


_MOST_TRIES = 2
_TEXTS = ("text", "verbatim", "word")
_ROLE = re.compile(r"\byou are (?:called |named )?([^.!?\n;]{2,120})", re.IGNORECASE)


class Brain:
    """The mind of one session.

    Args:
        script: the rules.
        tools: the session's function declarations, as in ``setup.tools[].functionDeclarations``.
        system_instruction: "You are ..." in it becomes the answer to who the brain is.
    """

    def __init__(
        self, script: Script, tools: Iterable[Mapping[str, object]] = (), system_instruction: str = ""
    ) -> None:
        self._script = script
        self._tools = {tool.name: tool for tool in read_tools(tools)}
        role = _ROLE.search(system_instruction)
        self._always: dict[str, object] = {
            "role": role[1].strip() if role else None,
            "abilities": join_words([tool.label for tool in self._tools.values()][:5]) or None,
        }
        self._memory = Memory()
        self.puzzled = False
        """Whether what was heard last meant nothing to it."""
        self.word_for_word = False
        """Whether it was asked for the very words that it says."""

    def greet(self) -> list[Action]:
        """Begin the conversation."""
        return [self._say("greeting", self._script.greeting, {})]

    def hear(self, text: str) -> list[Action]:
        """Answer an utterance, spoken or typed. Any text will do; one without words gives `Silent`."""
        if (inner := untagged(text)) is not None:
            return self.instructed(inner)
        text = after_notes(text)
        self.puzzled = self.word_for_word = False
        if (words := quoted(text)) is not None:
            self.word_for_word = True
            return [Say(words)]
        if asks_for_greeting(text):
            return self.greet()
        heard = listen(text)
        if not heard.words:
            self.puzzled = True
            return [Silent()]
        note = is_note(text)
        if not note:
            self._learn(heard)
        return self._respond(heard, note=note)

    def instructed(self, text: str) -> list[Action]:
        """Act on an instruction that is not the caller's. It is never read aloud."""
        self.puzzled = self.word_for_word = False
        if (words := quoted(text)) is not None:
            self.word_for_word = True
            return [Say(words)]
        heard = listen(text)
        if heard.words and not asks_for_greeting(text) and (actions := self._new_request(heard)) is not None:
            return actions
        return self.greet()

    def thought(self, answer: Thought | None) -> list[Action]:
        """What a real mind makes of what it was asked; these rules ask none."""
        return []

    def was_cut(self, said: str) -> None:
        """The user has interrupted: only this was said of the last answer."""

    def remember(self, text: str, role: str = "user") -> None:
        """Learn from what was said before, by the caller or by the model, without an answer."""
        if role == "user" and untagged(text) is None:
            self._learn(listen(text), before=True)

    def forget_before(self) -> None:
        """Lose what `remember` was told."""
        for fact in self._memory.told_before:
            self._memory.known.pop(fact, None)
        self._memory.told_before.clear()

    def tool_result(self, call_key: str, response: Mapping[str, object]) -> list[Action]:
        """Speak of a tool's result, ``FunctionResponse.response``: ``output`` and ``error`` are conventional.

        A key that is unknown or was cancelled gives no action.
        """
        if response.get("error") and "output" not in response:
            return self.tool_failed(call_key, _reason(response["error"]))
        if (call := self._memory.calls.pop(call_key, None)) is None:
            return []
        value: object = response
        if len(response) == 1:
            value = next((response[key] for key in ("output", "result") if key in response), response)
        rule = self._rule(call)
        values = {**_mapping(call.get("slots")), "result": value}
        if rule and rule.say_result:
            return [self._say(f"{rule.id}.result", rule.say_result, values)]
        return [Say(sentence(value))]

    def tool_failed(self, call_key: str, error: str) -> list[Action]:
        """Speak of a tool that failed; `error` is for the caller's ears."""
        if (call := self._memory.calls.pop(call_key, None)) is None:
            return []
        rule, slots = self._rule(call), _mapping(call.get("slots"))
        reason = " ".join(error.split())[:200].rstrip(". ")
        if rule and rule.ask and self._memory.pending is None:
            # Who names another time is not asked for the rest again.
            self._memory.pending = {"rule": rule.id, "slots": slots, "waiting": None, "tries": 0}
        if rule and rule.say_error:
            values = {**slots, "error": reason}
            return [self._say(f"{rule.id}.error", rule.say_error, values)]
        return [Say(f"Sorry, that did not work: {reason}." if reason else "Sorry, that did not work.")]

    def cancelled(self, call_key: str) -> None:
        """Forget a call; its result, should it come, says nothing any more."""
        self._memory.calls.pop(call_key, None)

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """The keys of the calls that have no result yet."""
        return tuple(self._memory.calls)

    def snapshot(self) -> dict[str, object]:
        """All that this session has learnt, as plain JSON data."""
        return self._memory.snapshot()

    def restore(self, snapshot: Mapping[str, object]) -> None:
        """Go on where `snapshot` was taken, with the same script and tools or with others.

        Raises:
            ValueError: this is not a snapshot.
        """
        self._memory = Memory.restored(snapshot)

    def _respond(self, heard: Heard, *, note: bool = False) -> list[Action]:
        """What is said to it. A ``note`` to the model is no wish of the caller's, and is not read aloud."""
        if self._memory.pending is not None:
            pending, self._memory.pending = self._memory.pending, None
            if (actions := self._go_on(pending, heard)) is not None:
                return actions
        if (actions := self._new_request(heard)) is not None:
            return actions
        if not note and (actions := self._try_rules(self._script.otherwise, heard)) is not None:
            return actions
        self.puzzled = True
        echo = {} if note else {"heard": _echo(heard)}
        return [self._say("fallback", self._script.fallback, echo)]

    def _learn(self, heard: Heard, *, before: bool = False) -> None:
        """Keep the name by which the caller goes."""
        if (found := find_named(heard, ())) is None:
            return
        self._memory.known["caller"] = str(found.value)
        if before and "caller" not in self._memory.told_before:
            self._memory.told_before.append("caller")

    def _new_request(self, heard: Heard) -> list[Action] | None:
        if (actions := self._try_rules(self._script.rules, heard)) is not None:
            return actions
        # Rules are written for what they hear; words of a note that a tool has too mean nothing.
        if (
            self._script.use_tools
            and not is_note(heard.text)
            and (tool := best_tool(list(self._tools.values()), heard))
        ):
            args = fill(tool, heard)
            if lacking := missing(tool, args):
                needed = join_words([f"the {each}" for each in lacking])
                return [Say(f"To {tool.label} I have to hear {needed}, all in one sentence.")]
            return [self._call(None, tool, {}, args)]
        return None

    def _try_rules(self, rules: Sequence[Rule], heard: Heard) -> list[Action] | None:
        for rule in rules:
            if not self._is_able(rule):
                continue
            matches: list[dict[str, Value]] = [
                slots for pattern in rule.patterns if (slots := pattern.match(heard)) is not None
            ]
            if matches:
                # "book a table" also matches where "book a table for {guests}" tells more.
                fullest = max(matches, key=len)
                told = volunteered(rule.ask, heard, fullest)
                return self._apply(rule, {**told, **fullest, "heard": _echo(heard)}, heard)
        return None

    def _apply(self, rule: Rule, slots: dict[str, object], heard: Heard) -> list[Action]:
        """Do what a rule says, or ask for the first slot that it lacks."""
        for ask in rule.ask:
            if ask.slot not in slots:
                self._memory.pending = {"rule": rule.id, "slots": slots, "waiting": ask.slot, "tries": 0}
                return [self._ask(rule, ask, slots)]
        if rule.silent:
            return [Silent()]
        actions: list[Action] = [self._say(f"{rule.id}.say", rule.say, slots)] if rule.say else []
        if rule.call:
            tool = self._tools[rule.call.tool]
            if rule.call.args is None:
                args = fill(tool, heard)
            else:
                args = fill_from_rule(tool, rule.call.args, {**self._values(), **slots})
            actions.append(self._call(rule, tool, slots, args))
        return actions

    def _call(
        self, rule: Rule | None, tool: DeclaredTool, slots: dict[str, object], args: Arguments
    ) -> CallTool:
        return CallTool(tool.name, args, self._memory.new_call(rule.id if rule else None, slots))

    def _ask(self, rule: Rule, ask: Ask, slots: Mapping[str, object]) -> Say:
        return self._say(f"{rule.id}.ask.{ask.slot}", ask.say, slots)

    def _go_on(self, pending: dict[str, object], heard: Heard) -> list[Action] | None:
        """Take the utterance as the answer to a rule's question; None when it is something else."""
        if is_called_off(heard):
            return [self._say("cancelled", self._script.cancelled, {"heard": _echo(heard)})]
        rule, slots = self._rule(pending), _mapping(pending["slots"])
        if rule and pending["waiting"] is None:
            return self._corrected(rule, slots, heard)
        ask = next((ask for ask in rule.ask if ask.slot == pending["waiting"]), None) if rule else None
        if rule is None or ask is None or not self._is_able(rule):
            # Script or tools have changed since.
            return None
        # A note to the model is no answer of the caller's, however little a text has to be. Anything at all could be a
        # text, a question that something else understands is none.
        begun = is_unfinished(ask.kind, heard)
        value = None if begun or is_note(heard.text) else answer(ask.kind, heard)
        if ask.kind in _TEXTS and heard.text.rstrip().endswith("?") and self._is_understood(heard):
            value = None
        # A free text may name a day that has nothing to do with the others.
        told = {} if ask.kind in _TEXTS else volunteered(rule.ask, heard, slots)
        if value is not None:
            return self._apply(rule, {**slots, **told, ask.slot: value}, heard)
        if self._is_understood(heard):
            return None
        if told:
            return self._apply(rule, {**slots, **told}, heard)
        tries = pending["tries"]
        if not isinstance(tries, int) or tries >= _MOST_TRIES:
            return [self._say("cancelled", self._script.cancelled, {"heard": _echo(heard)})]
        self._memory.pending = {**pending, "tries": tries + 1}
        # Silence would not do: it is no answer, and the model would be asked for one.
        return [Say("Yes?") if begun and not tries else self._ask(rule, ask, slots)]

    def _corrected(self, rule: Rule, slots: dict[str, object], heard: Heard) -> list[Action] | None:
        """Try a call that failed again with another day or time; None when none is told."""
        if not self._is_able(rule) or is_note(heard.text) or self._is_understood(heard):
            return None
        told = volunteered(rule.ask, heard, slots)
        return self._apply(rule, {**slots, **told}, heard) if told else None

    def _is_understood(self, heard: Heard) -> bool:
        """Whether some rule or tool knows what to do with it."""
        if any(
            pattern.match(heard) is not None
            for rule in self._script.rules
            if self._is_able(rule)
            for pattern in rule.patterns
        ):
            return True
        if is_note(heard.text) or not self._script.use_tools:
            return False
        return best_tool(list(self._tools.values()), heard) is not None

    def _is_able(self, rule: Rule) -> bool:
        """Whether the session has the tool that a rule calls."""
        return not rule.call or rule.call.tool in self._tools

    def _say(self, site: str, texts: tuple[Template, ...], values: Mapping[str, object]) -> Say:
        """The next of several texts for which all values are there."""
        known = {**self._values(), **values}
        turn = self._memory.rotation.get(site, 0)
        for step in range(len(texts)):
            number = (turn + step) % len(texts)
            if text := texts[number].fill(known):
                self._memory.rotation[site] = (number + 1) % len(texts)
                return Say(text)
        return Say(texts[0].fill(known, "") or "Okay.")

    def _values(self) -> dict[str, object]:
        return {**self._always, "caller": self._memory.known.get("caller")}

    def _rule(self, remembered: Mapping[str, object]) -> Rule | None:
        return self._script.by_id.get(str(remembered.get("rule")))


def _echo(heard: Heard) -> str:
    """The beginning of what was heard, without the last full stop."""
    return heard.original(0, min(16, len(heard.words)))


def _reason(error: object) -> str:
    if isinstance(error, Mapping):
        error = error.get("message", "")
    return error if isinstance(error, str) else ""


def _mapping(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, Mapping) else {}
