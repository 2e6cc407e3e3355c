"""Documents as they are found in the wild: each parameter goes where and how it says, and none breaks the agent."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.pipeline import ConfigError, Secret
from livegraph.processors.tools.openapi.document import BadDocument, operations, read_document
from livegraph.processors.tools.openapi.entry import OpenApiTools
from livegraph.processors.tools.openapi.operation import Operation, read_operation
from livegraph.processors.tools.openapi.styles import Placed, in_cookie, in_header, in_path, in_query
from livegraph.processors.tools.sources import known_tools
from support.rest import Asked, reply, rest_server
from support.tool_calls import calling

OBJECT = {"R": 100, "G": 200}
LIST = ["blue", "black"]


def document(
    operation: dict[str, Any], path: str = "/pets", method: str = "get", **more: Any
) -> dict[str, Any]:
    """A document of one operation."""
    return {
        "openapi": "3.1.0",
        "servers": [{"url": "https://pets.example/v1"}],
        "paths": {path: {method: operation}},
        **more,
    }


def only(found: dict[str, Any], base: str = "", given: Any = ()) -> Operation:
    """Its operation."""
    [described] = operations(found, base)
    return read_operation(described, found, given)


@pytest.mark.parametrize(
    ("style", "explode", "value", "told"),
    [
        # The table of OpenAPI 3.1, Style Examples.
        ("form", True, LIST, "color=blue&color=black"),
        ("form", False, LIST, "color=blue,black"),
        ("form", True, OBJECT, "R=100&G=200"),
        ("form", False, OBJECT, "color=R,100,G,200"),
        ("spaceDelimited", False, LIST, "color=blue black"),
        ("pipeDelimited", False, LIST, "color=blue|black"),
        ("deepObject", True, OBJECT, "color[R]=100&color[G]=200"),
        ("form", True, "blue", "color=blue"),
        ("form", True, True, "color=true"),
    ],
)
def test_a_query_is_written_as_the_document_says(style: str, explode: bool, value: Any, told: str) -> None:
    pairs = in_query(Placed("query", "color", style, explode), value)
    assert "&".join(f"{name}={one}" for name, one in pairs) == told


@pytest.mark.parametrize(
    ("style", "explode", "value", "told"),
    [
        ("simple", False, LIST, "blue,black"),
        ("simple", False, OBJECT, "R,100,G,200"),
        ("simple", True, OBJECT, "R=100,G=200"),
        ("label", False, "blue", ".blue"),
        ("label", False, LIST, ".blue,black"),
        ("label", True, LIST, ".blue.black"),
        ("label", True, OBJECT, ".R=100.G=200"),
        ("matrix", False, "blue", ";color=blue"),
        ("matrix", False, LIST, ";color=blue,black"),
        ("matrix", True, LIST, ";color=blue;color=black"),
        ("matrix", True, OBJECT, ";R=100;G=200"),
        ("matrix", False, OBJECT, ";color=R,100,G,200"),
        ("simple", False, "a/b?c#d", "a%2Fb%3Fc%23d"),
    ],
)
def test_a_part_of_the_path_too(style: str, explode: bool, value: Any, told: str) -> None:
    assert in_path(Placed("path", "color", style, explode), value) == told


def test_headers_and_cookies_too() -> None:
    assert in_header(Placed("header", "X", "simple"), LIST) == "blue,black"
    assert in_header(Placed("header", "X", "simple", explode=True), OBJECT) == "R=100,G=200"
    assert in_cookie(Placed("cookie", "c", "form"), "a; b=c") == "c=a%3B%20b%3Dc", "it makes no other cookie"
    assert in_header(Placed("header", "X", as_json=True), OBJECT) == '{"R": 100, "G": 200}'


@given(st.sampled_from(["simple", "label", "matrix"]), st.booleans(), st.text(max_size=10))
def test_no_value_leaves_its_part_of_the_path(style: str, explode: bool, text: str) -> None:
    placed = Placed("path", "p", style, explode)
    found = document(
        {"parameters": [{"name": "p", "in": "path", "style": style, "explode": explode}]}, "/a/{p}/b"
    )
    for value in (text, [text, text], {text: text}):
        assert not set(in_path(placed, value)) & set("/?#\r\n ")
        try:
            request = only(found).request("https://x.example", {"p": value})
        except Exception as error:
            assert "cannot be" in str(error)
        else:
            assert request.url.removeprefix("https://x.example/a/").removesuffix("/b") not in ("", ".", "..")


def test_what_every_request_has_is_not_asked_of_the_model() -> None:
    """A key that the document wants, and the agent file gives."""
    parameters = [
        {"name": "appid", "in": "query", "required": True, "schema": {"type": "string"}},
        {"name": "X-Api-Key", "in": "header", "required": True, "schema": {"type": "string"}},
        {"name": "Host", "in": "header", "schema": {"type": "string"}},
        {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
        {"name": "city", "in": "query", "schema": {"type": "string"}},
    ]
    found = document({"parameters": parameters})
    assert set(only(found, given={("query", "appid"), ("header", "x-api-key")}).places) == {"city"}
    assert set(only(found).places) == {"appid", "X-Api-Key", "city"}


def test_it_is_sent_once_and_cookies_side_by_side(tmp_path: Path) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> bytes:
        return reply({"ok": True})

    async def main() -> Asked:
        async with rest_server(answer) as rest:
            parameters = [
                {"name": "appid", "in": "query", "required": True},
                {"name": "session", "in": "cookie", "schema": {"type": "string"}},
                {"name": "filter", "in": "query", "style": "deepObject", "schema": {"type": "object"}},
            ]
            path = tmp_path / "api.json"
            # Its own server counts more than that of the whole.
            operation = {
                "operationId": "find",
                "parameters": parameters,
                "servers": [{"url": f"{rest.url}/own"}],
            }
            path.write_text(json.dumps(document(operation)))
            entry = OpenApiTools(
                openapi=path,
                private=("127.0.0.1",),
                query={"appid": Secret("k-1")},
                headers={"Cookie": Secret("a=b")},
            )
            async with calling(entry) as (model, _):
                model.ask("find", session="s;x", filter={"name": "Ada"})
                assert await model.answer() == {"ok": True}
            return rest.asked[0]

    asked = asyncio.run(main())
    assert asked.target == "/own/pets?filter%5Bname%5D=Ada&appid=k-1"
    assert asked.headers["cookie"] == "a=b; session=s%3Bx"


def body(schema: dict[str, Any], kind: str = "application/json", **more: Any) -> dict[str, Any]:
    """A document whose operation takes this."""
    return document(
        {"requestBody": {"required": True, "content": {kind: {"schema": schema}}}}, method="post", **more
    )


def test_the_parts_of_an_object_are_arguments_of_one_level() -> None:
    """``allOf``, as documents say *that, and this too*."""
    new = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    schemas = {"New": new, "Loop": {"allOf": [{"$ref": "#/components/schemas/Loop"}]}}
    whole = {
        "allOf": [{"$ref": "#/components/schemas/New"}, {"required": ["age"], "properties": {"age": {}}}]
    }
    found = only(body(whole, components={"schemas": schemas}))
    assert found.schema["required"] == ["name", "age"]
    assert json.loads(found.request("https://x", {"name": "Ada", "age": 3}).body or b"") == {
        "name": "Ada",
        "age": 3,
    }
    # What is one or the other stays whole, and so does what refers to itself.
    for other in ({"oneOf": [new, new]}, {"type": "object", "additionalProperties": True}, {"type": "array"}):
        assert set(only(body(other)).places) == {"body"}
    assert only(body({"$ref": "#/components/schemas/Loop"}, components={"schemas": schemas})).places


@pytest.mark.parametrize(
    ("said", "takes_null"),
    [
        ({"type": "string", "nullable": True}, True),
        ({"type": "string", "enum": ["a"], "nullable": True}, True),
        ({"allOf": [{"type": "string"}], "nullable": True}, True),
        ({"type": ["string", "null"]}, True),
        ({"type": "string", "nullable": False}, False),
        ({"type": "string"}, False),
    ],
)
def test_what_may_be_null_may(said: dict[str, Any], takes_null: bool) -> None:
    from jsonschema import Draft202012Validator

    schema = only(body({"type": "object", "properties": {"note": said}})).schema
    assert Draft202012Validator(schema).is_valid({"note": None}) is takes_null
    assert Draft202012Validator(schema).is_valid({"note": "a"})


def test_bodies_that_are_no_json() -> None:
    form = only(body({"properties": {"a": {}, "b": {}}}, "application/x-www-form-urlencoded"))
    assert form.request("https://x", {"a": True, "b": ["1", "2"]}).body == b"a=true&b=1&b=2"
    plain = only(body({"type": "string"}, "text/plain"))
    assert plain.request("https://x", {"body": "hé"}).body == "hé".encode()
    assert only(body({}, "application/vnd.pets.v2+json; charset=utf-8")).content.startswith(
        "application/vnd.pets"
    )
    assert only(body({}, "multipart/form-data")).unsendable == "multipart/form-data"


def written(tmp_path: Path, found: dict[str, Any]) -> Path:
    """The document as a file."""
    path = tmp_path / "api.json"
    path.write_text(json.dumps(found))
    return path


def test_an_operation_that_cannot_be_called_is_left_out_or_named(tmp_path: Path) -> None:
    found = body({}, "multipart/form-data")
    found["paths"]["/pets"]["post"]["operationId"] = "upload"
    found["paths"]["/pets"]["get"] = {"operationId": "look"}
    path = written(tmp_path, found)
    assert list(known_tools([OpenApiTools(openapi=path)])[0]) == ["look"]
    with pytest.raises(ConfigError, match="a body of multipart/form-data"):
        known_tools([OpenApiTools(openapi=path, only=("upload",))])


def test_of_two_operations_with_one_name_neither_is_lost(tmp_path: Path) -> None:
    found = document({"operationId": "list"})
    found["paths"]["/owners"] = {"get": {"operationId": "list"}, "post": {}}
    found["paths"]["/owners/{id}"] = {"get": {}}
    tools = known_tools([OpenApiTools(openapi=written(tmp_path, found))])[0]
    assert list(tools) == ["list", "get_owners", "post_owners", "get_owners_id"]
    assert tools["get_owners_id"].spec.parameters["required"] == ["id"], (
        "a part of the path that nothing describes"
    )


@pytest.mark.parametrize(
    ("servers", "base", "server"),
    [
        (
            [
                {
                    "url": "https://{r}.x.example/{v}",
                    "variables": {"r": {"default": "eu"}, "v": {"default": "v2"}},
                }
            ],
            "",
            "https://eu.x.example/v2",
        ),
        ([{"url": "/api"}], "https://x.example/docs/openapi.json", "https://x.example/api"),
        ([{"url": "api/"}], "https://x.example/docs/openapi.json", "https://x.example/docs/api"),
        ([], "https://x.example/openapi.json", "https://x.example"),
        ("nonsense", "https://x.example/openapi.json", "https://x.example"),
        ([None], "https://x.example/openapi.json", "https://x.example"),
    ],
)
def test_where_the_service_is(servers: Any, base: str, server: str) -> None:
    assert only({**document({}), "servers": servers}, base).server == server


def test_a_file_that_does_not_say_where_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, {**document({}), "servers": [{"url": "/api"}]})
    with pytest.raises(ConfigError, match="`server` has no address that can be called"):
        known_tools([OpenApiTools(openapi=path)])
    assert known_tools([OpenApiTools(openapi=path, server="https://x.example")])[0]


rubbish: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "#/a", "object", "path", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "$ref",
                    "get",
                    "post",
                    "parameters",
                    "requestBody",
                    "content",
                    "schema",
                    "name",
                    "in",
                    "properties",
                    "a",
                    "application/json",
                    "required",
                    "allOf",
                    "servers",
                    "url",
                    "type",
                    "nullable",
                    "tags",
                    "operationId",
                    "style",
                    "explode",
                    "description",
                    "enum",
                    "items",
                    "variables",
                    "default",
                    "/a/{b}",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@settings(deadline=None, max_examples=200)
@given(rubbish, rubbish)
def test_no_document_breaks_it(paths: Any, more: Any) -> None:
    """Whatever stands in it: it is read, or refused as a document that cannot be used."""
    found = {"openapi": "3.0.0", "paths": paths, "servers": more, "a": more}
    try:
        for described in operations(read_document(json.dumps(found)), "https://x.example/"):
            read_operation(described, found)
    except BadDocument:
        pass
