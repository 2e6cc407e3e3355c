"""Pipecat's transport for WebSockets, as npm has it, in Chromium: RTVI and sound in frames of protobuf."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from livegraph.server.access.grant import Grant
from support.browser import chromium
from support.pipecat_clients import PINNED_SOCKET, client_site, socket_page
from support.speech import arrange, recorded
from support.storyteller import storyteller
from support.web import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

CONNECT = """async ([endpoint, token]) => {
  const headers = new Headers({ Authorization: `Bearer ${token}` });
  const requestData = { transport: "websocket", body: { agent: "storyteller" } };
  await client.startBotAndConnect({ endpoint, headers, requestData });
}"""


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page with the client."""
    folder = tmp_path_factory.mktemp("socket")
    with client_site(request, folder, "pipecat-socket", socket_page, *PINNED_SOCKET) as address:
        yield address


async def known(request: Any) -> Grant | None:
    """Whoever shows the token."""
    return Grant(identity="ann") if request.headers.get("authorization") == "Bearer sesame" else None


def test_a_client_talks_over_a_websocket(site: str, tmp_path: Path) -> None:
    """By what ``/start`` says: it is let in, hears the agent, is heard over it, and is told when the agent hangs up,
    after which it opens no other socket."""
    microphone = arrange(tmp_path / "quiet.wav", 1.0)

    async def run() -> None:
        async with (
            serving([storyteller()], authorize=known) as web,
            chromium(microphone=microphone) as browser,
        ):
            shown = await browser.open(site, speak=True)
            page = shown.page
            await page.wait_for_function("window.loaded")

            async def until(name: str) -> Any:
                await page.wait_for_function(
                    "name => events.some((e) => e[0] === name)", arg=name, timeout=30_000
                )
                return await page.evaluate("name => events.find((e) => e[0] === name)[1]", name)

            async with asyncio.timeout(30):
                await page.evaluate(CONNECT, [f"http://127.0.0.1:{web.port}/start", "sesame"])
            assert (await until("BotReady"))["version"] == "2.2.0"
            (call,) = web.desk.calls()
            assert (call["transport"], call["identity"]) == ("pipecat", "ann")
            await page.evaluate("client.sendText('Tell me a story.')")
            await until("BotStartedSpeaking")
            await page.wait_for_function("heard.pieces > 20 && heard.loudest > 4000", timeout=30_000)
            await shown.say(recorded("go_forward"))
            await until("UserStartedSpeaking")
            await until("BotStoppedSpeaking")
            await page.evaluate("client.sendText('bye')")
            ended = await until("ServerMessage")
            assert (ended["type"], ended["detail"]) == ("end", "Goodbye.")
            await web.until_free()
            await asyncio.sleep(2.5)  # it would try again after a second
            assert (web.desk.active, await page.evaluate("sockets")) == (0, 1)

    asyncio.run(run())
