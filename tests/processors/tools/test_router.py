"""The model gets one answer to every call that it did not withdraw, in words that tell it no secrets."""

import asyncio
import dataclasses
import enum
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, Literal, Optional

import pytest
from msgspec import Meta

from livegraph.pipeline import (
    MS,
    SECOND,
    CallContext,
    ConfigError,
    ToolCallFrame,
    run_virtual,
)
from livegraph.pipeline.events import Event, ToolCalled, ToolCancelled, ToolFinished
from livegraph.processors.tools.catalog import ToolCatalog
from livegraph.processors.tools.errors import ToolError
from livegraph.processors.tools.function import ToolFunction, tool
from livegraph.processors.tools.loading import load_tools
from livegraph.testing import no_tasks_left
from support.tool_calls import Model, talk, with_tools

# From a function to a schema --------------------------------------------------------------------------


class Day(enum.Enum):
    """A day of work."""

    MONDAY = "monday"
    TUESDAY = "tuesday"


@dataclasses.dataclass
class Person:
    """Who comes."""

    name: str
    age: int | None = None


def book(
    day: Day,
    hour: Annotated[int, Meta(ge=8, le=17, description="full hour")],
    person: Person,
    kind: Literal["check", "pain"] = "check",
    notes: list[str] = [],  # noqa: B006  # as users write it
    phone: Optional[str] = None,  # noqa: UP045  # as users write it
    ratio: float = 0.5,
) -> dict[str, Any]:
    """Book an appointment.

    With the dentist who is free.

    Args:
        day: which day.
        hour: not used, for the annotation says it.
        person (Person): who comes,
            by name.
        kind: why.

    Returns:
        What was booked.
    """
    return {"day": day.value, "hour": hour, "name": person.name, "kind": kind, "notes": notes, "phone": phone}


def test_the_schema_comes_from_hints_and_docstring() -> None:
    """Types, bounds, choices, defaults and descriptions, with nothing left to look up."""
    spec = ToolFunction(book).spec
    assert spec.name == "book"
    assert spec.description == "Book an appointment.\n\nWith the dentist who is free."
    assert spec.parameters["type"] == "object"
    assert spec.parameters["required"] == ["day", "hour", "person"]
    properties = spec.parameters["properties"]
    assert list(properties) == ["day", "hour", "person", "kind", "notes", "phone", "ratio"]
    assert properties["day"]["enum"] == ["monday", "tuesday"]
    assert properties["day"]["description"]
    assert properties["hour"] == {"type": "integer", "minimum": 8, "maximum": 17, "description": "full hour"}
    assert properties["person"]["type"] == "object"
    assert properties["person"]["required"] == ["name"]
    assert set(properties["person"]["properties"]) == {"name", "age"}
    assert properties["kind"]["enum"] == ["check", "pain"]
    assert properties["kind"]["description"] == "why."
    assert properties["notes"]["items"] == {"type": "string"}
    assert "$ref" not in str(spec.parameters)


def test_a_function_without_arguments_takes_none() -> None:
    """No empty object, which some models refuse."""

    def now() -> str:
        """Tell the time."""
        return "noon"

    assert ToolFunction(now).spec.parameters == {}


def test_the_running_call_is_given_and_not_shown() -> None:
    """A parameter of type CallContext."""

    async def whoami(call: CallContext, shout: bool = False) -> str:
        return call.id.upper() if shout else call.id

    assert list(ToolFunction(whoami).spec.parameters["properties"]) == ["shout"]

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("whoami", shout=True)
        assert (await model.answer())["output"].startswith("CALL-")

    talk(with_tools(whoami), script)


def test_a_decorated_tool_has_its_own_name_deadline_and_manner() -> None:
    """Name and blocking are told to the model, scheduling goes with the result."""

    @tool(name="look.up", timeout="50ms", blocking=False, scheduling="SILENT")
    async def search() -> str:
        await asyncio.sleep(0.01)
        return "found"

    async def script(model: Model, events: list[Event]) -> None:
        (catalog,) = model.catalogs
        assert isinstance(catalog, ToolCatalog)
        assert [(spec.name, spec.blocking) for spec in catalog.functions] == [("look.up", False)]
        model.ask("look.up")
        await model.answer()

    (answer,) = talk(with_tools(search), script)
    assert (answer.result, answer.scheduling, answer.failed) == ({"output": "found"}, "SILENT", False)


