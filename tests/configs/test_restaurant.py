"""The restaurant's booking service: tables are taken once, and the agent's own tools reach it by HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from livegraph.configs import restaurant_server
from livegraph.configs.restaurant_server import Refused, Restaurant, serve
from livegraph.language import load_agent
from livegraph.pipeline.events import Event, ToolFinished
from support.tool_calls import Model, calling

CONFIGS = Path(restaurant_server.__file__).parent
BOOKING = {"day": "Friday", "time": "19:30", "guests": 4, "name": "Ada"}


def test_a_table_is_taken_once_and_the_smallest_that_fits() -> None:
    """Four guests sit at a table for four as long as there is one; then at larger ones; then it is full."""
    place = Restaurant()
    tables = [place.book(BOOKING | {"name": name})["table"] for name in "ABCD"]
    assert tables == [3, 4, 5, 6]
    with pytest.raises(Refused, match="no table for 4 on friday"):
        place.book(BOOKING)
    assert place.free("Friday", 4)["times"] == ["18:00", "21:00"]
    assert place.free("on Friday", 2)["times"] == ["18:00", "19:30", "21:00"]
    place.cancel(1)
    assert place.book(BOOKING)["table"] == 3
    with pytest.raises(Refused, match="number 99"):
        place.cancel(99)


def test_the_same_wish_is_done_once() -> None:
    """By its key: who asks again because the answer was lost gets the same booking."""
    place = Restaurant()
    assert place.book(BOOKING, "k1") == place.book(BOOKING, "k1")
    assert place.book(BOOKING, "k2")["number"] == 2


@pytest.mark.parametrize(
    "wrong", [{"guests": 9}, {"guests": True}, {"time": "3 am"}, {"name": " "}, {"day": ""}]
)
def test_what_cannot_be_booked_is_refused_in_words(wrong: dict[str, object]) -> None:
    """The guest is told why."""
    with pytest.raises(Refused) as refused:
        Restaurant().book(BOOKING | wrong)
    assert refused.value.status == 422


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The service runs, where the agent file looks for it."""
    with serve() as server:
        monkeypatch.setenv("RESTAURANT_PORT", str(server.server_address[1]))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("service")
def test_the_agents_tools_book_and_cancel_at_the_service() -> None:
    """As the file has them: it books after a yes only, gives back the part that counts, and a refusal's own words."""

    async def main() -> None:
        agent = load_agent(CONFIGS / "restaurant.yaml")
        (tools,) = (node.options["tools"] for node in agent.graph.nodes.values() if "tools" in node.options)
        async with asyncio.timeout(60), calling(*tools) as (model, events):
            assert await say(model, "free_tables", "1", day="Friday", guests=8) == {
                "day": "friday",
                "guests": 8,
                "times": ["18:00", "19:30", "21:00"],
            }
            wish = BOOKING | {"guests": 8}
            refused = await say(model, "book_table", "2", **wish)
            assert "Shall I book a table for 8 on Friday at 19:30?" in refused["hint"]
            model.heard("agent", "Shall I book a table for 8 on Friday at 19:30?")
            model.heard("user", "Yes, please.")
            booked = await say(model, "book_table", "3", **wish)
            assert (booked["table"], booked["name"]) == (6, "Ada")
            assert (await say(model, "free_tables", "4", day="Friday", guests=8))["times"] == [
                "18:00",
                "21:00",
            ]
            assert "trout" in str(await say(model, "menu", "5"))
            assert "guests" in str(await say(model, "free_tables", "6", day="Friday", guests=40))
            assert outcomes(events) == [
                "answered",
                "unconfirmed",
                "answered",
                "answered",
                "answered",
                "arguments",
            ]

    asyncio.run(main())


async def say(model: Model, name: str, call_id: str, /, **args: object) -> dict[str, Any]:
    """What the model is told."""
    model.ask(name, call_id, **args)
    return await model.answer()


def outcomes(events: list[Event]) -> list[str]:
    return [event.outcome for event in events if isinstance(event, ToolFinished)]
