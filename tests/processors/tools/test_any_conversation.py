"""Whatever callers, agents and slow tools do in any order: nothing runs without a yes, and one filler is said once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.pipeline import MS, SECOND, run_virtual
from livegraph.processors.tools import Filler
from livegraph.processors.tools.consent import Consents
from livegraph.processors.tools.context import ToolDesk
from livegraph.processors.tools.fillers import Filling

STEPS = st.one_of(
    st.tuples(st.just("wants"), st.integers(0, 1), st.sampled_from("ab")),
    st.tuples(st.just("agent"), st.booleans(), st.just("")),
    st.tuples(st.just("caller"), st.sampled_from(["Yes.", "No.", "What else is there?"]), st.just("")),
    st.tuples(st.just("time"), st.sampled_from([1, 100, 181]), st.just("")),
)


def agreed(log: list[tuple[int, str, Any]], wish: tuple[int, str], now_ns: int) -> bool:
    """Whether ``log`` has, in this order: asked for ``wish``, the agent's question, a yes of the last three minutes."""
    asked = put = False
    yes_ns: int | None = None
    for at_ns, what, who in log:
        if what == "ran" and who == wish:
            asked, put, yes_ns = False, False, None
        elif what == "asked" and who == wish:
            asked, put, yes_ns = True, False, None
        elif what == "agent" and asked:
            put = put or who
        elif what == "caller" and put:
            yes_ns = {"Yes.": at_ns, "No.": None}.get(who, yes_ns)
    return yes_ns is not None and now_ns - yes_ns <= 180 * SECOND


@settings(max_examples=150)
@given(st.lists(STEPS, max_size=40))
def test_nothing_runs_that_the_caller_was_not_asked_and_did_not_agree_to(steps: list[Any]) -> None:
    """Over two boxes with two functions each: a model that tries again and again, and a caller who says anything."""
    room: list[Consents] = []
    boxes = [Consents(room=room), Consents(room=room)]
    log: list[tuple[int, str, Any]] = []
    now_ns = 0
    for what, who, key in steps:
        if what == "wants":
            verdict = boxes[who].verdict(key, now_ns)
            if verdict == "yes":
                assert agreed(log, (who, key), now_ns)
                log.append((now_ns, "ran", (who, key)))
            if verdict in ("yes", "no"):
                boxes[who].spend(key)
            elif verdict == "unasked" and boxes[who].ask(key, now_ns):
                log.append((now_ns, "asked", (who, key)))
        elif what == "agent":
            for box in boxes:
                box.agent_heard(asks=who)
            log.append((now_ns, what, who))
        elif what == "caller":
            decided = [one for box in boxes for one in box.caller_heard(who, now_ns)]
            assert sum(agrees for _, agrees in decided) <= 1, "one yes is one to one question"
            log.append((now_ns, what, who))
        else:
            now_ns += who * SECOND


class Desk:
    """Notes what is to be said."""

    def __init__(self) -> None:
        self.fillers: set[str] = set()
        self.sounding: list[str] = []
        self.call = self
        self.conversation = self
        self.user_speaking = False

    def say(self, text: str) -> Callable[[], None]:
        assert text not in self.sounding, "nobody says the same twice at once"
        self.sounding.append(text)
        return lambda: self.sounding.remove(text)


TOOLS = st.lists(
    st.tuples(
        st.integers(0, 3_000), st.integers(0, 3_000), st.sampled_from(["Wait.", "I look."]), st.booleans()
    ),
    max_size=5,
)


@settings(max_examples=60)
@given(TOOLS, st.integers(0, 3_000))
def test_a_filler_is_said_by_one_and_never_after_its_answer(tools: list[Any], speaks_at_ms: int) -> None:
    """Tools side by side that take any time and may fail, while the caller speaks for half a second."""
    desk = Desk()
    log = logging.LoggerAdapter(logging.getLogger("fillers"), {})

    async def tool(begins_ms: int, takes_ms: int, filler: str, fails: bool) -> None:
        await asyncio.sleep(begins_ms / 1_000)
        try:
            with Filling(Filler(say=filler, after_ns=500 * MS), cast(ToolDesk, desk), log):
                await asyncio.sleep(takes_ms / 1_000)
                if fails:
                    raise ValueError
        except ValueError:
            pass

    async def caller() -> None:
        await asyncio.sleep(speaks_at_ms / 1_000)
        desk.user_speaking, before = True, len(desk.sounding)
        await asyncio.sleep(0.5)
        assert len(desk.sounding) <= before, "nothing begins while the caller speaks"
        desk.user_speaking = False

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(caller())
            for one in tools:
                group.create_task(tool(*one))
        assert not desk.sounding and not desk.fillers
        await asyncio.sleep(10)
        assert not desk.sounding, "no filler after its answer"

    run_virtual(main())