def unannotated(a):  # type: ignore[no-untyped-def]
    return a


def variable(*args: int) -> None: ...


def impossible(a: threading.Thread) -> None: ...


def yielding(a: int) -> Iterator[int]:
    yield a


@dataclasses.dataclass
class Tree:
    """Refers to itself."""

    branches: "list[Tree]"


def recursive(tree: Tree) -> None: ...


def badly_named() -> None: ...


badly_named.__name__ = "größe!"


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (unannotated, "argument 'a' needs a type annotation"),
        (variable, "arguments have names"),
        (impossible, "type that JSON cannot carry|not supported"),
        (yielding, "is async"),
        (recursive, "refers to itself"),
        (badly_named, "no name for a tool"),
        (lambda: 1, "no name for a tool"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_before_any_call(function: Callable[..., Any], why: str) -> None:
    """LG231 when the graph is checked."""
    with pytest.raises(ConfigError, match=why) as caught:
        load_tools([function])
    assert caught.value.problems[0].code == "LG231"
    assert [problem.code for problem in with_tools(function).check()] == ["LG231"]


def test_two_tools_of_one_name_are_refused() -> None:
    """LG232."""

    def one() -> None: ...

    other = tool(name="one")(lambda: None)
    with pytest.raises(ConfigError) as caught:
        load_tools([one, other])
    assert [problem.code for problem in caught.value.problems] == ["LG232"]


# Arguments and results -------------------------------------------------------------------------------


def test_arguments_are_converted_to_what_the_hints_say() -> None:
    """Enums, dataclasses, and numbers that a model wrote as text."""

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("book", day="tuesday", hour="9", person={"name": "Ann"}, notes=["x"])
        await model.answer()

    (answer,) = talk(with_tools(book), script)
    assert answer.result == {
        "day": "tuesday",
        "hour": 9,
        "name": "Ann",
        "kind": "check",
        "notes": ["x"],
        "phone": None,
    }
    assert (answer.id, answer.name, answer.failed) == ("1", "book", False)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ({"day": "sunday", "hour": 9, "person": {"name": "A"}}, "sunday"),
        ({"day": "monday", "hour": 7, "person": {"name": "A"}}, ">= 8"),
        ({"day": "monday", "person": {"name": "A"}}, "missing required field `hour`"),
        ({"day": "monday", "hour": 9, "person": {}}, "$.person"),
        ({"day": "monday", "hour": 9, "person": {"name": "A"}, "color": 1}, "no argument 'color'"),
    ],
)
def test_wrong_arguments_are_told_to_the_model_and_call_nothing(args: dict[str, Any], told: str) -> None:
    """It can ask again, with better ones."""

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("book", **args)
        await model.answer()

    (answer,) = talk(with_tools(book), script)
    assert answer.failed
    assert answer.result["error"].startswith("wrong arguments: ")
    assert told in answer.result["error"]


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("text", {"output": "text"}),
        (None, {"output": None}),
        ([1, 2], {"output": [1, 2]}),
        ({"a": 1}, {"a": 1}),
        (Person("Ann", 3), {"name": "Ann", "age": 3}),
        (Day.MONDAY, {"output": "monday"}),
    ],
)
def test_results_become_json_objects(value: object, result: dict[str, Any]) -> None:
    """As the protocol asks."""

    def give() -> object:
        return value

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("give")
        assert await model.answer() == result

    talk(with_tools(give), script)


