"""A processor and a frame of your own, in a graph written in Python.

    python examples/custom_processor_and_frame.py 4 8 15 16 23 42

Three ways to make a box: a source with a ``run`` of its own, a class with an option and a handler, and a plain
function with ``@processor``. The frames between them are defined here too; nothing else has to know of them.

    keypad -> digits -> spell -> Console
"""

import asyncio
import sys
from collections.abc import Iterator
from typing import Annotated

from livegraph.pipeline import (
    ConfigError,
    Doc,
    Frame,
    Graph,
    In,
    Out,
    Processor,
    Range,
    TextFrame,
    processor,
)


class Number(Frame):
    """A number that somebody entered."""

    value: int


class Digit(Frame):
    """One key of a telephone."""

    key: str


class Keypad(Processor):
    """A source: has a ``run``, and ends when that returns."""

    numbers: Out[Number]

    def __init__(self, *, values: list[int]) -> None:
        self._values = values

    async def run(self) -> None:
        for value in self._values:
            # Waits while those behind are busy. Every frame may carry its time.
            await self.numbers.send(Number(value, time_ns=self.call.clock.now_ns()))


class Digits(Processor):
    """Takes numbers apart. A plain handler runs inside the sender's step: no queue, no task."""

    number: In[Number]
    digits: Out[Digit]

    def __init__(self, *, width: Annotated[int, Range(1, 12), Doc("digits of each number")] = 1) -> None:
        self._width = width

    def on_number(self, frame: Number) -> Iterator[Digit]:
        # What a handler returns or yields goes to the output that takes its type.
        for key in f"{frame.value:0{self._width}d}":
            yield Digit(key, time_ns=frame.time_ns)


WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@processor
async def spell(digit: Digit, *, capital: Annotated[bool, Doc("begin with a capital")] = False) -> TextFrame:
    """Say a digit. An async handler has a task of its own, behind a bounded queue."""
    await asyncio.sleep(0.001)
    word = WORDS[int(digit.key)]
    return TextFrame(word.capitalize() if capital else word)


class Console(Processor):
    """A sink: prints what it gets, and a line when the stream has ended."""

    text: In[TextFrame]

    def __init__(self) -> None:
        self._count = 0

    def on_text(self, frame: TextFrame) -> None:
        self._count += 1
        print(frame.text)

    def on_end(self) -> None:
        print(f"{self._count} digits")


def build(values: list[int], width: int = 2) -> Graph:
    """The graph: names, classes and options, then edges."""
    graph = Graph("telephone")
    keypad = graph.add(Keypad, values=values)
    digits = graph.add(Digits, width=width)
    console = graph.add(Console)
    graph.connect(keypad.numbers, digits.number)
    graph.chain(digits, graph.add(spell, capital=True), console)
    return graph


def main() -> None:
    """A graph that is wrong never starts, and every fault of it is told; then one that is right runs."""
    wrong = build([1], width=99)
    wrong.connect("keypad", "console")
    try:
        wrong.plan()
    except ConfigError as error:
        print(f"refused, as it should be:\n{error}\n")
    values = [int(argument) for argument in sys.argv[1:]] or [4, 8, 15, 16, 23, 42]
    asyncio.run(build(values).plan().call().run())


if __name__ == "__main__":
    main()
