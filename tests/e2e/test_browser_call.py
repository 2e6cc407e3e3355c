"""The whole thing: a person in a real browser talks to ``livegraph run`` and its simulator, by voice.

Nothing here is replaced: Chromium, WebRTC, the server process, the graph, the Live client, the simulator that hears
and speaks. What the browser heard is recognised from the sound itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegraph.simulator.ears import load_ears
from support.browser import Heard, TestPage, chromium
from support.eventually import eventually
from support.running import livegraph_run
from support.speech import RATE, Utterance, arrange, recorded, resampled, spoken
from support.words import words

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def quiet(folder: Path) -> Path:
    """A microphone that nobody speaks into; Chromium's own would beep."""
    return arrange(folder / "quiet.wav", 1.0)


class Call:
    """A page in a call, seen through its transcript."""

    def __init__(self, page: TestPage) -> None:
        self.sound = page
        self.page = page.page

    async def lines(self, role: str) -> list[str]:
        """What is on the page of one side, final utterances only."""
        found = self.page.locator(f'#transcript li[data-role="{role}"][data-final="true"] .text')
        return await found.all_text_contents()

    async def said(self, role: str, word: str) -> str:
        """The first final line of ``role`` with ``word`` in it."""

        async def find() -> str:
            return next((line for line in await self.lines(role) if word in words(line)), "")

        return str(
            await eventually(find, f"line of {role!r} with {word!r}; there is {await self.lines(role)}")
        )

    async def state(self, *wanted: str) -> None:
        async def reached() -> bool:
            return await self.page.locator("#state").get_attribute("data-state") in wanted

        await eventually(reached, f"state {wanted}")

    async def ask(self, question: Utterance, understood: Callable[[], Awaitable[object]]) -> None:
        """Say it until it is understood, three times at most: a person would, and a busy machine tears a voice."""
        for _ in range(3):
            await self.sound.say(question)
            try:
                async with asyncio.timeout(12):
                    while not await understood():
                        await asyncio.sleep(0.05)
                return
            except TimeoutError:
                continue
        raise AssertionError(
            f"not understood; there is {await self.lines('user')}, {await self.lines('agent')}"
        )

    async def heard_after(self, seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
        """What the browser has heard from ``seconds`` on, at 16 kHz."""
        heard = await self.sound.heard()
        return resampled(heard.pcm[int(seconds * heard.rate) :], heard.rate, RATE)


def test_a_person_talks_to_the_agent_in_a_browser(tmp_path: Path) -> None:
    """The page connects, the answer is heard in the browser and says what the transcript says, both sides are on
    the page, a spoken request calls a tool whose result is spoken, and speaking over the agent stops it at once."""
    ears, note = load_ears()
    if note:
        pytest.skip(note)

    async def conversation() -> Heard:
        async with livegraph_run("voice_agent") as server, chromium(microphone=quiet(tmp_path)) as browser:
            page = await browser.open(server.address, speak=True)
            call = Call(page)
            await page.page.locator("#call").click()

            # The agent greets by itself.
            await call.said("agent", "hello")
            await call.state("listening")
            assert (await page.heard()).loud_seconds() > 0.5

            # A person's recorded voice; the answer is recognised from the sound that the browser received.
            before = (await page.heard()).seconds
            await page.say(recorded("go_forward"))
            assert "forward" in words(await call.said("user", "forward"))
            answer = await call.said("agent", "forward")
            await call.state("listening")
            sound = await call.heard_after(before)
            recognised = words(ears.transcribe(sound))
            assert set(words(answer)) & set(recognised) >= {"go", "forward"}, (answer, recognised)

            # A tool, asked for by voice, and its result by voice.
            tool = page.page.locator('#transcript li[data-tool][data-status="ok"]')
            await call.ask(spoken("What time is it in Tokyo?"), tool.count)
            await call.said("agent", "tokyo")
            await call.state("listening")

            # Barge-in: the agent tells a story, the person speaks over it. What the browser receives then is the moment
            # of the decision, and not the rest of the story. A person's voice: the agent's own, heard again, is taken
            # for its echo.
            story = page.page.locator('#transcript li[data-role="agent"] .text', has_text="Once")
            await call.ask(spoken("Tell me a story."), story.count)
            await page.wait_until_heard(seconds=1.0 + (await page.heard()).loud_seconds())
            begun = await page.heard()
            await page.say(recorded("go_forward"))
            await call.state("interrupted", "listening", "thinking")
            heard = await page.heard()
            during = Heard(heard.pcm[len(begun.pcm) :], heard.rate)
            cut = page.page.locator('#transcript li[data-role="agent"][data-interrupted="true"]')
            await eventually(cut.count, "agent's line that was cut")

            async def again() -> bool:
                return sum("forward" in words(line) for line in await call.lines("user")) == 2

            await eventually(again, "what the person said over the agent")

            await page.page.locator("#hangup").click()
            await call.state("ended", "idle")
            assert page.errors == []
        assert "Error" not in server.text, server.text
        return during

    during = asyncio.run(conversation())
    assert during.seconds > 1.5
    # How long the moment is, is measured elsewhere, on virtual time and in benchmarks: here all cores may be busy. The
    # story itself is loud nearly all the time.
    assert during.loud_seconds() < during.seconds / 2, "the story went on while the person spoke"
