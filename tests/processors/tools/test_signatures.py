"""Signatures that people write and msgspec alone does not read: unions, pydantic, places, defaults of all sorts."""

import asyncio
import dataclasses
import enum
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Final, Optional, Union

import msgspec
import pytest
from pydantic import BaseModel, EmailStr, Field, HttpUrl, PositiveInt, SecretStr

from livegraph.processors.tools.docstring import read_docstring
from livegraph.processors.tools.function import ToolFunction
from livegraph.processors.tools.results import read_result


class Guest(BaseModel):
    name: str
    age: int = Field(1, ge=0)


@dataclasses.dataclass
class Company:
    firm: str
    people: list[str] = dataclasses.field(default_factory=list)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def whole(x: date | str) -> Any: ...
def moment(x: date | datetime | None = None) -> Any: ...
def either(x: Union[Guest, Company, str]) -> Any: ...  # noqa: UP007
def maybe(x: Optional[Union[Guest, Company]] = None) -> Any: ...  # noqa: UP007, UP045
def several(x: list[date | str]) -> Any: ...
def span(x: timedelta) -> Any: ...
def colour(x: Colour) -> Any: ...
def sure(x: bool) -> Any: ...
def page(x: HttpUrl) -> Any: ...
def count(x: PositiveInt) -> Any: ...
def known(x: Guest = Guest(name="Ann")) -> Any: ...  # noqa: B008
def placed(x: int, /, y: int = 2) -> Any:
    return [x, y]


@pytest.mark.parametrize(
    ("function", "given", "value"),
    [
        (whole, "2026-02-03", date(2026, 2, 3)),
        (whole, "soon", "soon"),
        (moment, "2026-02-03", date(2026, 2, 3)),
        (moment, "2026-02-03 9:30", datetime(2026, 2, 3, 9, 30)),
        (moment, None, None),
        (either, {"name": "Bo"}, Guest(name="Bo")),
        (either, {"firm": "B"}, Company("B")),
        (either, "nobody", "nobody"),
        (maybe, {"firm": "B", "people": ["c"]}, Company("B", ["c"])),
        (maybe, None, None),
        (several, ["2026-02-03", "later"], [date(2026, 2, 3), "later"]),
        (span, "1h", timedelta(hours=1)),
        (span, "90 min", timedelta(minutes=90)),
        (span, "1:30:00", timedelta(minutes=90)),
        (span, "PT5M", timedelta(minutes=5)),
        (span, 90, timedelta(seconds=90)),
        (colour, "RED", Colour.RED),
        (colour, "blue", Colour.BLUE),
        (sure, "yes", True),
        (sure, "No", False),
        (sure, "true", True),
        (page, "http://a.example/x", HttpUrl("http://a.example/x")),
        (count, 3, 3),
        (placed, "1", 1),
    ],
)
def test_arguments_are_what_was_meant(function: Callable[..., Any], given: Any, value: Any) -> None:
    """Of several types the first that takes it to the letter."""
    assert ToolFunction(function).arguments({"x": given})["x"] == value


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (whole, 3),
        (either, {"age": 3}),
        (maybe, 5),
        (span, "long"),
        (colour, "green"),
        (page, "x"),
        (count, 0),
    ],
)
def test_what_is_none_of_them_is_refused_by_name(function: Callable[..., Any], given: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.x"):
        ToolFunction(function).arguments({"x": given})


def test_the_model_is_told_what_there_is_to_choose_from() -> None:
    """With no reference to follow, at any depth."""
    found = ToolFunction(either).spec.parameters["properties"]["x"]
    assert [sorted(branch.get("properties", {})) for branch in found["anyOf"]] == [
        ["age", "name"],
        ["firm", "people"],
        [],
    ]
    assert "$ref" not in str(ToolFunction(several).spec) + str(ToolFunction(maybe).spec)


def test_a_default_of_any_kind_is_the_functions_own() -> None:
    """A model's instance is a new one each time; a mark that is no value is that mark; neither is shown."""
    mark = object()

    def look(guest: Guest = Guest(name="Ann"), limit: int = mark) -> None:  # type: ignore[assignment]  # noqa: B008
        """Look."""

    found = ToolFunction(look)
    first, second = found.arguments({}), found.arguments({})
    assert first["guest"] == Guest(name="Ann") and first["guest"] is not second["guest"]
    assert first["limit"] is mark
    assert (
        found.spec.parameters["required"] == []
        and "default" not in found.spec.parameters["properties"]["limit"]
    )


def test_arguments_that_are_taken_by_their_place_are_arguments() -> None:
    """Also of an async function."""

    async def later(x: int, /, *, y: int = 2) -> list[int]:
        return [x, y]

    for function, body in ((placed, [1, 5]), (later, [1, 5])):
        made = ToolFunction(function)
        assert list(made.spec.parameters["properties"]) == ["x", "y"]
        got = made.call(made.arguments({"x": 1, "y": 5}), None)  # type: ignore[arg-type]
        assert (asyncio.run(got) if made.is_async else got) == body


def test_types_of_pydantics_are_results_too_and_a_secret_stays_one() -> None:
    body = read_result({"page": HttpUrl("http://a.example/"), "key": SecretStr("open sesame")}, 1000).body
    assert body["page"] == "http://a.example/" and "sesame" not in str(body)


def test_a_type_that_needs_another_library_says_so() -> None:
    """Where it is there, it is a type like any other."""

    def write(to: EmailStr) -> None:
        """Write."""

    try:
        import email_validator  # noqa: F401
    except ImportError:
        with pytest.raises(TypeError, match="email-validator is not installed"):
            ToolFunction(write)
    else:
        assert ToolFunction(write).spec.parameters["properties"]["to"]["format"] == "email"


def test_what_is_wrong_with_an_argument_names_it() -> None:
    """With the function, also where it is the annotation itself that makes no sense, or there is none to read."""

    def later(then: Callable[[int], int]) -> None: ...

    def fixed(x: "Final[int]" = 3) -> None: ...  # type: ignore[valid-type]

    for function, told in (
        (later, "later: the argument 'then'"),
        (fixed, "fixed: what it takes"),
        (max, "max: "),
    ):
        with pytest.raises(TypeError, match=told):
            ToolFunction(function)


def test_a_default_that_json_does_not_know_is_the_functions_own() -> None:
    """No model is told of it, and no service refuses a setup for it."""

    def within(most: float = float("inf"), least: float | None = float("nan")) -> float:
        return most

    function = ToolFunction(within)
    properties = function.spec.parameters["properties"]
    assert "default" not in properties["most"] and "default" not in properties["least"]
    assert json.loads(json.dumps(properties, allow_nan=False)) == properties
    assert function.arguments({})["most"] == float("inf")


def test_marks_around_the_names_of_arguments_are_none_of_them() -> None:
    """Stars, back ticks, and references of Sphinx's, whose colon would end the name."""
    arguments = (
        "*day: The day.\n    `hour` (:obj:`int`, optional): The hour.\n    **who**: For :class:`~x.Guest`."
    )
    text = f"Book.\n\nArgs:\n    {arguments}"
    description, documented = read_docstring(text, ["day", "hour", "who"])
    assert description == "Book."
    assert documented == {"day": "The day.", "hour": "The hour.", "who": "For x.Guest."}
