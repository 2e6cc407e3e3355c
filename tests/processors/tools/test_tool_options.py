"""What is said of a tool holds, whoever asks: confirmation, retries, one at a time, duplicates, fillers, cache."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegraph.audio import write_wav
from livegraph.pipeline import MS, SECOND, ConversationPolicy, run_virtual
from livegraph.pipeline.events import Event, PersonaChanged, ToolCalled, ToolFinished, ToolServiceChanged
from livegraph.pipeline.turns.conversation_policy import IdleStep
from livegraph.processors.tools import Cached, Filler, ToolError, Who, tool
from livegraph.processors.tools.breaker import BreakerPolicy
from livegraph.processors.tools.python_tools import PythonTools
from livegraph.processors.tools.router import ToolRouter
from livegraph.processors.tools.settings import FunctionOptions
from livegraph.testing import no_tasks_left
from support.tool_calls import Model, talk, with_tools


def outcomes(events: list[Event]) -> list[str]:
    return [event.outcome for event in events if isinstance(event, ToolFinished)]


def test_nothing_is_booked_before_the_caller_has_said_yes_to_exactly_that() -> None:
    """Other arguments are another wish, the model's own claim is no yes, and a yes counts once."""
    booked: list[str] = []

    @tool(confirm="Shall I book {day} for you?")
    def book(day: str) -> str:
        booked.append(day)
        return "booked"

    async def script(model: Model, events: list[Event]) -> None:
        model.heard("user", "Yes, book something.")
        model.ask("book", "1", day="Monday")
        assert 'Ask the caller: "Shall I book Monday for you?"' in (await model.answer())["hint"]
        model.heard("agent", "Shall I book Monday for you?")
        model.heard("user", "Hm, what else is there?")
        model.ask("book", "2", day="Monday")
        assert "error" in await model.answer()
        model.heard("agent", "Monday or Tuesday. Shall I book Monday?")
        model.heard("user", "Yes, please.")
        model.ask("book", "3", day="Tuesday")
        assert "error" in await model.answer(), "that was not asked"
        model.ask("book", "4", day="Monday")
        assert await model.answer() == {"output": "booked"}
        model.ask("book", "5", day="Monday")
        assert "error" in await model.answer()
        assert outcomes(events) == ["unconfirmed"] * 3 + ["answered", "unconfirmed"]

    talk(with_tools(book), script)
    assert booked == ["Monday"]


def test_a_question_with_a_field_that_is_no_argument_is_told_before_a_call() -> None:
    @tool(confirm="Shall I book {day} at {tiem}, {day}?")
    def book(day: str, time: str = "") -> str:
        return "booked"

    @tool(confirm="Shall I pay?")
    def pay() -> str:
        return "paid"

    (fault,) = ToolRouter.check_options({"tools": [book, pay]})
    assert fault.warning and "`{tiem}`" in fault.message and fault.hint == "there is: day, time"


def test_two_things_asked_for_at_once_are_agreed_to_one_by_one() -> None:
    """And a line of the agent file between question and answer takes the question back."""
    done: list[str] = []

    @tool(confirm="Shall I pay?")
    def pay() -> str:
        done.append("paid")
        return "paid"

    @tool(confirm="Shall I cancel?")
    def cancel() -> str:
        done.append("cancelled")
        return "cancelled"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("pay", "1")
        model.ask("cancel", "2")
        assert "Shall I pay?" in (await model.answer())["hint"]
        assert "One question at a time" in (await model.answer())["hint"]
        model.heard("agent", "Shall I pay?")
        model.heard("agent", "Are you still there?")
        model.heard("user", "Yes.")
        model.ask("pay", "3")
        assert "has not agreed" in (await model.answer())["error"], "that was no answer to the question"
        model.heard("agent", "Shall I pay, then?")
        model.heard("user", "Yes.")
        model.ask("cancel", "4")
        assert "Shall I cancel?" in (await model.answer())["hint"]
        model.ask("pay", "5")
        assert await model.answer() == {"output": "paid"}
        assert outcomes(events) == ["unconfirmed"] * 4 + ["answered"]

    policy = ConversationPolicy(idle=(IdleStep("8s", "Are you still there?"),))
    talk(with_tools(pay, cancel), script, conversation=policy)
    assert done == ["paid"]


