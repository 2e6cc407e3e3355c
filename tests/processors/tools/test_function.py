"""Tools as people write them: what the model is told of a function, and what the function is given."""

import dataclasses
import enum
import functools
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import numpy as np
import pytest
from pydantic import BaseModel, Field

from livegraph.pipeline import CallContext
from livegraph.pipeline.errors import ConfigError
from livegraph.processors.tools.docstring import read_docstring
from livegraph.processors.tools.foreign import encode_foreign
from livegraph.processors.tools.function import ToolFunction, tool
from livegraph.processors.tools.loading import load_tools


def schema_of(function: Callable[..., Any]) -> dict[str, Any]:
    return dict(ToolFunction(function).spec.parameters)


def properties_of(function: Callable[..., Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema_of(function)["properties"]
    return found


# Schema --------------------------------------------------------------------------------------------


def test_a_parameter_may_be_called_title() -> None:
    """Only the schema's own titles are stripped, at no depth the user's names."""

    @dataclasses.dataclass
    class Book:
        title: str
        pages: int = 1

    def add(title: str, book: Book, default: str, properties: str) -> None: ...

    schema = schema_of(add)
    assert schema["required"] == ["title", "book", "default", "properties"] == list(schema["properties"])
    assert schema["properties"]["title"] == {"type": "string"}
    assert list(schema["properties"]["book"]["properties"]) == ["title", "pages"]
    assert "title" not in {key for key in schema["properties"]["book"] if key != "properties"}


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


def test_enumerations_carry_a_type() -> None:
    def paint(
        colour: Colour, size: Size, kind: Literal["a", "b"], either: Literal["x", 1, None], one: Literal[3]
    ) -> None: ...

    found = properties_of(paint)
    assert found["colour"] == {"type": "string", "enum": ["blue", "red"]}
    assert found["size"] == {"type": "integer", "enum": [1, 2]}
    assert found["kind"]["type"] == "string" and found["one"]["type"] == "integer"
    assert set(found["either"]["type"]) == {"string", "integer", "null"}


def test_dates_and_times_say_so() -> None:
    @dataclasses.dataclass
    class Slot:
        begins: datetime
        day: Annotated[date, "the day"]

    def book(
        at: datetime,
        day: date,
        hour: time | None = None,
        days: list[date] = [],  # noqa: B006
        slot: Slot | None = None,
    ) -> None: ...

    found = properties_of(book)
    assert found["at"]["format"] == "date-time" and found["day"]["format"] == "date"
    assert found["days"]["items"]["format"] == "date"
    assert found["hour"]["anyOf"][0]["format"] == "time" or found["hour"]["anyOf"][1]["format"] == "time"
    (slot,) = (each for each in found["slot"]["anyOf"] if each["type"] == "object")
    assert slot["properties"]["begins"]["format"] == "date-time"
    assert slot["properties"]["day"] == {"type": "string", "format": "date", "description": "the day"}


def test_descriptions_in_annotations_are_kept() -> None:
    """A plain text, pydantic's Field, a documented one, msgspec's own; limits with them."""

    class Doc:
        def __init__(self, documentation: str) -> None:
            self.documentation = documentation

    def book(
        day: Annotated[str, "the day of it"],
        guests: Annotated[int, Field(description="how many", ge=1, le=8)],
        name: str = Field("nobody", description="who comes", max_length=20),
        note: Annotated[str, Doc("anything else")] = "",
        hour: Annotated[int, msgspec.Meta(description="the hour", ge=8)] = 8,
        tags: list[Annotated[str, "a tag"]] | None = None,
    ) -> None:
        """Book.

        Args:
            day: not this one.
        """

    schema = schema_of(book)
    found = schema["properties"]
    assert found["day"] == {"type": "string", "description": "the day of it"}
    assert found["guests"] == {"type": "integer", "description": "how many", "minimum": 1, "maximum": 8}
    assert found["name"] == {
        "type": "string",
        "description": "who comes",
        "maxLength": 20,
        "default": "nobody",
    }
    assert found["note"]["description"] == "anything else" and found["hour"]["minimum"] == 8
    assert schema["required"] == ["day", "guests"]
    assert "a tag" in str(found["tags"])


class Guest(BaseModel):
    """Somebody who comes."""

    title: str = Field(description="Mr or Ms")
    born: date
    friends: "list[Guest]" = []


class Party(BaseModel):
    name: str
    guests: Annotated[int, Field(ge=1)] = 1


def test_pydantic_models_are_good_as_arguments() -> None:
    def invite(party: Party, others: list[Party] = [], maybe: Party | None = None) -> None: ...  # noqa: B006

    found = properties_of(invite)
    assert found["party"]["properties"]["guests"]["minimum"] == 1
    assert found["others"]["items"]["properties"]["name"] == {"type": "string"}
    assert "$ref" not in str(found)
    given = ToolFunction(invite).arguments(
        {"party": {"name": "Ann", "guests": 3}, "others": [{"name": "Bob"}]}
    )
    assert given["party"] == Party(name="Ann", guests=3) and given["others"] == [Party(name="Bob")]
    with pytest.raises(msgspec.ValidationError, match=r"greater than or equal to 1.*guests.*party"):
        ToolFunction(invite).arguments({"party": {"name": "Ann", "guests": 0}})


def test_a_docstring_reaches_the_model_without_its_indentation() -> None:
    """The lines of a class's docstring start where they start in its source, less the indentation of the class."""

    class Table(msgspec.Struct):
        """A table.

        By the window:
            or not.
        """

        seats: int

    def book(table: Table) -> None: ...

    assert properties_of(book)["table"]["description"] == "A table.\n\nBy the window:\n    or not."


def test_a_pydantic_model_that_holds_itself_is_refused() -> None:
    def invite(guest: Guest) -> None: ...

    with pytest.raises(TypeError, match="refers to itself"):
        ToolFunction(invite)


def test_numbers_of_numpy_are_good_as_arguments_and_results() -> None:
    def add(a: np.int32, b: np.float64, c: np.bool_, d: np.ndarray[Any, Any]) -> None: ...

    found = properties_of(add)
    assert [found[name]["type"] for name in "abcd"] == ["integer", "number", "boolean", "array"]
    given = ToolFunction(add).arguments({"a": 3, "b": "2.5", "c": True, "d": [1, 2]})
    assert isinstance(given["a"], np.int32) and given["b"] == 2.5 and given["d"].sum() == 3
    with pytest.raises(msgspec.ValidationError, match="whole number"):
        ToolFunction(add).arguments({"a": 3.5, "b": 1, "c": True, "d": []})
    results = {"n": np.float32(1.5), "list": np.arange(3), "who": Party(name="Ann"), "yes": np.bool_(True)}
    plain = msgspec.to_builtins(results, enc_hook=encode_foreign)
    assert plain == {"n": 1.5, "list": [0, 1, 2], "who": {"name": "Ann", "guests": 1}, "yes": True}


# Arguments -----------------------------------------------------------------------------------------


def test_null_is_the_default_where_null_is_no_value() -> None:
    def book(day: str = None, hour: int = 9, name: str | None = "Ann") -> None: ...  # noqa: RUF013

    function = ToolFunction(book)
    assert function.arguments({"day": None, "hour": None, "name": None}) == {
        "day": None,
        "hour": 9,
        "name": None,
    }
    assert "default" not in function.spec.parameters["properties"]["day"]
    assert function.arguments({"day": "Monday"})["day"] == "Monday"


def test_null_for_an_argument_that_is_needed_is_refused() -> None:
    def book(day: str) -> None: ...

    with pytest.raises(msgspec.ValidationError, match="day"):
        ToolFunction(book).arguments({"day": None})


def test_a_list_as_default_works_and_is_a_new_one_each_time() -> None:
    def note(tags: list[str] = ["a"], more: dict[str, int] = {"b": 1}) -> None: ...  # noqa: B006

    function = ToolFunction(note)
    first, second = function.arguments({}), function.arguments({})
    assert first == {"tags": ["a"], "more": {"b": 1}}
    first["tags"].append("b")
    assert second["tags"] == ["a"] == function.arguments({})["tags"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("15:30", time(15, 30)),
        ("15:30:05", time(15, 30, 5)),
        ("15:30:05Z", time(15, 30, 5, tzinfo=UTC)),
        ("9:05", time(9, 5)),
        ("3:30 pm", time(15, 30)),
        ("12 a.m.", time(0)),
    ],
)
def test_times_without_seconds_and_zone_are_taken(text: str, value: time) -> None:
    def ring(at: time) -> None: ...

    assert ToolFunction(ring).arguments({"at": text}) == {"at": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-28T15:30", datetime(2026, 11, 28, 15, 30)),
        ("2026-11-28 15:30", datetime(2026, 11, 28, 15, 30)),
        ("2026-11-28T15:30:10Z", datetime(2026, 11, 28, 15, 30, 10, tzinfo=UTC)),
        ("2026-11-28", datetime(2026, 11, 28)),
    ],
)
def test_moments_without_seconds_and_zone_are_taken(text: str, value: datetime) -> None:
    def ring(at: datetime, more: list[datetime] = [], maybe: datetime | None = None) -> None: ...  # noqa: B006

    given = ToolFunction(ring).arguments({"at": text, "more": [text], "maybe": text})
    assert given == {"at": value, "more": [value], "maybe": value}


