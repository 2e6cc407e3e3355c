"""Microphones that go in the middle of a call: unplugged, or taken away by whoever may; the page goes on, says it, and
goes on with what is there again."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from support.eventually import eventually

from .test_page import Visit, in_loop, shared, visit

pytestmark = pytest.mark.browser
__all__ = ["shared"]

PLUGS = """
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    const given = [];
    window.refusal = "";
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      if (window.refusal) throw new DOMException("not here", window.refusal);
      const stream = await open(wanted);
      given.push(stream);
      return stream;
    };
    window.opened = () => given.length;
    window.unplug = () => {
      const [track] = given.at(-1).getAudioTracks();
      track.stop();
      track.dispatchEvent(new Event("ended"));
    };
    window.plugIn = () => {
      window.refusal = "";
      navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    };
"""
"""The plugs of the page's microphones: with a ``refusal`` there is none to open."""


async def opened(v: Visit, times: int) -> None:
    """Wait until the page has opened so many microphones."""

    async def so_many() -> bool:
        return bool(await v.page.evaluate("opened()") == times)

    await eventually(so_many, f"microphone number {times}")


def test_another_microphone_takes_over_from_one_that_was_unplugged() -> None:
    """Nobody is told, for nothing is wrong: the same call goes on with it, muted or not as before."""

    async def run() -> None:
        async with visit(script=PLUGS) as v:
            await v.call()
            await v.hears("you")
            await v.page.evaluate("unplug()")
            await opened(v, 2)
            await v.hears("you")
            await expect(v.page.locator("#problem")).to_be_hidden()
            await v.page.click("#mute")
            await v.page.evaluate("unplug()")
            await opened(v, 3)
            await expect(v.page.locator("#meter-you")).to_have_attribute("data-level", "0")
            await v.page.click("#mute")
            await v.hears("you")
            assert len(v.server.offers) == 1

    in_loop(run())


@pytest.mark.parametrize(
    ("refusal", "code"), [("NotFoundError", "microphone_lost"), ("NotAllowedError", "microphone_revoked")]
)
def test_a_microphone_that_is_gone_is_told_and_used_again_when_it_is_back(refusal: str, code: str) -> None:
    """The call goes on by typing meanwhile; the notice goes with its reason."""

    async def run() -> None:
        async with visit(script=PLUGS) as v:
            await v.call()
            await v.page.evaluate("refusal => { window.refusal = refusal; unplug(); }", refusal)
            await v.problem(code)
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "listening")
            await v.page.fill("#text", "Still here")
            await v.page.keyboard.press("Enter")
            await v.server.until(lambda: {"type": "text", "text": "Still here"} in v.server.received)
            await v.page.evaluate("plugIn()")
            await opened(v, 2)
            await v.hears("you")
            await expect(v.page.locator("#problem")).to_be_hidden()
            # Once is enough: what is plugged in later takes nothing over.
            await v.page.evaluate("plugIn()")
            await asyncio.sleep(0.2)
            assert await v.page.evaluate("opened()") == 2
            await v.page.click("#hangup")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "ended")

    in_loop(run())


def test_a_call_that_is_over_opens_no_microphone() -> None:
    """One that went during the call and comes back after it stays closed."""

    async def run() -> None:
        async with visit(script=PLUGS) as v:
            await v.call()
            await v.page.evaluate("window.refusal = 'NotFoundError'; unplug();")
            await v.problem("microphone_lost")
            await v.page.click("#hangup")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "ended")
            await v.page.evaluate("plugIn()")
            await asyncio.sleep(0.2)
            assert await v.page.evaluate("opened()") == 1

    in_loop(run())