def test_a_yes_is_one_to_one_router_and_to_whoever_asked() -> None:
    """One router asks at a time, a filler of either is no question, and what a colleague asks is another."""
    done: list[str] = []

    @tool(confirm="Shall I pay?")
    def pay() -> str:
        done.append("paid")
        return "paid"

    @tool(confirm="Shall I cancel?", filler="One moment, please.")
    def cancel() -> str:
        done.append("cancelled")
        return "cancelled"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("pay", "1")
        await model.answer()
        model.ask("cancel", "2")
        assert "One question at a time" in (await model.answer())["hint"]
        model.heard("agent", "Shall I pay?")
        model.heard("agent", "One moment, please.")
        model.heard("user", "Yes.")
        model.ask("pay", "3")
        assert "has not agreed" in (await model.answer())["error"], "that was no answer to the question"
        model.heard("agent", "Shall I pay?")
        now_ns = model.call.clock.now_ns()
        model.call.events.publish(PersonaChanged(time_ns=now_ns, persona="billing", before="desk"))
        model.heard("agent", "This is billing, are you there?")
        model.heard("user", "Yes.")
        model.ask("pay", "4")
        assert "has not agreed" in (await model.answer())["error"], "that was said to billing"
        model.heard("agent", "Shall I pay?")
        model.heard("user", "Yes.")
        model.ask("pay", "5")
        assert await model.answer() == {"output": "paid"}

    talk(with_tools(pay, cancel, routers=2), script)
    assert done == ["paid"]


def test_a_shared_result_is_of_one_agent_and_one_box_alone() -> None:
    """Other agents of a server may have other tools of the same name."""

    async def look_here() -> str:
        return "here"

    async def look_there() -> str:
        return "there"

    def entry(function: Any) -> Any:
        return tool(name="look", cache=Cached(60 * SECOND, shared=True))(function)

    async def main() -> list[Any]:
        told = []
        for function in (look_here, look_there, look_here):
            graph = with_tools(entry(function))
            graph.name = function.__name__
            call = graph.plan().call()
            async with call:
                model = call.processor("model", Model)
                model.ask("look")
                told.append((await model.answer())["output"])
        return told

    assert run_virtual(main()) == ["here", "there", "here"]


def test_a_result_that_is_too_long_is_cut_and_says_so() -> None:
    """An error stays an error, words stay words, and what is an object is told by its beginning."""

    def words() -> str:
        return "wörd " * 1_000

    def rows() -> list[dict[str, int]]:
        return [{"row": number} for number in range(1_000)]

    def fail() -> str:
        raise ToolError("no " * 3_000, hint="h" * 3_000)

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("words")
        told = await model.answer()
        assert told["output"].startswith("wörd wörd") and len(told["output"].encode()) <= 2_000
        assert "too long, 6013 bytes" in told["cut"]
        model.ask("rows")
        assert (await model.answer())["output"].startswith('{"output":[{"row":0},')
        model.ask("fail")
        told = await model.answer()
        assert told["error"].startswith("no no") and len(str(told)) < 2_200
        assert outcomes(events) == ["answered", "answered", "refused"]

    talk(with_tools(words, rows, fail, max_result_bytes=2_000), script)


def test_a_no_is_told_and_the_next_time_is_asked_anew() -> None:
    @tool(confirm=True)
    def pay() -> str:
        raise AssertionError("never")

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("pay", "1")
        await model.answer()
        model.heard("agent", "Shall I pay?")
        model.heard("user", "No, wait.")
        model.ask("pay", "2")
        assert await model.answer() == {"error": "not done: the caller said no"}
        model.ask("pay", "3")
        assert "has not agreed" in (await model.answer())["error"]
        assert outcomes(events) == ["unconfirmed", "declined", "unconfirmed"]

    talk(with_tools(pay), script)