def test_what_is_no_time_is_refused_by_name() -> None:
    def ring(at: time) -> None: ...

    with pytest.raises(msgspec.ValidationError, match=r"at"):
        ToolFunction(ring).arguments({"at": "soon"})


def test_dictionaries_with_names_are_arguments_too() -> None:
    class Person(TypedDict):
        name: str
        title: Annotated[str, "how to call them"]

    def greet(person: Person) -> None: ...

    found = properties_of(greet)["person"]
    assert found["properties"]["title"] == {"type": "string", "description": "how to call them"}
    assert (
        ToolFunction(greet).arguments({"person": {"name": "Ann", "title": "Ms"}})["person"]["name"] == "Ann"
    )


# Docstrings ----------------------------------------------------------------------------------------

STYLES = {
    "google": """Book a table.

For one evening.

Args:
    day: which day: a weekday, or
        a date: both will do
    guests (int, optional): how many.

We close at ten.

Returns:
    What was booked.
""",
    "numpy": """Book a table.

For one evening.

We close at ten.

Parameters
----------
day : str
    which day: a weekday, or
    a date: both will do
guests : int, optional
    how many.

Returns
-------
str
    What was booked.
""",
    "rest": """Book a table.

For one evening.

We close at ten.

:param day: which day: a weekday, or
    a date: both will do
:param int guests: how many.
:returns: What was booked.
""",
}


