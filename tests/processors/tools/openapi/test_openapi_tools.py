"""Operations of a document are functions with the schema that it gives them, and make the requests that it says."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from livegraph.pipeline import ConfigError, Secret
from livegraph.processors.tools.openapi.document import BadDocument, expanded, read_document
from livegraph.processors.tools.openapi.entry import OpenApiTools
from livegraph.processors.tools.settings import FunctionOptions
from livegraph.processors.tools.sources import known_tools
from support.rest import Asked, reply, rest_server
from support.tool_calls import calling

ROOMS = Path(__file__).with_name("rooms.yaml")


def found(**options: Any) -> dict[str, Any]:
    """The functions of the document."""
    tools, whole = known_tools([OpenApiTools(openapi=ROOMS, **options)])
    assert whole
    return {name: tool.spec for name, tool in tools.items()}


def test_operations_are_functions() -> None:
    specs = found()
    assert list(specs) == ["listRooms", "bookRoom", "put_notes"]
    assert specs["listRooms"].description == "List the rooms."
    book = specs["bookRoom"].parameters
    assert book["required"] == ["room_id", "night", "guest"]
    assert book["properties"]["room_id"] == {"type": "integer", "description": "the room"}
    assert book["properties"]["note"] == {"type": ["string", "null"]}
    # What refers to itself ends as any object.
    assert book["properties"]["guest"]["properties"]["friends"]["items"] == {"type": "object"}
    assert specs["listRooms"].parameters["properties"]["limit"] == {
        "type": "integer",
        "default": 10,
        "exclusiveMinimum": 1,
    }
    assert specs["put_notes"].parameters["properties"]["body"]["type"] == "array"


def test_they_are_chosen_by_name_and_by_tag() -> None:
    assert list(found(only=("list*",))) == ["listRooms"]
    assert list(found(tags=("bookings",))) == ["bookRoom"]
    assert set(found(tags=("bookings",), only=("listRooms",))) == {"listRooms", "bookRoom"}
    assert list(found(only=("bookRoom",), options={"bookRoom": FunctionOptions(name="book")})) == ["book"]
    for wrong in ({"only": ("lsitRooms",)}, {"tags": ("nothing",)}):
        with pytest.raises(ConfigError) as caught:
            found(**wrong)
        assert caught.value.problems[0].code == "LG230"


def test_they_make_the_requests_that_the_document_says() -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> bytes:
        return reply({"ok": True})

    async def main() -> list[Asked]:
        async with rest_server(answer) as rest:
            entry = OpenApiTools(
                openapi=ROOMS, server=f"{rest.url}/v1", private=("127.0.0.1",), headers={"X-Key": Secret("k")}
            )
            async with calling(entry) as (model, _):
                model.ask("listRooms", "1", **{"with": ["sea view", "bath"], "X-Language": "de"})
                assert await model.answer() == {"ok": True}
                model.ask("bookRoom", "2", room_id="7", night="2026-12-01", guest={"name": "Ada"}, note=None)
                assert await model.answer() == {"ok": True}
                model.ask("put_notes", "3", body=["a"])
                await model.answer()
                model.ask("bookRoom", "4", room_id=7)
                assert "is a required property" in (await model.answer())["error"]
            return rest.asked

    listed, booked, noted = asyncio.run(main())
    assert listed.target == "/v1/rooms?limit=10&with=sea+view%2Cbath"
    assert listed.headers["x-language"] == "de" and listed.headers["x-key"] == "k"
    assert (booked.method, booked.target) == ("POST", "/v1/rooms/7/bookings")
    assert booked.json == {"night": "2026-12-01", "guest": {"name": "Ada"}, "note": None}
    assert noted.json == ["a"]


def test_a_document_may_come_from_an_address_and_costs_its_tools_when_it_does_not() -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> bytes:
        if asked.target == "/rooms.yaml":
            text = ROOMS.read_text().replace("https://{region}.rooms.example/v1", "/v2")
            return reply(text.encode(), kind="text/yaml")
        return reply({"ok": True}) if asked.target.startswith("/v2/rooms") else reply({}, 404)

    async def main() -> None:
        async with rest_server(answer) as rest:
            entry = OpenApiTools(openapi=f"{rest.url}/rooms.yaml", private=("127.0.0.1",))
            async with calling(entry) as (model, _):
                model.ask("listRooms")
                assert await model.answer() == {"ok": True}
            gone = OpenApiTools(openapi=f"{rest.url}/gone.yaml", private=("127.0.0.1",))
            async with calling(gone) as (model, _):
                assert model.catalogs[0].functions == ()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("swagger: '2.0'", "Swagger 2.0"),
        ("a: 1", "no OpenAPI document"),
        ("- 1", "no mapping"),
        ("openapi: [", "cannot be read"),
        ('{"openapi": "3.1.0"', "cannot be read"),
    ],
)
def test_what_is_no_document_says_so(text: str, told: str) -> None:
    with pytest.raises(BadDocument, match=told):
        read_document(text)


@pytest.mark.parametrize("reference", ["#/gone", "other.yaml#/a", "https://x/y#/a"])
def test_a_reference_that_leads_nowhere_or_outside_is_refused(reference: str) -> None:
    with pytest.raises(BadDocument):
        expanded({"$ref": reference}, {})


def test_a_schema_that_unfolds_without_end_is_refused() -> None:
    schemas = {f"s{n}": {"allOf": [{"$ref": f"#/s{n + 1}"}] * 10} for n in range(20)} | {
        "s20": {"type": "string"}
    }
    with pytest.raises(BadDocument, match="too large"):
        expanded({"$ref": "#/s0"}, schemas)
