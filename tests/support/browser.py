"""A real Chromium for tests: a WAV file is its microphone, and what it hears comes back as samples.

    async with chromium(microphone=path) as browser:
        page = await browser.open("http://localhost:8080/")
        await page.page.get_by_role("button", name="Call").click()
        heard = await page.wait_until_heard()

No page has to cooperate: a script that runs before the page's own wraps ``RTCPeerConnection`` and records
every remote audio track. One browser process has one microphone file, which starts when the page opens the
microphone and goes silent at its end; `TestPage.say` speaks at any moment.

``LIVEGRAPH_TEST_CHROMIUM`` names a browser to use instead of the installed one;
``LIVEGRAPH_TEST_BROWSER=required`` makes a missing browser a failure instead of a skip.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import ConsoleMessage, Error, Page, async_playwright, expect

from support.speech import RATE, Utterance, levels_db

__all__ = ["Heard", "TestBrowser", "TestPage", "chromium", "find_chromium"]

# On a machine that is busy with other things a page may take long; what does not come at all fails as well as before.
expect.set_options(timeout=20_000)

_RECORD = Path(__file__).with_name("record_remote_audio.js")
_SPEAK = Path(__file__).with_name("speak_on_command.js")

_FLAGS = [
    # Needed as root, which a container or a CI machine is.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # The browser's own traffic; without these it looks for its makers' hosts at every start.
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Calls on loopback, sound with no click before it.
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


@dataclass(frozen=True, slots=True)
class Heard:
    """One remote audio track as the page received it: mono ``int16`` at ``rate``."""

    pcm: npt.NDArray[np.int16]
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.pcm) / self.rate

    def loud_seconds(self, above_db: float = -45.0) -> float:
        """How long, in all, the level of 20 ms windows was above ``above_db`` (dB below full scale)."""
        return int(np.sum(levels_db(self.pcm, self.rate) > above_db)) * 0.02


@dataclass(slots=True)
class TestPage:
    """A page, its errors (console and uncaught), and what it hears."""

    __test__ = False

    page: Page
    errors: list[str] = field(default_factory=list)
    _kept: dict[int, tuple[str, npt.NDArray[np.int16]]] = field(default_factory=dict)
    """Of each track by number, what was taken of it already, and its id: a page that is reloaded begins anew."""

    async def heard(self, track: int = 0) -> Heard:
        """Remote track number ``track`` (by arrival) from its start until now; empty before it comes."""
        nothing = np.zeros(0, np.int16)
        id, before = self._kept.get(track, ("", nothing))
        found: dict[str, Any] | None = await self.page.evaluate(
            "([n, id, from]) => window.__heard.take(n, id, from)", [track, id, len(before)]
        )
        if found is None:
            return Heard(nothing, 48_000)
        new = np.frombuffer(base64.b64decode(found["pcm"]), "<i2").astype(np.int16)
        pcm = np.concatenate([before, new]) if found["id"] == id else new
        self._kept[track] = (found["id"], pcm)
        return Heard(pcm, int(found["rate"]))

    async def say(self, utterance: Utterance) -> None:
        """Speak into the microphone now, over what its file says; returns when all is said.

        Only in a page opened with ``speak=True``, after it has opened the microphone.
        """
        pcm = base64.b64encode(utterance.pcm.astype("<i2").tobytes()).decode()
        await self.page.evaluate("([pcm, rate]) => window.__speak(pcm, rate)", [pcm, RATE])

    async def wait_until_heard(
        self, *, seconds: float = 0.5, above_db: float = -45.0, within_s: float = 20.0, track: int = 0
    ) -> Heard:
        """Return when the track has been louder than ``above_db`` for ``seconds`` in all.

        Raises:
            TimeoutError: that much sound did not come ``within_s``; the message holds the page's errors.
        """
        try:
            async with asyncio.timeout(within_s):
                while (heard := await self.heard(track)).loud_seconds(above_db) < seconds:
                    await asyncio.sleep(0.1)
                return heard
        except TimeoutError:
            raise TimeoutError(f"no sound within {within_s} s; errors of the page: {self.errors}") from None


@dataclass(frozen=True, slots=True)
class TestBrowser:
    """A running Chromium."""

    __test__ = False

    browser: PlaywrightBrowser
    permissions: tuple[str, ...]

    async def open(self, url: str, *, speak: bool = False, **context: Any) -> TestPage:
        """Open ``url`` in a fresh profile.

        Args:
            url: on localhost or https, else there is no microphone.
            speak: route the microphone so that `TestPage.say` can speak at any moment.
            context: goes to Playwright's ``new_context``, such as ``color_scheme="dark"``.
        """
        # Our recorder is a script of ours inside the page: the page's content policy does not apply to it.
        new = await self.browser.new_context(bypass_csp=True, permissions=list(self.permissions), **context)
        for script in (_RECORD, _SPEAK) if speak else (_RECORD,):
            await new.add_init_script(path=script)
        page = TestPage(await new.new_page())

        def note(message: ConsoleMessage) -> None:
            if message.type == "error":
                page.errors.append(message.text)

        def note_uncaught(error: Error) -> None:
            page.errors.append(f"uncaught: {error.message}")

        page.page.on("console", note)
        page.page.on("pageerror", note_uncaught)
        await page.page.goto(url)
        return page


def find_chromium() -> str | None:
    """The path of a Chromium or Chrome, or None."""
    named = os.environ.get("LIVEGRAPH_TEST_CHROMIUM")
    names = (named,) if named else ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    for name in names:
        if found := shutil.which(name):
            return found
    for application in ("Chromium", "Google Chrome"):
        path = Path(f"/Applications/{application}.app/Contents/MacOS/{application}")
        if not named and path.exists():
            return str(path)
    return None


@asynccontextmanager
async def chromium(
    *,
    microphone: Path | None = None,
    camera: Path | None = None,
    allowed: bool = True,
    plays_unasked: bool = True,
) -> AsyncIterator[TestBrowser]:
    """Run headless Chromium while the block lasts; skips the test where there is none.

    Args:
        microphone: a 16-bit PCM WAV file, played once from when a page opens it. None: Chromium's beeps.
        camera: a video in YUV4MPEG2, shown again and again. None: Chromium's own.
        allowed: False refuses the microphone, as a person does who clicks "Block".
        plays_unasked: False holds sound back before somebody has clicked, as browsers of people do.
    """
    executable = find_chromium()
    if executable is None:
        if os.environ.get("LIVEGRAPH_TEST_BROWSER") == "required":
            pytest.fail("no Chromium on this machine, and LIVEGRAPH_TEST_BROWSER=required")
        pytest.skip(
            "no Chromium on this machine: install Debian's `chromium`, or set LIVEGRAPH_TEST_CHROMIUM"
        )
    flags = [flag for flag in _FLAGS if allowed or flag != "--use-fake-ui-for-media-stream"]
    if not plays_unasked:
        flags = [flag for flag in flags if not flag.startswith("--autoplay-policy")]
        flags.append("--autoplay-policy=document-user-activation-required")
    if microphone is not None:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
    if camera is not None:
        flags.append(f"--use-file-for-fake-video-capture={camera}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=flags)
        try:
            yield TestBrowser(browser, ("microphone", "camera") if allowed else ())
        finally:
            await browser.close()
