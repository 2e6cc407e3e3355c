"""The functions that the model asked for and that have not answered: by id, over any number of connections. Pure."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....liveapi import FunctionCall, FunctionResponse
from .limits import bounded_result
from .outcomes import Answer, CallTool, CancelTools, Outcome, Remark
from .pieces import CallPieces, Spoiled
from .tombstones import Tombstones
from .wishes import wish

__all__ = ["Calls", "Late", "ToolRules", "told_late"]

_MOST_PENDING = 512


@dataclass(frozen=True, slots=True)
class ToolRules:
    """What the model and the endpoint do with results."""

    functions: Mapping[str, bool | None] | None = None
    """Names of the functions there are, and whether each blocks (``None``: as the model has it); ``None`` when it is
    not known which there are, and every call is passed on."""
    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of their arguments, by name, where they are known."""
    blocks: bool = True
    """Whether a function of which nothing is said blocks."""
    scheduling: bool = True
    continuing: bool = True
    """Whether a function may answer more than once."""
    most_characters: int = 100_000
    """The longest result that is sent whole."""

    def blocking(self, name: str) -> bool:
        """Whether the model waits for this function."""
        said = (self.functions or {}).get(name)
        return self.blocks if said is None else said


@dataclass(slots=True)
class _Pending:
    name: str
    args: dict[str, Any]
    wish: str
    """What is asked for; see ``wishes``."""
    wire_ids: list[str]
    """Under which ids the server asks; an empty one where it gave none."""
    foreign: bool = False
    """Whether a session asked that is no more."""
    cut: bool = False
    """Whether the user has interrupted since."""
    continued: bool = False
    """Whether it has given a result that was not the last."""
    parts: list[dict[str, Any]] = field(default_factory=list)
    """Results so far, where the model takes only one."""
    scheduling: str = ""
    """Of those."""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Late:
    """A result for a session that never asked for it: it can only be told in words."""

    text: str
    silent: bool = False
    """Whether it is to be known and not spoken of."""


def told_late(name: str, body: Mapping[str, Any]) -> str:
    """A result in words, for a session that never asked for it."""
    shown = json.dumps(body, ensure_ascii=False)
    return f"[The function {name}, called before, has now returned {shown}.]"


