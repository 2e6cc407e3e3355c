"""DTMF menu: what keys of a telephone mean, for the model, for colleagues, or for a function that waits.

Ports: ``keys`` in; ``context`` out, joined to the model; ``calls`` in and ``results`` out, for a model that asks for
digits by the function that ``ask`` names. A key of ``menu`` tells the model something (``tell``), hands the call over
(``to``) or ends it (``end``). While the model waits for digits, keys are collected until ``#``, the wanted number of
them, or a pause; ``*`` takes the last one back.

Example:
    dtmf_menu: {menu: {"1": {tell: The caller chose opening hours.}, "0": {to: human}}, ask: ask_for_digits}
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from ..pipeline import (
    SECOND,
    Doc,
    Duration,
    In,
    NameUsed,
    OptionFault,
    Out,
    Processor,
    Range,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
)
from ..pipeline.end_reason import EndReason
from ..pipeline.events import Interrupted, StateChanged, ToolCalled, ToolFinished
from ..pipeline.frames import DtmfFrame
from .dtmf_collector import Collector, Digits
from .gemini_live.colleagues.persona import HUMAN
from .gemini_live.frames import ContextFrame, HandOverFrame
from .tools.answering import answer_call
from .tools.catalog import FunctionSpec, ToolCatalog

__all__ = ["DtmfMenu", "MenuKey"]

_KEYS = "0123456789*#ABCD"


@dataclass(frozen=True, slots=True)
class MenuKey:
    """What a key does; one of these."""

    tell: Annotated[str, Doc("what the model is told, and answers to")] = ""
    to: Annotated[str, Doc("one of `agents` who takes over, or a human")] = ""
    end: Annotated[bool, Doc("whether the call ends")] = False


class DtmfMenu(Processor):
    """Let keys of a telephone choose and answer.

    Example:
        dtmf_menu: {menu: {"1": {tell: The caller chose opening hours.}, "0": {to: human}}}
    """

    emits = (Interrupted, StateChanged, ToolCalled, ToolFinished)

    keys: In[DtmfFrame] = In(required=False, doc="keys that were pressed")
    calls: In[ToolCallFrame | ToolCancelFrame] = In(
        required=False, doc="calls of the function that ask names"
    )
    context: Out[ContextFrame | HandOverFrame] = Out(doc="what the model is told, or who takes over")
    results: Out[ToolResultFrame] = Out(doc="the digits")

    def __init__(
        self,
        *,
        menu: Annotated[
            Mapping[str, MenuKey], Doc("what a single key does, by key (0 to 9, *, #): tell, to or end")
        ] = {},  # never changed, and shown as the default
        ask: Annotated[
            str, Doc("name of a function by which the model asks for digits; empty for none")
        ] = "",
        pause: Annotated[
            Duration, Range(SECOND // 2, 60 * SECOND), Doc("silence after a digit that ends what is entered")
        ] = 4 * SECOND,
        patience: Annotated[
            Duration, Range(SECOND, 120 * SECOND), Doc("wait for the first digit; then the model is told so")
        ] = 15 * SECOND,
    ) -> None:
        self._menu = menu
        self._ask = ask
        self._collector = Collector(pause, patience)
        self._waiting: asyncio.Future[Digits] | None = None

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        for key, one in options.get("menu", {}).items():
            if len(key) != 1 or key not in _KEYS:
                yield OptionFault(("menu", key), f"`{key[:20]}` is no key", f"keys are {' '.join(_KEYS)}")
            if sum((bool(one.tell), bool(one.to), one.end)) != 1:
                yield OptionFault(("menu", key), "a key does one of `tell`, `to` and `end`", "say which")

    @classmethod
    def names_used(cls, options: Mapping[str, Any]) -> Iterator[NameUsed]:
        for key, one in options.get("menu", {}).items():
            if one.to:
                yield NameUsed("agents", one.to, ("menu", key, "to"), (HUMAN,))

    @classmethod
    def names_given(cls, options: Mapping[str, Any]) -> Mapping[str, Collection[str]]:
        return {"functions": tuple(filter(None, [cls(**options)._ask]))}

    async def start(self) -> None:
        if self._ask:
            self.calls.advertised = ToolCatalog((_function(self._ask),))

    def on_keys(self, frame: DtmfFrame) -> None:
        now_ns = self.call.clock.now_ns()
        if self._collector.active:
            self._give(self._collector.key(frame.key, now_ns))
            return
        chosen = self._menu.get(frame.key)
        if chosen is None:
            return
        # Whoever presses a key has heard enough.
        self.call.conversation.hush()
        if chosen.end:
            self.call.end(EndReason.GOODBYE, f"the caller pressed {frame.key}")
        elif chosen.to:
            self.context.emit(HandOverFrame(to=chosen.to, reason=f"the caller pressed {frame.key}"))
        else:
            self.context.emit(ContextFrame(text=f"[{chosen.tell}]", reply=True))

    def on_calls(self, frame: ToolCallFrame | ToolCancelFrame) -> None:
        if isinstance(frame, ToolCancelFrame):
            if self._waiting is not None:
                self._collector.cancel()
                self._give(Digits("", whole=False))
        elif frame.name == self._ask and self._ask:
            # Not in the handler: keys have to come through meanwhile.
            self.spawn(self._answer(frame), name="digits")

    async def _answer(self, frame: ToolCallFrame) -> None:
        self.results.emit(await answer_call(self.call, frame, self._digits))

    async def _digits(self, args: Mapping[str, Any]) -> dict[str, Any]:
        if self._waiting is not None:
            return {"error": "digits are being waited for already"}
        wanted = args.get("count")
        self._collector.begin(int(wanted) if isinstance(wanted, int | float) else 0, self.call.clock.now_ns())
        waiting = self._waiting = asyncio.get_running_loop().create_future()
        try:
            while (deadline_ns := self._collector.deadline_ns) is not None and not waiting.done():
                left_s = max(0, deadline_ns - self.call.clock.now_ns()) / SECOND
                await asyncio.wait({waiting}, timeout=left_s)
                self._give(self._collector.tick(self.call.clock.now_ns()))
            digits = await waiting
        finally:
            self._waiting = None
            self._collector.cancel()
        if not digits.whole:
            return {"error": "the caller entered nothing"}
        return {"digits": digits.text}

    def _give(self, digits: Digits | None) -> None:
        if digits is not None and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(digits)


def _function(name: str) -> FunctionSpec:
    count = {"type": "integer", "description": "how many, where that is known"}
    return FunctionSpec(
        name,
        "Wait for digits that the caller enters on the telephone's keys: a customer number, a PIN, a choice. Ask for "
        "them first, and say that # ends them.",
        {"type": "object", "properties": {"count": count}},
    )