@pytest.mark.parametrize("style", STYLES)
def test_docstrings_of_every_style_describe_arguments(style: str) -> None:
    """Lines that go on with a colon in them are no arguments, and no text is lost."""
    description, arguments = read_docstring(STYLES[style].rstrip(), ["day", "guests"])
    assert description == "Book a table.\n\nFor one evening.\n\nWe close at ten."
    assert arguments == {"day": "which day: a weekday, or a date: both will do", "guests": "how many."}


def test_a_line_that_is_not_indented_further_belongs_to_the_argument_before_it() -> None:
    text = "Book.\n\nArgs:\n    day: which day,\n    a weekday: Monday\n    hour: the hour"
    assert read_docstring(text, ["day", "hour"])[1] == {
        "day": "which day, a weekday: Monday",
        "hour": "the hour",
    }


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("", ""),
        ("Only this: a line.", "Only this: a line."),
        ("First.\n\n- a list: of things\n- and more", "First.\n\n- a list: of things\n- and more"),
        ("Args:\n    x: only arguments", ""),
        ("What it does\nin two lines.\n\nArgs:\n    x: y", "What it does\nin two lines."),
    ],
)
def test_descriptions_stay_as_they_are(text: str, description: str) -> None:
    assert read_docstring(text, ["x"])[0] == description


def test_several_names_in_one_entry() -> None:
    text = "Add.\n\nParameters\n----------\na, b : int\n    the numbers\n"
    assert read_docstring(text, ["a", "b"])[1] == {"a": "the numbers", "b": "the numbers"}


# What can be a tool --------------------------------------------------------------------------------

FILE = '''
from functools import lru_cache, partial, wraps
from os import getcwd
from typing import Optional

def logged(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

@logged
def book(day: str) -> str:
    """Book a day.

    Args:
        day: the day
    """
    return f"booked {day}"

@lru_cache
def count(up_to: int) -> int:
    """Count."""
    return up_to

def _send(to: str, text: str) -> str:
    """Send a text.

    Args:
        to: whom to
        text: what
    """
    return f"{to}: {text}"

tell_ann = partial(_send, to="Ann")

class _Adder:
    """Adds."""
    def __call__(self, a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

add = _Adder()
'''


def test_decorated_and_partial_functions_are_tools_like_any_other(tmp_path: Path) -> None:
    """And objects that can be called; helpers that decorate would be too, if they could."""
    (tmp_path / "tools.py").write_text(
        FILE.replace("def logged", "def _logged").replace("@logged", "@_logged")
    )
    found = load_tools([str(tmp_path / "tools.py")])
    assert list(found) == ["book", "count", "tell_ann", "add"]
    assert found["book"].spec.parameters["properties"]["day"]["description"] == "the day"
    assert list(found["tell_ann"].spec.parameters["properties"]) == ["text"]
    assert found["tell_ann"].spec.description == "Send a text."
    assert found["add"].spec.description == "Add two numbers."
    context: Any = None
    assert found["tell_ann"].call(found["tell_ann"].arguments({"text": "hi"}), context) == "Ann: hi"
    assert found["add"].call(found["add"].arguments({"a": 2}), context) == 3
    assert found["book"].call(found["book"].arguments({"day": "Monday"}), context) == "booked Monday"


def test_every_public_callable_that_cannot_be_a_tool_is_named(tmp_path: Path) -> None:
    """All of them at once, those too that a decorator has disguised; what is imported is none of the file's own."""
    (tmp_path / "helpers.py").write_text(
        "def careless(function):\n    def wrapper(*args, **kwargs):\n        return function(*args, **kwargs)\n"
        "    return wrapper\n"
    )
    (tmp_path / "tools.py").write_text(
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nfrom helpers import careless\n"
        "@careless\ndef book(day: str) -> str:\n    return day\n\n"
        "def look(what) -> str:\n    return what\n\ndef good() -> int:\n    return 1\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_tools([str(tmp_path / "tools.py")])
    told = [problem.message for problem in caught.value.problems]
    assert len(told) == 2 and "`book`" in told[0] and "functools.wraps" in told[0] and "`look`" in told[1]


def test_a_partial_of_an_async_tool_is_async() -> None:
    @tool(timeout="5s")
    async def wait(seconds: int, call: CallContext) -> int:
        return seconds

    function = ToolFunction(functools.partial(wait), "wait_a_bit")
    assert (
        function.is_async and function.name == "wait_a_bit" and function.settings.timeout_ns == 5_000_000_000
    )
    assert list(function.spec.parameters["properties"]) == ["seconds"]