class Calls:
    """Who waits for which result.

    ``claims(id)`` takes an id for these calls; ``False`` when another session of the conversation has it.
    """

    def __init__(
        self, rules: ToolRules, salt: str = "", claims: Callable[[str], bool] = lambda call_id: True
    ) -> None:
        self._rules = rules
        self._claims = claims
        self._tombstones = Tombstones(salt)
        self._pending: dict[str, _Pending] = {}
        self._aliases: dict[str, str] = {}
        """Ids of calls that the server repeated, and the id under which the function was asked."""
        self._made_ids = itertools.count(1)
        self.pieces = CallPieces()
        """Calls of which more is to come."""

    def __bool__(self) -> bool:
        return bool(self._pending)

    @property
    def rules(self) -> ToolRules:
        """What is done with results."""
        return self._rules

    @rules.setter
    def rules(self, rules: ToolRules) -> None:
        self._rules = rules

    @property
    def blocking(self) -> bool:
        """Whether the model says nothing until a result is there."""
        return any(self._rules.blocking(call.name) for call in self._pending.values())

    def ask(self, call: FunctionCall) -> list[Outcome]:
        """The server asks for a function, or tells a part of what it asks for."""
        whole = self.pieces.take(call)
        if isinstance(whole, Spoiled):
            why = f"the call of {whole.name!r} came in pieces that do not fit together: {whole.why}"
            response = FunctionResponse(id=whole.id, name=whole.name, response={"error": why})
            return [Remark(f"{why}; the model is told so"), Answer(response)]
        return [] if whole is None else self._ask(whole)

    def _ask(self, call: FunctionCall) -> list[Outcome]:
        call_id = wire_id = call.id or self._made_id()
        wished = wish(call.name, call.args, self._rules.schemas.get(call.name))
        known = self._pending.get(self._aliases.get(call_id, call_id))
        if known is not None and known.wish == wished:
            return [
                Remark(f"the server asked twice for {call.name} under the id {call_id}; it is asked once")
            ]
        if known is not None:
            # Another wish under an id that is taken: it is answered under that id as well.
            call_id = wire_id = self._made_id()
        elif not self._claims(call_id):
            # Another session of this conversation uses it, with the same tools behind both.
            call_id = self._made_id()
        again = self._again(call, wire_id, wished)
        if again is not None:
            return again
        functions = self._rules.functions
        unknown = functions is not None and call.name not in functions
        if unknown or len(self._pending) >= _MOST_PENDING:
            why = (
                f"there is no function {call.name!r}" if unknown else "too many calls wait for their results"
            )
            response = FunctionResponse(id=call.id, name=call.name, response={"error": why})
            return [Remark(f"{why}: the model is told so"), Answer(response)]
        key = self._tombstones.key(wished)
        self._pending[call_id] = _Pending(call.name, call.args, wished, [call.id], key=key)
        if wire_id != call_id:
            self._aliases[wire_id] = call_id
        return [CallTool(call_id, call.name, call.args, key)]

    def _made_id(self) -> str:
        return next(made for n in self._made_ids if self._claims(made := f"local-{n}"))

    def _again(self, call: FunctionCall, call_id: str, wished: str) -> list[Outcome] | None:
        """What to do with a call that is the same as one before; ``None``: it is another.

        A model that was interrupted, or lost its connection, asks for the same again under a new id. What it asked
        for may have consequences, so it is done once and answered to both.
        """
        for known_id, known in self._pending.items():
            if (known.cut or known.foreign) and known.wish == wished:
                known.wire_ids = [*([] if known.foreign else known.wire_ids), call.id]
                known.cut = known.foreign = False
                self._aliases[call_id] = known_id
                return [Remark(f"the server repeats its call of {call.name}, which has not answered yet")]
        stone = self._tombstones.again(call.id, wished)
        if stone is None or stone.body is None:
            return None
        response = FunctionResponse(id=call.id, name=call.name, response=stone.body)
        return [
            Remark(f"the server repeats its call of {call.name}: it gets the result that there is"),
            Answer(response),
        ]

    def cancel(self, ids: list[str]) -> list[Outcome]:
        """The server no longer wants these results."""
        gone = []
        self.pieces.withdraw(ids)
        for wire_id in ids:
            known_id = self._aliases.pop(wire_id, wire_id)
            call = self._pending.get(known_id)
            if call is None:
                continue
            call.wire_ids = [one for one in call.wire_ids if one != wire_id]
            if not call.wire_ids:
                self._forget(known_id)
                self._tombstones.bury(known_id, call.wish, call.key, None)
                gone.append(known_id)
        return [CancelTools(tuple(gone))] if gone else []

    def may_repeat(self) -> None:
        """The model was cut, lost its connection, or was asked again: it may ask for the same as before.

        Also where that was answered: a session that is taken up again may be older than the answer.
        """
        for call in self._pending.values():
            call.cut = True
        self._tombstones.interrupted()

    def broken_off(self) -> None:
        """The same, and it does not go on with what it was saying."""
        self.may_repeat()
        self.pieces.drop()

    def answered(self, *, sounded: bool) -> None:
        """A turn of the model is complete; one that was heard makes use of what was asked for."""
        if sounded:
            self._tombstones.forget()

    def arguments(self, call_id: str) -> dict[str, Any]:
        """With what a function that has not answered was called."""
        call = self._pending.get(call_id)
        return {} if call is None else call.args

    def name(self, call_id: str) -> str:
        """Which function has not answered under this id; empty where none has."""
        call = self._pending.get(call_id)
        return "" if call is None else call.name

    def result(
        self,
        call_id: str,
        body: dict[str, Any],
        scheduling: str = "",
        *,
        continues: bool = False,
        undone: bool = False,
    ) -> list[FunctionResponse] | Late | None:
        """What to send for a result; ``None`` when nobody waits for it (withdrawn, or answered).

        With ``continues`` more results of this call follow. An empty list: it is kept until the last has come. With
        ``undone`` it is no answer for a model that asks for the same again: the caller may have said yes meanwhile.
        """
        call = self._pending.get(call_id)
        if call is None:
            # Withdrawn, and it could not be stopped: should the model ask again, this is what it gets.
            if not undone:
                self._tombstones.late(call_id, body)
            return None
        rules = self._rules
        many = rules.continuing and not rules.blocking(call.name) and not call.foreign
        if continues and not many:
            call.parts.append(body)
            call.scheduling = scheduling
            return []
        if not continues:
            self._forget(call_id)
        if call.parts:
            body = {"output": [*call.parts, *([body] if body else [])]}
            scheduling, call.parts = call.scheduling, []
        body, _ = bounded_result(body, rules.most_characters)
        if not continues and not undone:
            # Who was disturbed while it waited may not know what came of it.
            self._tombstones.bury(call_id, call.wish, call.key, body, cut=call.cut or call.foreign)
        if call.foreign:
            return Late(told_late(call.name, body), scheduling == "SILENT")
        if rules.blocking(call.name) or not rules.scheduling:
            scheduling = ""
        call.continued = call.continued or continues
        return [
            FunctionResponse(
                # An id that we made up says nothing to the server: it then goes by the name.
                id=wire_id,
                name=call.name,
                response=body,
                scheduling=scheduling,
                # The last of several says that it is; a result that is alone need not.
                will_continue=continues if call.continued else None,
            )
            for wire_id in call.wire_ids
        ]

    def orphan(self) -> None:
        """The session that asked is no more: the functions go on, and the next session is told of their results."""
        for call in self._pending.values():
            call.foreign = True
        self._aliases.clear()
        self._tombstones.interrupted()

    def _forget(self, call_id: str) -> None:
        del self._pending[call_id]
        for alias in [alias for alias, known in self._aliases.items() if known == call_id]:
            del self._aliases[alias]
