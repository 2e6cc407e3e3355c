"""Functions as people write them: odd arguments and odd results work, or are refused in one sentence."""

from __future__ import annotations

import collections
import dataclasses
import enum
import math
import sqlite3
from collections.abc import Callable, Iterable
from fractions import Fraction
from ipaddress import IPv4Address
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from livegraph.pipeline import ConfigError
from livegraph.processors.tools.function import ToolFunction
from livegraph.processors.tools.loading import load_tools
from livegraph.processors.tools.results import read_result


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Shelf:
    path: Path
    by_colour: dict[Any, Any]


def _row() -> sqlite3.Row:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    row: sqlite3.Row = connection.execute("select 1 as seats, 'window' as place").fetchone()
    connection.close()
    return row


@pytest.mark.parametrize(
    ("value", "body"),
    [
        (Path("menu.pdf"), {"output": "menu.pdf"}),
        (IPv4Address("127.0.0.1"), {"output": "127.0.0.1"}),
        (Fraction(1, 4), {"output": 0.25}),
        (collections.deque([1, 2]), {"output": [1, 2]}),
        (range(3), {"output": [0, 1, 2]}),
        ({"a": 1}.keys(), {"output": ["a"]}),
        ({"a": 1}.items(), {"output": [["a", 1]]}),
        (collections.ChainMap({"a": 1}), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (SimpleNamespace(a=Path("x")), {"a": "x"}),
        (_row(), {"seats": 1, "place": "window"}),
        (
            Shelf(Path("s"), {Colour.RED: collections.deque()}),
            {"path": "s", "by_colour": {"red": []}},
        ),
        (
            {None: 1, True: 2, (3, "b"): 4, 5: 6, 1.5: 7},
            {"null": 1, "true": 2, "3, b": 4, "5": 6, "1.5": 7},
        ),
        ("caf\udce9", {"output": "caf?"}),
        (math.nan, {"output": None}),
    ],
)
def test_a_result_is_what_json_can_carry(value: Any, body: dict[str, Any]) -> None:
    assert read_result(value, 1000).body == body


def _circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def _deep() -> Any:
    made: Any = "x"
    for _ in range(3000):
        made = [made]
    return made


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (_circle(), "holds itself"),
        ({"deep": _deep()}, "nested too deeply"),
        ((each for each in "abc"), "generator is no type"),
        (ValueError("x"), "ValueError is no type"),
        (3j, "complex is no type"),
    ],
)
def test_what_json_cannot_carry_is_told_in_a_sentence(value: Any, told: str) -> None:
    """As a fault of the tool, not one of ours."""
    with pytest.raises(TypeError, match=told):
        read_result(value, 1000)


def test_arguments_that_are_texts_on_the_wire() -> None:
    def find(where: Path, host: IPv4Address, words: Iterable[str], more: object = None) -> None:
        """Find it."""

    found = ToolFunction(find)
    assert found.spec.parameters["properties"]["where"] == {"type": "string"}
    assert found.spec.parameters["properties"]["words"] == {"type": "array", "items": {"type": "string"}}
    given = found.arguments({"where": "a/b", "host": "10.0.0.1", "words": ["x"], "more": {"any": 1}})
    assert given["where"] == Path("a/b") and given["host"] == IPv4Address("10.0.0.1")
    assert given["words"] == ["x"] and given["more"] == {"any": 1}


def test_an_object_that_can_be_called_has_the_name_of_its_class() -> None:
    class Booking:
        def __call__(self, day: str) -> str:
            """Book a day."""
            return day

    assert list(load_tools([Booking()])) == ["Booking"]


def test_a_function_as_an_argument_is_refused_in_our_words() -> None:
    def later(then: Callable[[int], int]) -> None:
        """Do it later."""

    with pytest.raises(ConfigError, match="a function is nothing that a model can give"):
        load_tools([later])
