"""Pipecat's client for browsers, as npm has it, in Chromium against ``livegraph run``: nobody knows of the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from livegraph.simulator.ears import load_ears
from support.browser import TestPage, chromium
from support.clients import echo
from support.pipecat_clients import PINNED, client_page, client_site, write_guide
from support.running import Running, livegraph_run
from support.speech import arrange, recorded, spoken
from support.web import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

NEWEST = ("@pipecat-ai/client-js@latest", "@pipecat-ai/small-webrtc-transport@latest")
FIRST_MAJOR = ("@pipecat-ai/client-js@1.5.0", "@pipecat-ai/small-webrtc-transport@1.8.1")
"""It speaks version 1 of the protocol."""
CLIENTS = {"pinned": PINNED, "newest": NEWEST, "version1": FIRST_MAJOR}


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page with one version of the client."""
    name: str = getattr(request, "param", "pinned")
    folder = tmp_path_factory.mktemp(name)
    with client_site(request, folder, f"pipecat-{name}", client_page, *CLIENTS[name]) as address:
        yield address


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The agent."""
    return write_guide(tmp_path_factory.mktemp("agent"))


class Client:
    """The page of a client in a call."""

    def __init__(self, shown: TestPage, server: Running | None) -> None:
        self.shown, self.page, self.server = shown, shown.page, server

    async def posts(self) -> list[str]:
        """Where the page has posted to."""
        return [path for method, path in await self.page.evaluate("offers") if method == "POST"]

    async def events(self, name: str) -> list[Any]:
        """What came with the events of this name."""
        told = await self.page.evaluate("name => events.filter(e => e[0] === name).map(e => e[1])", name)
        return list(told)

    @property
    def address(self) -> str:
        """Of the server."""
        assert self.server is not None
        return self.server.address

    @property
    def faults(self) -> list[str]:
        """What went wrong in the page, but for a known fault of its media manager."""
        return [each for each in self.shown.errors if "closed AudioContext" not in each]

    async def order(self) -> list[str]:
        """The names of all events."""
        return list(await self.page.evaluate("events.map(e => e[0])"))

    async def until(self, name: str, what: str = "true", within_s: float = 30.0) -> Any:
        """The first event of this name for which ``what``, JavaScript of ``data``, holds."""
        look = f"name => events.find(([n, data]) => n === name && ({what}))?.[1] ?? null"
        there = f"name => events.some(([n, data]) => n === name && ({what}))"
        try:
            async with asyncio.timeout(within_s):
                while not await self.page.evaluate(there, name):
                    await asyncio.sleep(0.05)
                return await self.page.evaluate(look, name)
        except TimeoutError:
            told = await self.page.evaluate("events.slice(-30)")
            printed = self.server.text if self.server is not None else ""
            raise AssertionError(f"no {name} with {what} in {told}\n{self.shown.errors}\n{printed}") from None

    async def connect(self, url: str, **sent: Any) -> Any:
        """By the session that ``/start`` gives, as an application does; returns what ``connect`` gives."""
        connecting = "([endpoint, body]) => client.startBotAndConnect({ endpoint, requestData: body })"
        body = {
            "createDailyRoom": False,
            "enableDefaultIceServers": True,
            "transport": "webrtc",
            "body": sent,
        }
        async with asyncio.timeout(30):
            return await self.page.evaluate(connecting, [f"{url}start", body])


@asynccontextmanager
async def opened(site: str, agent: str, tmp_path: Path, **options: Any) -> AsyncIterator[Client]:
    """A page with a client that was made and has not called yet."""
    quiet = arrange(tmp_path / "quiet.wav", 1.0)
    async with livegraph_run(agent) as server, chromium(microphone=quiet) as browser:
        shown = await browser.open(site, speak=True)
        await shown.page.wait_for_function("window.loaded")
        await shown.page.evaluate("options => make(options)", options)
        yield Client(shown, server)
    assert "Error" not in server.text, server.text


@pytest.mark.parametrize("site", CLIENTS, indirect=True)
def test_a_person_talks_to_an_agent_by_pipecats_client(site: str, guide: str, tmp_path: Path) -> None:
    """Connect, hear, be heard, read both sides, run a function in the page, speak over the agent, leave."""
    _, note = load_ears()
    if note:
        pytest.skip(note)

    async def run() -> None:
        async with opened(site, guide, tmp_path) as client:
            ready = await client.connect(client.address, name="Ann")
            assert ready["version"].split(".")[0] in ("1", "2")
            await client.until("BotStartedSpeaking")
            await client.shown.wait_until_heard()
            await client.until("BotStoppedSpeaking")
            said = " ".join(each["text"] for each in await client.events("BotTtsText"))
            assert said == "Hello Ann, where do you want to go?"
            assert "".join(each["text"] for each in await client.events("BotLlmText")) == said

            await client.shown.say(recorded("go_forward"))
            heard = await client.until("UserTranscript", "data.final && /forward/i.test(data.text)")
            assert heard["timestamp"].startswith("20")
            await client.until("BotTranscript", "/forward/.test(data.text)")

            await client.page.evaluate(
                """client.registerFunctionCallHandler("show_map", async ({ arguments: { city } }) => {
                    (window.shown ??= []).push(city);
                    return { shown: city };
                })"""
                if await client.page.evaluate("!!client.registerFunctionCallHandler")
                else "null"
            )
            await client.page.evaluate("client.sendText('Show the map of Paris')")
            await client.until("BotTranscript", "/There it is/.test(data.text)")
            assert [city.lower() for city in await client.page.evaluate("shown")] == ["paris"]

            await client.page.evaluate("client.sendText('Tell me a story.')")
            await client.until("BotTtsText", "/wanderer/.test(data.text)")
            await client.page.evaluate("events.length = 0")
            await client.shown.say(spoken("Please stop telling me that story."))
            await client.until("UserStartedSpeaking")
            await client.until("BotStoppedSpeaking")
            assert not [text for text in await client.events("BotTtsText") if "sea" in text["text"]]
            await client.page.evaluate("client.disconnect()")
            await client.until("Disconnected")
            assert client.faults == []

    asyncio.run(run())


@pytest.mark.parametrize("stays", [False, True])
@pytest.mark.parametrize("by", ["server", "client"])
def test_a_call_that_is_ended_stays_over(site: str, tmp_path: Path, by: str, stays: bool) -> None:
    """The client is told, and makes no other call, whether it leaves at that or looks for its connection."""

    async def run() -> None:
        quiet = arrange(tmp_path / "quiet.wav", 1.0)
        async with serving([echo()]) as web, chromium(microphone=quiet) as browser:
            shown = await browser.open(site)
            await shown.page.wait_for_function("window.loaded")
            await shown.page.evaluate("stays => make({ stays })", stays)
            client = Client(shown, None)
            await client.connect(f"http://127.0.0.1:{web.port}/")
            assert web.desk.active == 1
            if by == "server":
                await web.desk.end(web.desk.calls()[0]["id"], "we are closing")
                ended = await client.until("ServerMessage")
                assert ended == {"type": "end", "reason": "operator", "detail": "we are closing"}
            else:
                await client.page.evaluate("client.disconnectBot()")
            await client.until("BotDisconnected")
            if stays:
                # It notices after some 7 s that its connection is gone, and tries for another one, which is refused.
                async with asyncio.timeout(30):
                    while len(await client.posts()) < 3:
                        await asyncio.sleep(0.1)
            await client.until("Disconnected")
            started, *offers = await client.posts()
            assert (started, len(offers)) == ("/start", 2 if stays else 1)
            await web.until_free()
            counted = (await web.ask("GET", "/metrics")).body.decode()
            reason = "operator" if by == "server" else "goodbye"
            assert f'livegraph_calls_total{{agent="echo",reason="{reason}"}} 1.0' in counted
            assert counted.count("livegraph_calls_total{") == 1

    asyncio.run(run())


def test_a_lost_connection_is_replaced_and_the_conversation_goes_on(
    site: str, guide: str, tmp_path: Path
) -> None:
    """The client gives its connection up and makes another one: the same call, which hears it and is heard."""

    async def run() -> None:
        async with opened(site, guide, tmp_path) as client:
            await client.connect(client.address, inputs={"name": "Bob"})
            await client.until("BotTtsText", "/Bob/.test(data.text)")
            await client.until("BotStoppedSpeaking")
            id = await client.page.evaluate("client._transport.pc_id")
            await client.page.evaluate("events.length = 0; client._transport.attemptReconnection(true)")
            await client.page.wait_for_function("client._transport.dc.readyState === 'open'")
            assert await client.page.evaluate("client._transport.pc_id") == id
            await client.page.evaluate("client.sendText('forward')")
            await client.until("BotTranscript", "/go forward/.test(data.text)")
            # And without a new connection, by another offer on the one that there is.
            await client.page.evaluate("events.length = 0; client._transport.attemptReconnection(false)")
            await asyncio.sleep(1)
            await client.page.evaluate("client.sendText('forward')")
            await client.until("BotTranscript", "/go forward/.test(data.text)")
            assert await client.page.evaluate("client._transport.pc_id") == id
            await client.page.evaluate("client.disconnect()")
            await client.until("Disconnected")
            assert client.faults == []

    asyncio.run(run())
