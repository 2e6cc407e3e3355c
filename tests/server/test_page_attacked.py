"""The page among people and servers that mean it ill, or are merely odd: nothing that is told is taken for markup, no
name of an input is in its way, and what a browser has kept wrongly is forgotten."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import expect

from support.fake_call_server import DEFAULT_AGENTS

from .test_page import in_loop, shared, visit

pytestmark = pytest.mark.browser
__all__ = ["shared"]

HOSTILE = "<img src=x onerror=window.hurt=1><script>window.hurt=2</script>\"'`${window.hurt=3}"
LONG = "supercalifragilistic" * 100
ODD_NAMES = [
    "hidden",
    "append",
    "reportValidity",
    "addEventListener",
    "children",
    "id",
    "agent",
    "lang",
    "__proto__",
]


def required(name: str, **spec: Any) -> dict[str, Any]:
    """An input that every call needs."""
    return {"name": name, "type": "text", "required": True, "default": None, "doc": "", **spec}


async def unhurt(page: Any) -> None:
    """Nothing ran, no element came into being that the page does not make, nothing is wider than the screen."""
    assert await page.evaluate("window.hurt") is None
    assert await page.locator("body img, body script:not([src])").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_that_is_told_is_taken_for_markup(width: int) -> None:
    """Names, inputs, what is said, tools, people, errors and what stands in a link, on a narrow screen too."""
    spec = required(HOSTILE, doc=HOSTILE, choices=[HOSTILE, LONG])
    agents = [
        {
            "name": "a",
            "title": HOSTILE,
            "description": HOSTILE + LONG,
            "inputs": [spec, required("plain", doc=LONG)],
        },
        {"name": "b", "title": LONG, "description": ""},
    ]

    async def run() -> None:
        async with visit(agents=agents, viewport={"width": width, "height": 640}) as v:
            page, say = v.page, v.server.send
            sent = {
                "agent": HOSTILE,
                "plain": HOSTILE,
                HOSTILE: HOSTILE,
                "lang": HOSTILE,
                "transport": HOSTILE,
            }
            await page.goto(f"{v.server.url}?{urlencode(sent)}#token={HOSTILE}")
            await expect(page.locator("#title")).to_have_text(HOSTILE)
            await expect(page.get_by_label("plain")).to_have_value(HOSTILE)
            await unhurt(page)
            outside = "e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth"
            parts = "h1, .description, .doc, .field label, .field input"
            assert (
                await page.evaluate(f"[...document.querySelectorAll('{parts}')].filter({outside}).length")
                == 0
            )
            assert await page.locator("#title").evaluate("e => e.scrollWidth <= e.clientWidth")
            await v.call()
            assert v.server.offers[0]["inputs"] == {HOSTILE: HOSTILE, "plain": HOSTILE}
            for role in ("user", "agent"):
                said = {"role": role, "final": True, "turn": 1, "utterance": 1}
                await say("transcript", text=HOSTILE + LONG, **said)
            await say("tool_call", id=HOSTILE, name=HOSTILE + LONG, args={HOSTILE: HOSTILE, "b": LONG})
            await say("tool_progress", id=HOSTILE, name=HOSTILE, text=HOSTILE + LONG, fraction=0.5)
            await say("tool_result", id=HOSTILE, name=HOSTILE, ok=False, result=HOSTILE + LONG, duration_ms=1)
            await say("persona", persona=HOSTILE, before=LONG)
            await say("confirmed", name=HOSTILE, agreed=True)
            for address in (
                {"sip": "javascript:window.hurt=4"},
                {"number": "javascript:5"},
                {"sip": f"sip:{HOSTILE}"},
            ):
                await say("transfer", to=HOSTILE, callback=False, **address)
            await expect(page.locator("#transcript li")).to_have_count(8)
            await page.locator("#transcript summary").click()
            for link in await page.locator("#transcript a").all():
                assert (await link.get_attribute("href") or "").split(":")[0] in ("tel", "sip", "sips")
            await unhurt(page)
            await say("error", message=HOSTILE + LONG, remedy=HOSTILE)
            await expect(page.locator("#problem")).to_contain_text("onerror")
            await unhurt(page)
            await say("end", reason="failed", detail=HOSTILE)
            await expect(page.locator("#state")).to_have_attribute("data-state", "ended")
            await unhurt(page)

    in_loop(run())


def test_inputs_may_have_any_name() -> None:
    """Also those of a form's own parts: they are asked for, sent, and carried by a link."""
    agents = [{**DEFAULT_AGENTS[0], "inputs": [required(name) for name in ODD_NAMES]}]

    async def run() -> None:
        async with visit(agents=agents) as v:
            page = v.page
            await page.context.grant_permissions(["clipboard-read", "clipboard-write", "microphone"])
            await page.click("#call")
            assert v.server.offers == []
            for name in ODD_NAMES:
                await page.locator(f"[id='input-{name}']").fill(f"of {name}")
            await v.call()
            wanted = {name: f"of {name}" for name in ODD_NAMES}
            assert v.server.offers[0]["inputs"] == wanted
            await v.server.send("transcript", role="agent", text="Bye", final=True, turn=1, utterance=1)
            await page.click("#hangup")
            await expect(page.locator("#link")).to_be_visible()
            link = await page.evaluate(
                "navigator.clipboard.writeText = async (text) => { window.copied = text; }; "
                "document.querySelector('#link').click(); window.copied"
            )
            await page.evaluate("localStorage.clear()")
            await page.goto(link)
            for name in ODD_NAMES:
                await expect(page.locator(f"[id='input-{name}']")).to_have_value(f"of {name}")

    in_loop(run())


@pytest.mark.parametrize("kept", ["null", "7", "{"])
def test_what_was_kept_wrongly_is_forgotten(kept: str) -> None:
    """Another program on the same address may have written into the store."""
    agents = [{**DEFAULT_AGENTS[0], "inputs": [required("who")]}]
    keys = [f"livegraph.{key}" for key in ("inputs.receptionist", "agent", "microphone")]
    script = f"for (const key of {keys}) localStorage.setItem(key, {kept!r})"

    async def run() -> None:
        async with visit(agents=agents, script=script) as v:
            await v.page.get_by_label("who").fill("Ann")
            await v.call()
            assert v.server.offers[0]["inputs"] == {"who": "Ann"}

    in_loop(run())


def test_who_goes_back_to_the_page_finds_one_that_works() -> None:
    """Away from a call and back: the old one was ended at the server, and the page calls anew."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            await v.page.goto("about:blank")
            await v.server.until(lambda: v.server.hung_up == ["call-1"])
            await v.page.go_back()
            await expect(v.page.locator("#title")).to_have_text("Receptionist")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "idle")
            await v.call()
            assert len(v.server.offers) == 2

    in_loop(run())
