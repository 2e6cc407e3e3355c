"""What goes into a request keeps to its place, and what comes out of an answer is what it says to be."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import Media
from livegraph.processors.tools.errors import ToolError
from livegraph.processors.tools.http.answers import read_answer, result_at
from livegraph.processors.tools.http.arguments import ArgumentSpec, check_arguments, schema_of
from livegraph.processors.tools.http.client import Answer
from livegraph.processors.tools.http.templates import fill_address, fill_value, names_in

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def test_values_fill_an_address_and_what_is_not_given_leaves_the_query() -> None:
    url = "https://x/tables/{table}?day={day}&note={note}&fixed=1"
    assert (
        fill_address(url, {"table": "a/b c", "day": "Mon&x=1"})
        == "https://x/tables/a%2Fb%20c?day=Mon%26x%3D1&fixed=1"
    )


@pytest.mark.parametrize("value", ["..", ".", ""])
def test_a_path_is_not_left_by_dots(value: str) -> None:
    with pytest.raises(ToolError, match="wrong arguments"):
        fill_address("https://x/a/{b}/c", {"b": value})


@given(st.text(min_size=1, max_size=30))
def test_no_value_leaves_its_part_of_the_address(value: str) -> None:
    try:
        made = fill_address("https://x/a/{b}/c?d={e}", {"b": value, "e": value})
    except (ToolError, UnicodeEncodeError):
        return
    assert made.startswith("https://x/a/") and made.count("/") == 5 and made.count("?") == 1
    assert made.count("&") == 0 and "#" not in made


def test_a_body_keeps_types_and_leaves_out_what_is_not_given() -> None:
    template = {"n": "{n}", "who": "Mr {who}", "list": ["{n}", "{gone}"], "inner": {"gone": "{gone}", "x": 1}}
    assert fill_value(template, {"n": 3, "who": "Jones"}) == {
        "n": 3,
        "who": "Mr Jones",
        "list": [3],
        "inner": {"x": 1},
    }
    assert names_in(template) == ["n", "who", "gone"]
    # What a value holds is never read as a field itself.
    assert fill_value({"a": "{a}", "b": "x{a}"}, {"a": "{b}", "b": "no"}) == {"a": "{b}", "b": "x{b}"}


def test_arguments_are_checked_against_their_schema() -> None:
    schema = schema_of(
        {
            "n": ArgumentSpec(type="integer", range=(1, 8)),
            "day": ArgumentSpec(choices=("Monday", "Friday"), doc="which day"),
            "more": ArgumentSpec(type="boolean", default=False),
            "note": ArgumentSpec(required=False, max_length=5),
        }
    )
    assert schema["required"] == ["n", "day"] and schema["properties"]["day"]["description"] == "which day"
    assert check_arguments({"n": "4", "day": "Friday", "note": None}, schema) == {
        "n": 4,
        "day": "Friday",
        "more": False,
    }
    for args, told in (
        ({"n": 9, "day": "Friday"}, "9 is greater than the maximum of 8 (at n)"),
        ({"n": 1, "day": "Sunday"}, "is not one of"),
        ({"day": "Friday"}, "'n' is a required property"),
        ({"n": 1, "day": "Friday", "dya": 1}, "there is no argument 'dya'; there is: n, day, more, note"),
        ({"n": "many", "day": "Friday"}, "'many' is not of type 'integer'"),
        ({"n": 1, "day": "Friday", "note": "longer"}, "too long"),
    ):
        with pytest.raises(ToolError) as caught:
            check_arguments(args, schema)
        assert told in str(caught.value)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data.items[0].name", "a"),
        ("data.items[*].name", ["a", "b"]),
        ("data.n", 3),
        ("data", {"items": [{"name": "a"}, {"name": "b"}], "n": 3}),
    ],
)
def test_a_part_of_the_answer_can_be_taken(path: str, found: object) -> None:
    assert result_at({"data": {"items": [{"name": "a"}, {"name": "b"}], "n": 3}}, path) == found
    with pytest.raises(ToolError, match="nothing at data"):
        result_at({"data": {}}, "data.gone")


def read(body: bytes, kind: str, status: int = 200, **headers: str) -> Any:
    """What a tool gives for such an answer."""
    return read_answer(
        Answer(status, {"content-type": kind, **headers}, body), path="", retry_on=(503,), who="it"
    )


def test_an_answer_is_taken_for_what_it_is() -> None:
    assert read(b'{"a": 1}', "application/json; charset=utf-8") == {"a": 1}
    assert read(b"[1]", "application/problem+json") == [1]
    assert read("grüß".encode("latin-1"), "text/plain; charset=latin-1") == "grüß"
    assert read(b'{"a": 1}', "") == {"a": 1} and read(b"plain", "") == "plain"
    assert read(b"", "application/json") == {"status": 200}
    assert read(PNG, "image/png") == Media(PNG, "image/png")
    assert read(PNG, "image/jpeg") == Media(PNG, "image/png"), "a picture under another name is still one"
    assert read(PNG, "text/plain") == Media(PNG, "image/png")
    assert read(b"\x00\x01", "application/zip") == Media(b"\x00\x01", "application/zip")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", "application/json"),
        (b"<html>", "image/png"),
        (b"\xff\xfe\x00\x80", "text/plain"),
        (b"a\x00b", "text/plain"),
        (b"[" * 100_000, "application/json"),
        (b"text", "text/plain; charset=nonsense"),
        (b"%PDX", "application/pdf"),
    ],
)
def test_one_that_lies_is_an_error_in_words(body: bytes, kind: str) -> None:
    with pytest.raises(ToolError, match=r"it says that it sends .*, and what it sent is none"):
        read(body, kind)


def test_a_failure_says_what_the_service_says_of_it() -> None:
    with pytest.raises(ToolError) as caught:
        read(json.dumps({"error": {"message": "no\n such day"}}).encode(), "application/json", 404)
    assert str(caught.value) == "it answered 404: no such day" and not caught.value.retryable
    assert caught.value.body() == {"status": 404, "error": "it answered 404: no such day"}
    with pytest.raises(ToolError) as caught:
        read(b"<html>secret inner page</html>", "text/html", 503, **{"retry-after": "2"})
    assert caught.value.retryable and caught.value.retry_after_ns == 2_000_000_000
    assert "secret" not in str(caught.value)