def test_what_may_pass_is_tried_again_within_the_deadline() -> None:
    tries: list[float] = []

    @tool(retries=3, timeout="5s")
    async def look() -> str:
        tries.append(asyncio.get_running_loop().time())
        if len(tries) < 3:
            raise ToolError("busy", retryable=True)
        return "seen"

    @tool(retries=3)
    async def refuse() -> str:
        raise ToolError("never")

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("look", "1")
        assert await model.answer() == {"output": "seen"}
        model.ask("refuse", "2")
        await model.answer()
        ended = [event for event in events if isinstance(event, ToolFinished)]
        assert [event.attempts for event in ended] == [3, 1]

    talk(with_tools(look, refuse), script)
    assert [round(later - before, 3) for before, later in pairwise(tries)] == [0.2, 0.4]


def test_a_try_has_its_own_deadline_inside_of_the_whole() -> None:
    @tool(retries=5, timeout="1s", attempt_timeout="400ms")
    async def hang() -> None:
        await asyncio.sleep(60)

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("hang")
        assert await model.answer() == {"error": "hang did not answer within 400ms"}
        [ended] = [event for event in events if isinstance(event, ToolFinished)]
        assert ended.attempts == 2 and ended.duration_ns <= SECOND

    talk(with_tools(hang), script)


@pytest.mark.parametrize("in_thread", [True, False])
def test_a_resource_is_used_by_one_tool_at_a_time_over_all_calls(in_thread: bool) -> None:
    """Two callers of one server, two tools that name the same calendar."""
    inside: list[int] = []
    most: list[int] = []

    @tool(exclusive="calendar")
    async def read() -> None:
        inside.append(1)
        most.append(len(inside))
        await asyncio.sleep(0.3)
        inside.pop()

    @tool(exclusive="calendar")
    def write() -> None:
        inside.append(1)
        most.append(len(inside))
        inside.pop()

    async def main() -> None:
        graph = with_tools(read, write)
        async with no_tasks_left(), graph.plan().call() as one, graph.plan().call() as other:
            models = [call.processor("model", Model) for call in (one, other)]
            for model in models:
                for number in range(3):
                    model.ask("write" if in_thread and number % 2 else "read", str(number))
            for model in models:
                for _ in range(3):
                    await model.answer()

    run_virtual(main())
    assert len(most) == 6 and max(most) == 1