# Failing and hanging ------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_thread", [True, False])
def test_a_tool_that_raises_is_logged_once_and_the_model_learns_no_details(
    in_thread: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the class of the exception; the call goes on."""

    def fail() -> None:
        raise ValueError("password is hunter2")

    async def fail_async() -> None:
        raise ValueError("password is hunter2")

    function = fail if in_thread else fail_async
    name = function.__name__

    async def script(model: Model, events: list[Event]) -> None:
        model.ask(name)
        assert await model.answer() == {"error": f"{name} failed (ValueError)"}
        (finished,) = [event for event in events if isinstance(event, ToolFinished)]
        assert not finished.ok
        assert "hunter2" not in str(finished)

    (answer,) = talk(with_tools(function), script)
    assert answer.failed
    told = [record for record in caplog.records if name in record.getMessage()]
    assert len(told) == 1
    assert told[0].levelno == logging.ERROR
    assert told[0].exc_info is not None


class Panic(BaseException):
    """What a Rust library raises."""


@pytest.mark.parametrize("manner", ["thread", "async", "yields"])
@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        StopIteration(1),
        Panic(),
        asyncio.CancelledError(),
    ],
)
def test_whatever_a_tool_raises_is_its_own_failure_at_once(error: BaseException, manner: str) -> None:
    """sys.exit, an argparse error, a Rust panic: the model is answered without delay, server and call go on."""

    def thread() -> None:
        raise error

    async def waits() -> None:
        await asyncio.sleep(0)
        raise error

    async def yields() -> AsyncIterator[int]:
        yield 1
        raise error

    function: Callable[..., Any] = {"thread": thread, "async": waits, "yields": yields}[manner]

    async def script(model: Model, events: list[Event]) -> None:
        began = asyncio.get_running_loop().time()
        for _ in range(2):
            model.ask(function.__name__)
            if manner == "yields":
                assert await model.answer() == {"output": 1}
            answer = await model.answer()
            assert answer["error"].startswith(f"{function.__name__} failed (")
        assert asyncio.get_running_loop().time() - began < 1

    talk(with_tools(function), script)


def test_a_tool_error_is_told_in_its_own_words() -> None:
    """ToolError is for the model."""

    def closed() -> None:
        raise ToolError("we are closed on Sundays")

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("closed")
        assert await model.answer() == {"error": "we are closed on Sundays"}

    assert talk(with_tools(closed), script)[0].failed


def test_a_result_that_is_no_json_is_a_fault_of_the_tool() -> None:
    """Told and logged like any."""

    def thing() -> object:
        return threading.Lock()

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("thing")
        assert await model.answer() == {"error": "thing failed (TypeError)"}

    talk(with_tools(thing), script)


def test_a_tool_that_hangs_has_a_deadline() -> None:
    """The model is told when it passes, and the function is cancelled."""
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def script(model: Model, events: list[Event]) -> None:
        began_ns = model.call.clock.now_ns()
        model.ask("hang")
        assert await model.answer() == {"error": "hang did not answer within 2s"}
        assert model.call.clock.now_ns() - began_ns == 2 * SECOND
        assert ended == ["cancelled"]

    talk(with_tools(hang, timeout=2 * SECOND), script)


def test_a_tools_own_timeout_is_its_failure_and_no_deadline() -> None:
    """The difference matters to whoever reads the log."""

    async def slow() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("slow")
        assert await model.answer() == {"error": "slow failed (TimeoutError)"}

    talk(with_tools(slow), script)


def test_a_tool_whose_own_task_was_cancelled_has_failed() -> None:
    """That is not the call's cancellation: the model gets its answer."""

    async def confused() -> None:
        task = asyncio.create_task(asyncio.sleep(10))
        task.cancel()
        await task

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("confused")
        assert await model.answer() == {"error": "confused failed (CancelledError)"}

    talk(with_tools(confused), script)


def test_a_sync_tool_that_hangs_is_left_alone_after_its_deadline() -> None:
    """In real time, for a thread works: the model is told, others are served, the call ends at once."""
    release = threading.Event()

    def hang() -> str:
        release.wait(30)
        return "too late"

    def quick() -> str:
        return "here"

    async def main() -> None:
        async with no_tasks_left():
            call = with_tools(hang, quick, timeout=50 * MS, max_parallel=2).plan().call()
            async with call:
                model = call.processor("model", Model)
                for number in range(4):
                    model.ask("hang", f"hang{number}")
                for _ in range(4):
                    assert await model.answer() == {"error": "hang did not answer within 50ms"}
                # As many as may run twice over hang in their threads: no more are begun.
                model.ask("quick", "quick")
                assert "not available" in (await model.answer())["error"]
                release.set()
                while [thread for thread in threading.enumerate() if thread.name == "tool call"]:
                    await asyncio.sleep(0.01)
                model.ask("quick", "again")
                assert await model.answer() == {"output": "here"}
            assert [answer.id for answer in model.answers].count("hang0") == 1

    asyncio.run(main())


@pytest.mark.leaks
def test_a_call_that_ends_while_tools_run_waits_for_none_of_them(caplog: pytest.LogCaptureFixture) -> None:
    """Async ones are cancelled; threads are named in the log, and go when their function returns."""
    release = threading.Event()
    ended: list[str] = []

    def hang_thread() -> None:
        release.wait(30)

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def main() -> None:
        async with no_tasks_left():
            call = with_tools(hang, hang_thread).plan().call()
            async with call:
                model = call.processor("model", Model)
                model.ask("hang", "1")
                model.ask("hang_thread", "2")
                await asyncio.sleep(0.05)
            assert ended == ["cancelled"]

    try:
        asyncio.run(main())
        assert sum("go on in their threads" in record.getMessage() for record in caplog.records) == 1
    finally:
        release.set()


# Withdrawing -------------------------------------------------------------------------------------------


def test_a_withdrawn_call_is_cancelled_and_never_answered() -> None:
    """Running, waiting for its place, and not even begun; the others are answered."""
    log: list[str] = []

    async def work(name: str) -> str:
        log.append(f"began {name}")
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            log.append(f"cancelled {name}")
            raise
        return name

    async def script(model: Model, events: list[Event]) -> None:
        for name in ("running", "stays", "waiting"):
            model.ask("work", name, name=name)
        await asyncio.sleep(0.1)
        model.withdraw("running", "waiting", "unknown")
        model.ask("work", "not begun", name="not begun")
        await asyncio.sleep(0)
        model.withdraw("not begun")
        await asyncio.sleep(5)
        kinds = [
            (type(event), getattr(event, "id", "")) for event in events if isinstance(event, ToolCancelled)
        ]
        assert kinds == [(ToolCancelled, "running"), (ToolCancelled, "waiting"), (ToolCancelled, "not begun")]

    answers = talk(with_tools(work, max_parallel=2), script)
    assert [answer.id for answer in answers] == ["stays"]
    assert log == ["began running", "began stays", "cancelled running"]


@pytest.mark.parametrize("again", ["while it works", "after it has worked"])
def test_what_must_not_be_cut_is_done_once(again: str) -> None:
    """Withdrawn and asked for again, it runs once and answers the second call; its key is the same."""
    booked: list[str] = []

    @tool(cancel=False)
    async def book(day: str, call: CallContext) -> str:
        """Book a day."""
        await asyncio.sleep(2)
        booked.append(call.idempotency_key)
        return f"booked {day}"

    async def script(model: Model, events: list[Event]) -> None:
        first = ToolCallFrame("1", "book", {"day": "Friday"}, "key")
        model.calls.emit(first)
        await asyncio.sleep(1)
        model.withdraw("1")
        await asyncio.sleep(0.1 if again == "while it works" else 3)
        model.calls.emit(ToolCallFrame("2", "book", {"day": "Friday"}, "key"))
        assert await model.answer() == {"output": "booked Friday"}
        model.over.set()

    answers = talk(with_tools(book), script)
    assert [frame.id for frame in answers] == ["2"] and booked == ["key"]


@pytest.mark.parametrize("withdrawn", [False, True], ids=["asked for", "withdrawn"])
@pytest.mark.parametrize(("takes_s", "ends"), [(1.5, True), (5.0, False)])
def test_what_must_not_be_cut_outlives_the_call_for_a_moment(
    takes_s: float, ends: bool, withdrawn: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller hangs up while it works: it has two seconds, then it is cut, and a warning names it."""
    booked: list[str] = []

    @tool(cancel=False)
    async def book(day: str) -> str:
        """Book a day."""
        await asyncio.sleep(takes_s)
        booked.append(day)
        return f"booked {day}"

    async def look() -> str:
        """Look something up."""
        await asyncio.sleep(takes_s)
        booked.append("looked")
        return "looked"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("book", "1", day="Friday")
        model.ask("look", "2")
        await asyncio.sleep(0.1)
        if withdrawn:
            model.withdraw("1")
            await asyncio.sleep(0.1)

    with caplog.at_level(logging.WARNING):
        assert talk(with_tools(book, look), script) == []
    assert booked == (["Friday"] if ends else [])
    assert ("book had not ended 2s after the call" in caplog.text) is not ends


def test_a_call_that_ends_in_peace_waits_for_what_must_not_be_cut() -> None:
    """Up to its own deadline: nothing of it is lost."""
    booked: list[str] = []

    @tool(cancel=False)
    async def book(day: str) -> str:
        """Book a day."""
        await asyncio.sleep(6)
        booked.append(day)
        return f"booked {day}"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("book", "1", day="Friday")
        await asyncio.sleep(0.1)
        model.withdraw("1")
        model.over.set()
        await asyncio.sleep(7)

    assert talk(with_tools(book), script) == [] and booked == ["Friday"]


def test_a_thread_that_has_booked_is_not_run_again() -> None:
    """It cannot be stopped; another wish is another call."""
    booked: list[str] = []
    started, go_on = threading.Event(), threading.Event()

    def book(day: str) -> str:
        """Book a day."""
        started.set()
        go_on.wait(10)
        booked.append(day)
        return f"booked {day}"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("book", "1", day="Friday")
        while not started.is_set():
            # Time stands still while a thread works.
            await asyncio.sleep(0)
        model.withdraw("1")
        model.ask("book", "2", day="Friday")
        go_on.set()
        assert await model.answer() == {"output": "booked Friday"}
        model.ask("book", "3", day="Monday")
        assert await model.answer() == {"output": "booked Monday"}
        model.over.set()

    answers = talk(with_tools(book), script)
    assert [frame.id for frame in answers] == ["2", "3"] and booked == ["Friday", "Monday"]


def test_a_tool_that_finishes_in_spite_of_its_withdrawal_is_not_heard() -> None:
    """It swallowed its cancellation: its result is nobody's."""

    async def stubborn() -> str:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            return "done anyway"
        return "done"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("stubborn")
        await asyncio.sleep(0.1)
        model.withdraw("1")
        await asyncio.sleep(1)
        assert not [event for event in events if isinstance(event, ToolFinished)]

    assert talk(with_tools(stubborn), script) == []


def test_an_id_may_be_used_again_after_it_was_withdrawn() -> None:
    """The old one's end does not touch the new one."""

    async def work(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("work", "1", seconds=3)
        await asyncio.sleep(0.1)
        model.withdraw("1")
        model.ask("work", "1", seconds=1)
        assert await model.answer() == {"output": 1.0}

    assert len(talk(with_tools(work), script)) == 1


def test_a_call_that_comes_twice_is_answered_once() -> None:
    """A service that replays must not book two appointments."""
    begun: list[int] = []

    async def work() -> int:
        begun.append(1)
        await asyncio.sleep(1)
        return len(begun)

    async def script(model: Model, events: list[Event]) -> None:
        for _ in range(2):
            model.ask("work")
        await asyncio.sleep(0.5)
        model.ask("work")
        await asyncio.sleep(2)
        assert sum(isinstance(event, ToolCalled) for event in events) == 1

    assert [answer.result for answer in talk(with_tools(work), script)] == [{"output": 1}]


# The whole -------------------------------------------------------------------------------------------


def test_calls_run_side_by_side_up_to_the_limit() -> None:
    """Others wait for their turn, in order; each is answered by its id."""
    running = most = 0

    async def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1

    async def script(model: Model, events: list[Event]) -> None:
        for number in range(7):
            model.ask("work", str(number))
        await asyncio.sleep(3.5)
        assert [answer.id for answer in model.answers] == [str(number) for number in range(7)]

    talk(with_tools(work, max_parallel=3), script)
    assert most == 3


def test_observers_see_the_call_and_its_end_with_its_duration() -> None:
    """ToolCalled, then ToolFinished."""

    async def work(x: int) -> int:
        await asyncio.sleep(0.25)
        return x + 1

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("work", "7", x=1)
        await model.answer()
        called, finished = [event for event in events if isinstance(event, ToolCalled | ToolFinished)]
        assert isinstance(called, ToolCalled) and isinstance(finished, ToolFinished)
        assert (called.id, called.name, called.args) == ("7", "work", {"x": 1})
        assert (finished.id, finished.ok, finished.result) == ("7", True, {"output": 2})
        assert finished.duration_ns == 250 * MS

    talk(with_tools(work), script)


def test_an_interruption_leaves_tools_alone() -> None:
    """The model says itself which calls it withdraws."""

    async def work() -> str:
        await asyncio.sleep(1)
        return "done"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("work")
        await asyncio.sleep(0.1)
        model.call.conversation.interrupted(5)
        assert await model.answer() == {"output": "done"}

    talk(with_tools(work), script)


def test_two_routers_share_one_model() -> None:
    """Each answers for its own functions and leaves the others' alone."""

    def one() -> str:
        return "one"

    def other() -> str:
        return "other"

    async def script(model: Model, events: list[Event]) -> None:
        assert [spec.name for catalog in model.catalogs for spec in catalog.functions] == ["one", "other"]
        model.ask("one", "1")
        model.ask("other", "2")
        model.ask("nobody's", "3")
        await asyncio.sleep(1)

    answers = talk(with_tools(one, other, routers=2), script)
    assert sorted((answer.id, answer.result["output"]) for answer in answers) == [
        ("1", "one"),
        ("2", "other"),
    ]


def test_calls_under_way_are_answered_before_the_stream_ends() -> None:
    """The end of the stream waits for them."""

    async def work() -> str:
        await asyncio.sleep(1)
        return "done"

    async def main() -> None:
        call = with_tools(work).plan().call()
        async with call:
            model = call.processor("model", Model)
            model.ask("work")
            model.over.set()
            await call.finished()
            assert call.reason == "completed"
            assert call.clock.now_ns() == SECOND

    run_virtual(main())


def test_context_variables_reach_a_tool_in_its_thread() -> None:
    """As with asyncio.to_thread."""
    import contextvars

    caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")

    def who() -> str:
        return caller.get()

    async def main() -> None:
        caller.set("Ann")
        async with with_tools(who).plan().call() as call:
            model = call.processor("model", Model)
            model.ask("who")
            assert await model.answer() == {"output": "Ann"}

    run_virtual(main())


def test_tools_come_from_files_beside_the_agent(tmp_path: Any) -> None:
    """All public functions of the file, or the one that is named; what is imported there is not one of them."""
    file = tmp_path / "my_tools.py"
    file.write_text(
        "from os import getcwd\n\ndef one() -> int:\n    return 1\n\nasync def two() -> int:\n    return 2\n\n"
        "def _private() -> int:\n    return 3\n"
    )
    assert set(load_tools([str(file)])) == {"one", "two"}
    assert set(load_tools([f"{file}:two"])) == {"two"}
    with pytest.raises(ConfigError, match="did you mean `two`") as caught:
        load_tools([f"{file}:twoo"])
    assert caught.value.problems[0].code == "LG230"
    with pytest.raises(ConfigError) as caught:
        load_tools([str(tmp_path / "my_tool.py")])
    assert caught.value.problems[0].code == "LG111"


# Several results ----------------------------------------------------------------------------------------


def test_an_async_function_that_yields_answers_each_time() -> None:
    """The model goes on meanwhile; the last result only says that there is no more, and is not spoken of."""

    async def count(to: int) -> AsyncIterator[int]:
        """Count."""
        for number in range(to):
            await asyncio.sleep(8)
            yield number + 1

    async def script(model: Model, events: list[Event]) -> None:
        [catalog] = model.calls.peers_advertise()
        assert [spec.blocking for spec in catalog.functions] == [False]
        model.ask("count", "1", to=3)
        for _ in range(4):
            await model.answer()
        [finished] = [event for event in events if isinstance(event, ToolFinished)]
        assert finished.ok and finished.result == {"output": 3} and finished.duration_ns == 24 * SECOND

    answers = talk(with_tools(count), script)
    assert [(a.result, a.will_continue, a.scheduling) for a in answers] == [
        ({"output": 1}, True, ""),
        ({"output": 2}, True, ""),
        ({"output": 3}, True, ""),
        ({}, False, "SILENT"),
    ]


def test_a_function_that_fails_between_two_results_says_so_last() -> None:
    """Each result has its deadline, and a withdrawn call yields no more and is cleaned up."""
    closed: list[str] = []

    async def slow(seconds: float) -> AsyncIterator[str]:
        """Take your time."""
        try:
            yield "begun"
            await asyncio.sleep(seconds)
            raise ToolError("there is no more")
        finally:
            closed.append(f"{seconds:g}")

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("slow", "late", seconds=60)
        assert [await model.answer(), await model.answer()] == [
            {"output": "begun"},
            {"error": "slow did not answer within 10s"},
        ]
        model.ask("slow", "fails", seconds=1)
        assert [await model.answer(), await model.answer()] == [
            {"output": "begun"},
            {"error": "there is no more"},
        ]
        model.ask("slow", "withdrawn", seconds=5)
        await model.answer()
        model.withdraw("withdrawn")
        await asyncio.sleep(20)

    answers = talk(with_tools(slow), script)
    assert [(a.id, a.failed, a.will_continue) for a in answers] == [
        ("late", False, True),
        ("late", True, False),
        ("fails", False, True),
        ("fails", True, False),
        ("withdrawn", False, True),
    ]
    assert closed == ["60", "1", "5"]
