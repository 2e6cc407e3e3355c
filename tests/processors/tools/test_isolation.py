"""Tools in processes of their own: what one of them does ends that call of it with a clear error, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from livegraph.pipeline import ConfigError
from livegraph.pipeline.events import Event, ToolFinished, ToolProgress
from livegraph.pipeline.running.offload import shut_pool
from livegraph.processors.tools.sources import known_tools
from support.tool_calls import Model, talk, with_tools

TOOLS = '''
import asyncio, ctypes, os, re, sys, time
from dataclasses import dataclass
from datetime import date
from livegraph.processors.tools import Media, ToolContext, ToolError, media_from_file

counted = 0

@dataclass
class Guest:
    name: str
    since: date = date(2020, 1, 1)

def pid() -> int:
    return os.getpid()

def greet(guest: Guest, loud: bool = False) -> dict:
    """Greet somebody."""
    text = f"Hello {guest.name} of {guest.since.year}"
    return {"text": text.upper() if loud else text}

async def later(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "later"

def spin() -> str:
    while True: pass

def spin_in_c() -> str:
    re.match(r"(a+)+$", "a" * 60 + "b")

async def block() -> str:
    time.sleep(60)

async def stop_the_loop() -> str:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(1)

def leave() -> str:
    sys.exit(3)

def leave_at_once() -> str:
    os._exit(3)

def crash() -> str:
    ctypes.string_at(0)

def grow() -> str:
    return str(len(bytearray(1 << 30)))

def refuse() -> str:
    raise ToolError("there is no table at eight", hint="offer nine", free=["21:00"])

def fail() -> str:
    raise KeyError("secret text")

def picture() -> dict:
    return {"picture": Media(b"123", "image/png", "dot.png")}

def endless() -> object:
    return {1: object()}

def in_call(call: ToolContext, day: str) -> dict:
    call.progress("half", fraction=0.5)
    call.log.info("for %s", call.identity)
    if not call.ask_to_confirm(f"Book {day}?"):
        return {"booked": False}
    return {"booked": True, "key": call.idempotency_key, "inputs": dict(call.inputs), "agent": call.agent,
            "said": [said.text for said in call.transcript]}

def reach(call: ToolContext) -> str:
    return str(call.state)
'''


@pytest.fixture(scope="module", autouse=True)
def _no_process_left() -> Iterator[None]:
    yield
    shut_pool()


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of tools."""
    file = tmp_path_factory.mktemp("tools") / "tools.py"
    file.write_text(TOOLS, "utf-8")
    return str(file)


def test_they_are_what_they_are_elsewhere(tools: str) -> None:
    """Arguments of the file's own types, async ones, pictures, what they tell the model; in another process."""

    async def script(model: Model, events: list[Event]) -> None:
        import os

        model.ask("greet", "1", guest={"name": "Ada", "since": "1815-12-10"}, loud=True)
        assert await model.answer() == {"text": "HELLO ADA OF 1815"}
        model.ask("greet", "2", guest={"nam": "Ada"})
        assert "wrong arguments" in (await model.answer())["error"]
        model.ask("later", "3", seconds=0.01)
        assert await model.answer() == {"output": "later"}
        model.ask("refuse", "4")
        assert await model.answer() == {
            "error": "there is no table at eight",
            "hint": "offer nine",
            "free": ["21:00"],
        }
        model.ask("picture", "5")
        assert "dot.png" in (await model.answer())["picture"]
        model.ask("pid", "6")
        assert (await model.answer())["output"] != os.getpid()

    talk(with_tools(tools, isolation="process", timeout="60s"), script)