def test_who_waits_too_long_for_a_resource_is_told() -> None:
    @tool(exclusive="printer", timeout="2s")
    async def use(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "used"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("use", "1", seconds=1.5)
        model.ask("use", "2", seconds=1.9)
        model.ask("use", "3", seconds=0.1)
        for _ in range(3):
            await model.answer()
        assert {answer.id: answer.result for answer in model.answers} == {
            "1": {"output": "used"},
            "2": {"error": "use did not answer within 2s"},
            "3": {"error": "use could not begin: printer is in use", "retryable": True},
        }
        model.ask("use", "4", seconds=0.1)
        assert await model.answer() == {"output": "used"}, "nobody keeps it for ever"

    talk(with_tools(use), script)


@pytest.mark.parametrize(
    ("manner", "runs", "told"),
    [
        ("run", 2, [{"output": 1}, {"output": 2}]),
        ("join", 1, [{"output": 1}, {"output": 1}]),
        ("refuse", 1, [{"error": "this is under way already: wait for its result"}, {"output": 1}]),
        ("replace", 2, [{"error": "it was asked for again, and the newer call counts"}, {"output": 2}]),
    ],
)
def test_the_same_wish_while_it_runs(manner: Any, runs: int, told: list[Any]) -> None:
    begun: list[int] = []

    @tool(on_duplicate=manner)
    async def look(day: str) -> int:
        begun.append(1)
        mine = len(begun)
        await asyncio.sleep(1)
        return mine

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("look", "1", day="Monday")
        await asyncio.sleep(0.2)
        model.ask("look", "2", day="Monday")
        assert [await model.answer() for _ in range(2)] == told
        model.ask("look", "3", day="Tuesday")
        await model.answer()
        # Every call is announced, and ends, exactly once.
        assert sorted(event.id for event in events if isinstance(event, ToolCalled)) == ["1", "2", "3"]
        assert sorted(event.id for event in events if isinstance(event, ToolFinished)) == ["1", "2", "3"]

    talk(with_tools(look), script)
    assert len(begun) == runs + 1


@pytest.mark.parametrize("withdrawn", ["1", "2"])
def test_of_two_that_share_one_answer_each_can_be_withdrawn(withdrawn: str) -> None:
    begun: list[int] = []

    @tool(on_duplicate="join")
    async def look() -> str:
        begun.append(1)
        await asyncio.sleep(1)
        return "seen"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("look", "1")
        await asyncio.sleep(0.2)
        model.ask("look", "2")
        await asyncio.sleep(0.2)
        model.withdraw(withdrawn)
        assert await model.answer() == {"output": "seen"}
        await asyncio.sleep(3)

    [answer] = talk(with_tools(look), script)
    assert answer.id == {"1": "2", "2": "1"}[withdrawn] and begun == [1]


def test_a_filler_is_heard_only_when_it_takes_long_and_ends_with_the_answer() -> None:
    @tool(filler="One moment, please.")
    async def look(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "seen"

    async def script(model: Model, events: list[Event]) -> None:
        [catalog] = model.catalogs
        assert catalog.lines == ("One moment, please.",)
        model.ask("look", "1", seconds=0.5)
        await model.answer()
        await asyncio.sleep(5)
        assert model.spoken == []
        began = model.call.clock.now_ns() // MS
        model.ask("look", "2", seconds=3)
        await model.answer()
        assert [(what, at - began) for what, at in model.spoken] == [
            ("One moment, please.", 700),
            ("end of One moment, please.", 3000),
        ]

    talk(with_tools(look), script)


def test_two_that_take_long_side_by_side_fill_the_silence_once() -> None:
    """The same words: once until whoever had them said has its answer. Others are said each in its turn."""

    @tool(filler="One moment, please.")
    async def look(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "seen"

    @tool(filler="I look it up.")
    async def read() -> str:
        await asyncio.sleep(3)
        return "read"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("look", "1", seconds=2)
        model.ask("look", "2", seconds=4)
        model.ask("read", "3")
        for _ in range(3):
            await model.answer()
        said = [what for what, _ in model.spoken]
        assert said == [
            "One moment, please.",
            "I look it up.",
            "end of One moment, please.",
            "end of I look it up.",
        ]
        model.ask("look", "4", seconds=2)
        await model.answer()
        assert [what for what, _ in model.spoken[4:]] == ["One moment, please.", "end of One moment, please."]

    talk(with_tools(look, read), script)


def test_a_filler_may_be_a_sound(tmp_path: Path) -> None:
    write_wav(tmp_path / "keys.wav", np.ones(800, np.int16), 8_000)

    @tool(filler=Filler(sound=tmp_path / "keys.wav", after_ns=100 * MS))
    async def look() -> str:
        await asyncio.sleep(1)
        return "seen"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("look")
        await model.answer()
        assert [what for what, _ in model.spoken] == ["sound of 800", "end of sound"]

    talk(with_tools(look), script)


def test_a_result_is_kept_for_its_time_within_the_call_or_for_all_calls() -> None:
    runs = {"own": 0, "common": 0}

    @tool(cache="10s")
    async def own(n: int) -> int:
        runs["own"] += 1
        return runs["own"]

    @tool(cache=Cached(60 * SECOND, shared=True))
    async def common() -> int:
        runs["common"] += 1
        return runs["common"]

    async def ask(model: Model) -> list[dict[str, Any]]:
        told = []
        for number, name in enumerate(("own", "own", "common", "common")):
            model.ask(name, str(number), **({"n": 1} if name == "own" else {}))
            told.append(await model.answer())
        return told

    async def main() -> None:
        graph = with_tools(own, common)
        async with graph.plan().call() as one:
            assert await ask(one.processor("model", Model)) == [{"output": 1}] * 4
        await asyncio.sleep(20)
        async with graph.plan().call() as other:
            model = other.processor("model", Model)
            assert await ask(model) == [{"output": 2}] * 2 + [{"output": 1}] * 2
            await asyncio.sleep(50)
            model.ask("common", "late")
            assert await model.answer() == {"output": 2}

    run_virtual(main())


def test_who_may_not_use_a_tool_is_not_told_of_it_and_cannot() -> None:
    @tool(allow=Who(callers=("staff-*",)))
    def secret() -> str:
        return "told"

    def plain() -> str:
        return "plain"

    def script_for(names: list[str], told: dict[str, Any]) -> Any:
        async def script(model: Model, events: list[Event]) -> None:
            assert [spec.name for spec in model.catalogs[0].functions] == names
            model.ask("secret")
            assert await model.answer() == told

        return script

    graph = with_tools(secret, plain)
    talk(graph, script_for(["secret", "plain"], {"output": "told"}), identity="staff-3")
    refused = {"error": "secret is not available to this caller"}
    talk(graph, script_for(["plain"], refused), identity="ada")


def test_a_service_that_fails_is_left_alone_by_all_its_tools() -> None:
    runs: list[str] = []

    @tool(service="diary")
    async def read() -> None:
        runs.append("read")
        raise ToolError("the diary is down", retryable=True)

    @tool(service="diary")
    async def write() -> str:
        runs.append("write")
        return "written"

    policy = BreakerPolicy(failures=2, within_ns=10 * SECOND, pause_ns=30 * SECOND)

    async def script(model: Model, events: list[Event]) -> None:
        for number in range(2):
            model.ask("read", f"r{number}")
            await model.answer()
        model.ask("write", "w1")
        assert await model.answer() == {
            "error": "write is not available now: diary does not answer",
            "hint": "do not try it again for 30 seconds",
        }
        await asyncio.sleep(31)
        model.ask("write", "w2")
        assert await model.answer() == {"output": "written"}
        assert outcomes(events) == ["refused", "refused", "unavailable", "answered"]
        changes = [event for event in events if isinstance(event, ToolServiceChanged)]
        assert [(one.service, one.kind, one.state) for one in changes] == [
            ("diary", "breaker", state) for state in ("open", "half_open", "closed")
        ]

    talk(with_tools(read, write, breaker=policy), script)
    assert runs == ["read", "read", "write"]


def test_an_entry_of_the_agent_file_counts_more_than_the_decorator(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(
        "from livegraph.processors.tools import tool\n"
        "@tool(name='look_up', timeout='1s')\n"
        "def look(day: str) -> str:\n    '''Look.'''\n    return day\n"
        "def other() -> None: ...\n"
    )
    entry = PythonTools(
        python=str(tmp_path / "tools.py"),
        only=("look_up",),
        timeout_ns=3 * SECOND,
        options={"look_up": FunctionOptions(name="see", description="See a day.", cost_usd=0.01)},
    )
    graph = with_tools()
    graph.remove("tools0")
    from livegraph.processors.tools.router import ToolRouter

    graph.add("tools0", ToolRouter, tools=[entry])
    graph.connect("model", "tools0")
    graph.connect("tools0", "model")

    async def script(model: Model, events: list[Event]) -> None:
        [spec] = model.catalogs[0].functions
        assert (spec.name, spec.description) == ("see", "See a day.")
        model.ask("see", day="Monday")
        assert await model.answer() == {"output": "Monday"}
        [ended] = [event for event in events if isinstance(event, ToolFinished)]
        assert ended.cost_usd == 0.01 and ended.kind == "python"

    talk(graph, script)