@pytest.mark.parametrize(
    ("name", "told", "fault"),
    [
        ("leave", "leave failed (SystemExit)", "SystemExit (tools.py:"),
        (
            "leave_at_once",
            "leave_at_once failed (its process was ended)",
            "leave_at_once died (it left with 3)",
        ),
        ("crash", "crash failed (its process was ended)", "(by SIGSEGV)"),
        ("grow", "grow failed (its process was ended)", "grow wanted more than 200 MB of memory"),
        ("stop_the_loop", "stop_the_loop failed (RuntimeError)", "RuntimeError"),
        ("fail", "fail failed (KeyError)", "KeyError (tools.py:"),
        ("endless", "endless failed (TypeError)", "TypeError"),
        ("reach", "reach failed (RuntimeError)", "RuntimeError (tools.py:"),
    ],
)
def test_what_ends_a_tool_ends_that_call_of_it(tools: str, name: str, told: str, fault: str) -> None:
    """The model is told in words that hold nothing of the exception's text; the place is known; the next one works."""

    async def script(model: Model, events: list[Event]) -> None:
        model.ask(name, "1")
        assert await model.answer() == {"error": told}
        finished = [event for event in events if isinstance(event, ToolFinished)]
        assert finished[-1].outcome == "crashed"
        assert fault in finished[-1].fault
        assert "secret" not in finished[-1].fault
        model.ask("greet", "2", guest={"name": "Ada"})
        assert await model.answer() == {"text": "Hello Ada of 2020"}

    talk(with_tools(tools, isolation="process", max_memory=200_000_000, timeout="60s"), script)


@pytest.mark.parametrize("name", ["spin", "spin_in_c", "block"])
def test_the_deadline_holds_whatever_a_tool_does(tools: str, name: str) -> None:
    """Its process is ended, on virtual time as well; others answer meanwhile."""

    async def script(model: Model, events: list[Event]) -> None:
        model.ask(name, "1")
        model.ask("greet", "2", guest={"name": "Ada"})
        answers = [await model.answer(), await model.answer()]
        assert {"text": "Hello Ada of 2020"} in answers
        assert {"error": f"{name} did not answer within 2s"} in answers

    began_s = time.monotonic()
    talk(with_tools(tools, isolation="process", timeout="2s"), script)
    assert time.monotonic() - began_s < 50, "a minute was not waited for"


def test_a_tool_reaches_its_call(tools: str) -> None:
    """It knows who calls and what was said, asks for consent, and tells how far it is."""

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("in_call", "1", day="Monday")
        assert 'Ask the caller: "Book Monday?"' in (await model.answer())["hint"]
        model.heard("agent", "Book Monday?")
        model.heard("user", "Yes, please.")
        model.ask("in_call", "2", day="Monday")
        answer = await model.answer()
        assert answer["booked"] is True
        assert answer["said"] == ["Book Monday?", "Yes, please."]
        assert [event.fraction for event in events if isinstance(event, ToolProgress)] == [0.5, 0.5]

    talk(with_tools(tools, isolation="process", timeout="60s"), script)


def test_a_file_that_changes_is_another_only_for_later_calls(tmp_path: Path) -> None:
    """A process runs what the call was checked with."""
    file = tmp_path / "versions.py"
    file.write_text("def version() -> int:\n    return 1\n", "utf-8")

    async def script(model: Model, events: list[Event]) -> None:
        file.write_text("def version() -> int:\n    return 2\n", "utf-8")
        model.ask("version", "1")
        assert await model.answer() == {"output": 1}

    talk(with_tools(str(file), isolation="process", timeout="60s"), script)


def _plain() -> str:
    """A function of a module."""
    return "plain"


def test_functions_that_no_process_finds_are_refused_when_the_file_is_read(tmp_path: Path) -> None:
    """With their names, and what helps; those of a module are good."""
    file = tmp_path / "odd.py"
    file.write_text(
        "from dataclasses import dataclass\nfrom livegraph.processors.tools import ToolContext\n"
        "@dataclass\nclass Visit:\n    n: int = 0\n"
        "async def stream() -> int:\n    yield 1\n"
        "def stateful(call: ToolContext[Visit]) -> int:\n    return 1\n"
    )
    for reference, message in (
        (f"{file}:stream", "`stream` yields, and what yields cannot run in a process"),
        (f"{file}:stateful", "`stateful` keeps state in the call"),
        (lambda: 1, "is no"),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            known_tools([reference], "process")
        assert caught.value.problems[0].hint
    known: Any = known_tools([_plain], "process")
    assert list(known[0]) == ["_plain"]
