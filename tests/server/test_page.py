"""The page in a real Chromium: it calls, shows the conversation, and explains every way a call can fail.

The server is under the tests' control (``support.fake_call_server``); WebRTC is real at both ends, and the
content policy that forbids everything from elsewhere is enforced.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import axe_playwright_python
import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from support.browser import TestBrowser, chromium
from support.eventually import eventually
from support.fake_call_server import DEFAULT_AGENTS, FakeCallServer, Refusal, fake_call_server

pytestmark = pytest.mark.browser

T = TypeVar("T")


@dataclass(slots=True)
class Visit:
    """The server, a page that shows it, and what must stay empty."""

    server: FakeCallServer
    context: BrowserContext
    page: Page
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def call(self) -> None:
        """Press Call and wait until the agent listens."""
        await self.page.click("#call")
        await expect(self.page.locator("#state")).to_have_attribute("data-state", "listening")

    async def hears(self, side: str) -> None:
        """Wait until this side's level moves: the fake microphone beeps, the server sends it back."""
        async with asyncio.timeout(30):
            while int(await self.page.get_attribute(f"#meter-{side}", "data-level") or 0) < 30:
                await asyncio.sleep(0.03)

    async def tab_to(self, wanted: str) -> list[str]:
        """Press Tab until the element with this id has the focus; the ids that had it on the way."""
        passed: list[str] = []
        for _ in range(40):
            await self.page.keyboard.press("Tab")
            focused = await self.page.evaluate("document.activeElement.id")
            if focused == wanted:
                return passed
            passed.append(focused)
        raise AssertionError(f"{wanted} is not reached by Tab, only {passed}")

    async def problem(self, code: str) -> str:
        """The words of the problem that the page shows; it must be this one."""
        box = self.page.locator("#problem")
        await expect(box).to_have_attribute("data-problem", code)
        await expect(box).to_be_visible()
        assert await box.get_attribute("role") == "alert"
        return await box.inner_text()


class _Shared:
    """What all tests of this file use: a browser takes longer to start than most of them last."""

    runner: asyncio.Runner
    browser: TestBrowser


@pytest.fixture(scope="module", autouse=True)
def shared() -> Iterator[None]:
    """One loop, and in it one browser, whose pages know nothing of each other."""
    with asyncio.Runner() as _Shared.runner:
        opened = chromium()
        _Shared.browser = in_loop(opened.__aenter__())
        yield
        in_loop(opened.__aexit__(None, None, None))


def in_loop(test: Coroutine[Any, Any, T]) -> T:
    """Run it in the loop that the browser is in."""
    return _Shared.runner.run(test)


@asynccontextmanager
async def _browser(allowed: bool) -> AsyncIterator[TestBrowser]:
    """The one of all tests, or one that refuses the microphone."""
    if allowed:
        yield _Shared.browser
        return
    async with chromium(allowed=False) as browser:
        yield browser


@asynccontextmanager
async def visit(
    *,
    allowed: bool = True,
    script: str = "",
    agents: list[dict[str, Any]] | None = None,
    origin: str | None = None,
    **context: Any,
) -> AsyncIterator[Visit]:
    """Open the page; afterwards no script may have failed and nothing may have come from elsewhere."""
    async with fake_call_server(agents) as server, _browser(allowed) as browser:
        permissions = ["microphone"] if allowed else []
        made = await browser.browser.new_context(permissions=permissions, **context)
        if script:
            await made.add_init_script(script)
        page = await made.new_page()
        visited = Visit(server, made, page)
        page.on("pageerror", lambda error: visited.faults.append(str(error)))
        page.on(
            "console",
            lambda said: visited.faults.append(said.text) if "Content Security Policy" in said.text else None,
        )
        page.on("request", lambda request: visited.requests.append(request.url))
        if origin is not None:
            await made.route(f"{origin}**", _forward(origin, server.url))
        await page.goto(origin or server.url)
        await expect(page.locator("#title")).to_have_text(server.agents[0]["title"])
        yield visited
        assert visited.faults == []
        assert [url for url in visited.requests if not url.startswith(origin or server.url)] == []
        await made.close()


def _forward(origin: str, url: str) -> Callable[[Route], Awaitable[None]]:
    async def forward(route: Route) -> None:
        response = await route.fetch(url=route.request.url.replace(origin, url, 1))
        await route.fulfill(response=response)

    return forward


def no_microphone(error: str) -> str:
    """A script that makes every attempt to open a microphone fail in this way."""
    failure = f"Promise.reject(new DOMException('not here', '{error}'))"
    return f"navigator.mediaDevices.getUserMedia = () => {failure};"


# ---- a call ----


def test_call_is_made_heard_and_hung_up() -> None:
    """Offer first and candidates after; both sides' levels move; hanging up says so in every way there is."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            (offer,) = v.server.offers
            assert offer["agent"] == "receptionist"
            assert offer["type"] == "offer"
            assert "a=candidate" not in offer["sdp"]  # sent before anything was gathered
            await v.server.until(lambda: bool(v.server.candidates))
            assert set(v.server.candidates[0]) == {"candidate", "sdp_mid", "sdp_mline_index"}
            assert v.server.channels[0].label == "livegraph"
            assert v.server.channels[0].ordered
            await expect(v.page.locator("#live")).to_have_text("local simulator")
            await v.hears("you")
            await v.hears("agent")
            await expect(v.page.locator("#timer")).to_have_text(re.compile("^0:(0[1-9]|[1-5][0-9])$"))

            await v.page.click("#hangup")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "ended")
            await v.server.until(lambda: v.server.hung_up == ["call-1"])
            await v.server.until(lambda: {"type": "hangup"} in v.server.received)
            await expect(v.page.locator("#problem")).to_be_hidden()
            await expect(v.page.locator("#call")).to_be_focused()
            await expect(v.page.locator("#meter-you")).to_have_attribute("data-level", "0")

            await v.call()  # and again, as new
            assert len(v.server.offers) == 2

    in_loop(run())


def test_states_of_the_agent_are_shown() -> None:
    """Each state has its word; an unknown state and an unknown message change nothing."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            state = v.page.locator("#state")
            for name in ("thinking", "speaking", "paused", "interrupted", "listening"):
                await v.server.send("state", state=name)
                await expect(state).to_have_attribute("data-state", name)
                await expect(state).to_have_text(name.capitalize())
            await v.server.send("state", state="dreaming")
            await v.server.send("weather", sunny=True)
            v.server.channels[-1].send("no JSON at all")
            await v.server.send("state", state="thinking")
            await expect(state).to_have_attribute("data-state", "thinking")

    in_loop(run())


def test_transcript_shows_both_sides_and_the_tools() -> None:
    """Text replaces the same utterance's text, tools stand where they were called, markup stays text."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            say = v.server.send
            await say("transcript", role="agent", text="Good", final=False, turn=1, utterance=1)
            greeting = v.page.locator("#transcript li[data-role=agent]").first
            await expect(greeting).to_have_attribute("data-final", "false")
            await say("transcript", role="agent", text="Good morning.", final=True, turn=1, utterance=1)
            await expect(greeting).to_have_attribute("data-final", "true")
            await expect(greeting.locator(".text")).to_have_text("Good morning.")
            await expect(v.page.locator("#announcer")).to_have_text("Receptionist: Good morning.")

            hostile = "<img src=x onerror=alert(1)> & <b>bold</b>"
            await say("transcript", role="user", text=hostile, final=True, turn=2, utterance=1)
            await expect(v.page.locator("li[data-role=user] .text")).to_have_text(hostile)
            assert await v.page.locator("#transcript img, #transcript b").count() == 0
            await say("transcript", role="user", text="hm", final=False, turn=3, utterance=2)
            await say("transcript", role="user", text="", final=True, turn=3, utterance=2)
            await expect(v.page.locator("li[data-role=user]")).to_have_count(1)

            await say("tool_call", id="a", name="opening_hours", args={"day": "Monday"})
            tool = v.page.locator("li[data-tool=opening_hours]")
            await expect(tool).to_have_attribute("data-status", "running")
            await say(
                "tool_result", id="a", name="opening_hours", ok=True, result={"from": 9}, duration_ms=184
            )
            await expect(tool).to_have_attribute("data-status", "ok")
            await expect(tool.locator("pre").first).to_be_hidden()
            await tool.locator("summary").click()
            assert await tool.locator("pre").all_inner_texts() == [
                '{\n  "day": "Monday"\n}',
                '{\n  "from": 9\n}',
            ]
            await expect(tool.locator(".tool-status")).to_have_text("Done in 184 ms")
            await say("tool_call", id="b", name="book", args={})
            await say("tool_result", id="b", name="book", ok=False, result="no calendar", duration_ms=2_000)
            await expect(v.page.locator("li[data-tool=book]")).to_have_attribute("data-status", "failed")
            await say("tool_call", id="c", name="wait", args={})
            await say("tool_cancelled", id="c", name="wait")
            await expect(v.page.locator("li[data-tool=wait]")).to_have_attribute("data-status", "cancelled")

            await say(
                "transcript", role="agent", text="We open", final=True, turn=2, utterance=2, interrupted=True
            )
            await expect(v.page.locator("li[data-interrupted] .text")).to_have_text("We open")
            order = await v.page.locator("#transcript li").evaluate_all(
                "all => all.map(li => li.dataset.role ?? li.dataset.tool)"
            )
            assert order == ["agent", "user", "opening_hours", "book", "wait", "agent"]

    in_loop(run())


def test_long_transcript_follows_unless_the_reader_scrolled_back() -> None:
    """New words keep in sight; a reader who scrolled back is left in peace, with a way to return."""

    async def run() -> None:
        async with visit(viewport={"width": 390, "height": 700}) as v:
            await v.call()

            async def say(n: int) -> None:
                await v.server.send("transcript", role="agent", text=f"Line {n}", final=True, utterance=n)
                await expect(v.page.locator("#transcript li").last).to_contain_text(f"Line {n}")

            for n in range(40):
                await v.server.send("transcript", role="agent", text=f"Line {n}", final=True, utterance=n)
            await expect(v.page.get_by_text("Line 39", exact=True)).to_be_in_viewport()
            await v.page.locator("#scroller").evaluate("s => { s.scrollTop = 0; }")
            await expect(v.page.locator("#latest")).to_be_visible()
            await say(40)
            await expect(v.page.get_by_text("Line 40", exact=True)).not_to_be_in_viewport()
            await v.page.click("#latest")
            await expect(v.page.get_by_text("Line 40", exact=True)).to_be_in_viewport()
            await expect(v.page.locator("#latest")).to_be_hidden()

    in_loop(run())


def test_typed_text_reaches_the_agent() -> None:
    """What is typed goes out on the channel and into the transcript; nothing is sent for nothing."""

    async def run() -> None:
        async with visit() as v:
            await expect(v.page.locator("#composer")).to_be_hidden()
            await v.call()
            await v.page.get_by_label("Type to the agent").fill("  Are you open on Monday? ")
            await v.page.keyboard.press("Enter")
            await v.page.keyboard.press("Enter")
            await v.server.until(lambda: bool(v.server.received))
            assert v.server.received == [{"type": "text", "text": "Are you open on Monday?"}]
            await expect(v.page.locator("li[data-role=user] .text")).to_have_text("Are you open on Monday?")
            await expect(v.page.locator("#text")).to_have_value("")

    in_loop(run())


def test_mute_silences_the_microphone() -> None:
    """Muted, the user's level falls to nothing, and the button says what it will do next."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            await v.hears("you")
            await v.page.click("#mute")
            await expect(v.page.locator("#mute")).to_have_attribute("aria-pressed", "true")
            await expect(v.page.locator("#mute")).to_have_text("Unmute")
            await expect(v.page.locator("#meter-you")).to_have_attribute("data-level", "0")
            await v.page.click("#mute")
            await v.hears("you")

    in_loop(run())


def test_microphone_is_changed_in_the_call_and_remembered() -> None:
    """Another microphone takes over without a new offer, and is the choice on the next visit."""

    spy = """window.replaced = [];
        const replace = RTCRtpSender.prototype.replaceTrack;
        RTCRtpSender.prototype.replaceTrack = function (track) {
          window.replaced.push([this.track, track.getSettings().deviceId]);
          return replace.call(this, track);
        };"""

    async def run() -> None:
        async with visit(script=spy) as v:
            await v.call()
            options = v.page.locator("#microphone option")
            await expect(options.nth(2)).to_be_attached()
            chosen = await options.nth(2).get_attribute("value")
            await v.page.select_option("#microphone", chosen)
            assert await v.page.evaluate("localStorage.getItem('livegraph.microphone')") == chosen
            async with asyncio.timeout(30):
                while not await v.page.evaluate("replaced.length"):
                    await asyncio.sleep(0.05)
            await v.hears("you")
            before, after = await v.page.evaluate("[replaced[0][0].readyState, replaced[0][1]]")
            assert (before, after) == ("ended", chosen)
            assert len(v.server.offers) == 1
            await v.page.click("#hangup")
            await v.page.reload()
            await expect(v.page.locator("#microphone")).to_have_value(chosen or "")

    in_loop(run())


def test_agent_is_chosen_and_remembered() -> None:
    """The chosen agent is named in the offer and kept; an address may name one; one alone is no choice."""

    async def run() -> None:
        async with visit() as v:
            await v.page.select_option("#agent", "echo")
            await expect(v.page.locator("#title")).to_have_text("Echo")
            await v.call()
            assert v.server.offers[0]["agent"] == "echo"
            await v.page.click("#hangup")
            await v.page.reload()
            await expect(v.page.locator("#agent")).to_have_value("echo")
            await v.page.goto(f"{v.server.url}?agent=receptionist")
            await expect(v.page.locator("#agent")).to_have_value("receptionist")
            v.server.agents = DEFAULT_AGENTS[1:]
            await v.page.reload()
            await expect(v.page.locator("#title")).to_have_text("Echo")
            await expect(v.page.locator("#agent")).to_be_hidden()

    in_loop(run())


def test_keyboard_alone_makes_a_call() -> None:
    """Tab, Enter and Escape are enough; a double click or a held key does not hang up what it called."""

    async def run() -> None:
        async with visit(agents=DEFAULT_AGENTS[:1]) as v:
            await v.page.keyboard.press("Tab")
            await expect(v.page.locator("#microphone")).to_be_focused()
            passed = await v.tab_to("call")
            assert passed in (["test"], ["test", "speaker"])  # a loudspeaker only where there is a choice
            await v.page.keyboard.down("Enter")
            await expect(v.page.locator("#hangup")).to_be_focused()
            await v.page.keyboard.down("Enter")  # the held key repeats
            await v.page.keyboard.up("Enter")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "listening")
            await v.page.keyboard.press("Escape")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "ended")
            await v.page.dblclick("#call")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "listening")
            await v.page.keyboard.press("Space")  # on "Hang up", which has the focus
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "ended")

    in_loop(run())


def test_hanging_up_before_the_answer_leaves_no_call_behind() -> None:
    """The late answer is hung up at the server; the page is as before."""

    async def run() -> None:
        async with visit() as v:
            v.server.answer_gate.clear()
            await v.page.click("#call")
            await v.server.until(lambda: bool(v.server.offers))
            await v.page.click("#hangup")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "idle")
            v.server.answer_gate.set()
            await v.server.until(lambda: v.server.hung_up == ["call-1"])
            await expect(v.page.locator("#problem")).to_be_hidden()

    in_loop(run())


def test_hanging_up_while_the_answer_is_taken_is_no_fault() -> None:
    """A connection that was given up takes no answer any more: nobody is told of that, the console neither."""
    slow = """
        const take = RTCPeerConnection.prototype.setRemoteDescription;
        RTCPeerConnection.prototype.setRemoteDescription = async function (answer) {
          window.answered = true;
          await new Promise((resolve) => (window.go = resolve));
          return take.call(this, answer);
        };"""

    async def run() -> None:
        async with visit(script=slow) as v:
            said: list[str] = []
            v.page.on("console", lambda message: said.append(message.text))
            await v.page.click("#call")

            async def answered() -> Any:
                return await v.page.evaluate("window.answered")

            await eventually(answered, "answer that is taken")
            await v.page.click("#hangup")
            await v.page.evaluate("go()")
            await v.server.until(lambda: v.server.hung_up == ["call-1"])
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "idle")
            await expect(v.page.locator("#problem")).to_be_hidden()
            assert said == []

    in_loop(run())


def test_closing_the_page_hangs_up() -> None:
    """The server hears the goodbye of a page that is navigated away."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            await v.page.goto("about:blank")
            await v.server.until(lambda: v.server.hung_up == ["call-1"])

    in_loop(run())


# ---- before a call ----

ASKS = [
    {
        "name": "desk",
        "title": "Desk",
        "live": "local simulator",
        "inputs": [
            {"name": "caller", "type": "text", "required": True, "doc": "Your name.", "max_length": 20},
            {"name": "guests", "type": "integer", "required": False, "default": 2, "range": [1, 8]},
            {
                "name": "room",
                "type": "text",
                "required": False,
                "default": "",
                "choices": ["quiet", "window"],
            },
            {"name": "member", "type": "boolean", "required": False, "default": None},
        ],
    }
]


def test_an_agent_with_inputs_is_asked_for_them_before_the_call() -> None:
    """Nothing is offered before what is needed is there; the offer has values of the inputs' types; they are kept for
    the next visit, and a link carries them."""

    async def run() -> None:
        async with visit(agents=ASKS) as v:
            await expect(v.page.locator("#live")).to_have_text("local simulator")  # before the call
            await v.page.click("#call")
            await expect(v.page.locator("#input-caller")).to_be_focused()
            assert v.server.offers == []
            await v.page.fill("#input-caller", "Ann")
            await v.page.fill("#input-guests", "9")
            await v.page.click("#call")  # nine are too many
            assert v.server.offers == []
            await v.page.fill("#input-guests", "4")
            await v.page.select_option("#input-room", "window")
            await v.page.select_option("#input-member", "true")
            await v.call()
            assert v.server.offers[0]["inputs"] == {
                "caller": "Ann",
                "guests": 4,
                "room": "window",
                "member": True,
            }
            await expect(v.page.locator("#inputs")).to_be_hidden()
            await v.page.click("#hangup")
            await v.page.reload()
            await expect(v.page.locator("#input-caller")).to_have_value("Ann")
            await expect(v.page.locator("#input-guests")).to_have_value("4")
            await v.page.goto(f"{v.server.url}?agent=desk&caller=Bob")
            await expect(v.page.locator("#input-caller")).to_have_value("Bob")

    in_loop(run())


def test_inputs_left_empty_are_the_agents_own_choice() -> None:
    """They are not in the offer; an agent without inputs shows no form."""

    async def run() -> None:
        async with visit(agents=ASKS) as v:
            await v.page.fill("#input-caller", "Ann")
            await v.call()
            assert v.server.offers[0]["inputs"] == {"caller": "Ann"}
        async with visit(agents=DEFAULT_AGENTS[:1]) as v:
            await expect(v.page.locator("#inputs")).to_be_hidden()
            await v.call()
            assert "inputs" not in v.server.offers[0]

    in_loop(run())


def test_microphone_can_be_tested_before_the_call() -> None:
    """The bar moves, it is said that the microphone works, and the test ends by itself when a call begins."""

    async def run() -> None:
        async with visit() as v:
            await v.page.click("#test")
            await expect(v.page.locator("#test-said")).to_have_text("The microphone works.")
            await expect(v.page.locator("#test")).to_have_attribute("aria-pressed", "true")
            await v.page.click("#test")
            await expect(v.page.locator("#test-result")).to_be_hidden()
            await v.page.click("#test")
            await v.call()
            await expect(v.page.locator("#test-result")).to_be_hidden()
            await v.hears("you")

    in_loop(run())


def test_a_person_without_a_microphone_calls_and_types() -> None:
    """The refusal offers it; the agent is heard, nothing is recorded, and there is nothing to mute."""

    async def run() -> None:
        async with visit(script=no_microphone("NotFoundError")) as v:
            await v.page.click("#call")
            await v.problem("no_microphone")
            assert "Receptionist" in await v.page.inner_text("#title")
            await v.page.click("#type")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "listening")
            await expect(v.page.locator("#hint")).to_have_text("Type whenever you like.")
            await expect(v.page.locator("#mute")).to_be_hidden()
            assert "a=recvonly" in v.server.offers[0]["sdp"]
            await v.page.fill("#text", "Hello")
            await v.page.keyboard.press("Enter")
            await v.server.until(lambda: {"type": "text", "text": "Hello"} in v.server.received)

    in_loop(run())


# ---- in a call ----


def test_what_is_typed_is_shown_once() -> None:
    """The server sends it back as what the user said: that is the same line; said by voice it is another."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            lines = v.page.locator("li[data-role=user]")
            await v.page.fill("#text", "  Is Friday free? ")
            await v.page.keyboard.press("Enter")
            await expect(lines).to_have_count(1)
            await v.server.send(
                "transcript", role="user", text="Is Friday free?", final=True, utterance=1, turn=1
            )
            await v.server.send("transcript", role="agent", text="Yes.", final=True, utterance=2, turn=1)
            await expect(v.page.locator("li[data-role=agent]")).to_have_count(1)
            await expect(lines).to_have_count(1)
            await v.server.send(
                "transcript", role="user", text="Is Friday free?", final=True, utterance=3, turn=2
            )
            await expect(lines).to_have_count(2)

    in_loop(run())


def test_keys_act_on_the_call_only_outside_of_fields() -> None:
    """M mutes and Escape hangs up; in the text field both belong to the text."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            await v.page.keyboard.press("m")
            await expect(v.page.locator("#mute")).to_have_attribute("aria-pressed", "true")
            await v.page.keyboard.press("M")
            await expect(v.page.locator("#mute")).to_have_attribute("aria-pressed", "false")
            await v.page.focus("#text")
            await v.page.keyboard.type("mm")
            await expect(v.page.locator("#text")).to_have_value("mm")
            await expect(v.page.locator("#mute")).to_have_attribute("aria-pressed", "false")
            await v.page.keyboard.press("Escape")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "listening")
            await v.page.keyboard.press("Escape")  # out of the field now
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "ended")

    in_loop(run())


def test_title_tells_who_is_called_and_how_it_stands() -> None:
    """A tab in the background says what goes on in it."""

    async def run() -> None:
        async with visit() as v:
            await expect(v.page).to_have_title("Receptionist · livegraph")
            await v.call()
            await v.server.send("state", state="speaking")
            await expect(v.page).to_have_title("Speaking · Receptionist · livegraph")
            await v.page.click("#hangup")
            await expect(v.page).to_have_title("Call ended · Receptionist · livegraph")

    in_loop(run())


def test_a_server_that_is_gone_is_noticed_within_three_seconds() -> None:
    """Nothing comes any more: the page no longer says that the agent listens."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            await v.hears("agent")
            # The server's machine is switched off: nothing is sent any more, no goodbye either.
            v.server.fall_silent()
            began = asyncio.get_running_loop().time()
            await expect(v.page.locator("#state")).not_to_have_attribute("data-state", "listening")
            assert asyncio.get_running_loop().time() - began < 4.0

    in_loop(run())


# ---- after a call ----


def test_a_sentence_cut_by_hanging_up_is_marked() -> None:
    """What the agent was saying is shown as cut off; what was complete is not."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            await v.server.send("transcript", role="agent", text="Good morning.", final=True, utterance=1)
            await v.server.send("transcript", role="agent", text="We are open", final=False, utterance=2)
            lines = v.page.locator("li[data-role=agent]")
            await expect(lines).to_have_count(2)
            await v.page.click("#hangup")
            await expect(lines.nth(1)).to_have_attribute("data-interrupted", "true")
            assert await lines.nth(0).get_attribute("data-interrupted") is None
            said = await lines.nth(1).locator(".text").evaluate("e => getComputedStyle(e, '::after').content")
            assert said == '"cut off"'

    in_loop(run())


def test_the_conversation_can_be_taken_along() -> None:
    """As text to the clipboard and as files, with tools and times; a link to the call has the agent and the inputs."""

    async def run() -> None:
        async with visit(agents=ASKS) as v:
            await v.context.grant_permissions(["clipboard-read", "clipboard-write", "microphone"])
            await v.page.fill("#input-caller", "Ann")
            await v.call()
            await v.server.send("transcript", role="user", text="Is it open?", final=True, utterance=1)
            await v.server.send("tool_call", id="a", name="hours", args={"day": "Friday"})
            await v.server.send(
                "tool_result", id="a", name="hours", ok=True, result={"open": True}, duration_ms=12
            )
            await v.server.send("transcript", role="agent", text="Yes.", final=True, utterance=2)
            await expect(v.page.locator("li[data-role=agent]")).to_have_count(1)
            await expect(v.page.locator("#keep")).to_be_hidden()  # not during the call
            await v.page.click("#hangup")
            await v.page.click("#copy")
            await expect(v.page.locator("#copy")).to_have_text("Copied")
            text = await v.page.evaluate("navigator.clipboard.readText()")
            assert "You: Is it open?" in text
            assert "(hours: ok)" in text
            assert "Desk: Yes." in text
            async with v.page.expect_download() as saved:
                await v.page.click("#save-json")
            kept = json.loads((await (await saved.value).path()).read_text(encoding="utf-8"))
            assert kept["agent"] == "Desk"
            assert [entry.get("tool") or entry["text"] for entry in kept["entries"]] == [
                "Is it open?",
                "hours",
                "Yes.",
            ]
            assert kept["entries"][1]["result"] == {"open": True}
            assert all(entry["at_s"] >= 0 for entry in kept["entries"])
            await v.page.click("#link")
            await expect(v.page.locator("#link")).to_have_text("Link copied")
            link = await v.page.evaluate("navigator.clipboard.readText()")
            assert link.endswith("?agent=desk&caller=Ann")

    in_loop(run())


# ---- what can fail ----


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ("NotFoundError", "no_microphone", "No microphone found"),
        ("NotReadableError", "microphone_busy", "The microphone is in use"),
    ],
)
def test_microphone_that_does_not_open_is_explained(error: str, code: str, words: str) -> None:
    """No offer is made; the page says what is wrong with the microphone and what helps."""

    async def run() -> None:
        async with visit(script=no_microphone(error)) as v:
            await v.page.click("#call")
            said = await v.problem(code)
            assert words in said
            assert "call again" in said
            assert v.server.offers == []
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "idle")
            await expect(v.page.locator("#call")).to_be_visible()

    in_loop(run())


def test_denied_microphone_is_explained() -> None:
    """A real refusal by the browser: how to allow it is said."""

    async def run() -> None:
        async with visit(allowed=False) as v:
            await v.page.click("#call")
            assert "site settings" in await v.problem("microphone_denied")
            assert v.server.offers == []

    in_loop(run())


def test_insecure_origin_is_explained() -> None:
    """On http:// elsewhere than localhost there is no microphone to ask for: the page says why."""

    async def run() -> None:
        async with visit(origin="http://agents.example/") as v:
            await v.page.click("#call")
            said = await v.problem("insecure_origin")
            assert "https" in said
            assert "localhost" in said

    in_loop(run())


def test_full_server_counts_down_to_another_try() -> None:
    """503 with Retry-After: the server's words, seconds that run, then a button that calls."""

    async def run() -> None:
        async with visit() as v:
            v.server.refusal = Refusal(
                503, "full", "All 4 lines are taken.", "Wait for one.", retry_after_s=2
            )
            await v.page.click("#call")
            said = await v.problem("full")
            assert "All 4 lines are taken." in said
            assert "Wait for one." in said
            call = v.page.locator("#call")
            await expect(call).to_have_attribute("aria-disabled", "true")
            await expect(call).to_have_text("Call again in 1 s")
            await call.click(force=True)
            assert len(v.server.offers) == 1
            await expect(call).to_have_attribute("aria-disabled", "false")
            await expect(call).to_have_text("Call again")
            v.server.refusal = None
            await call.click()
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "listening")
            await expect(v.page.locator("#problem")).to_be_hidden()

    in_loop(run())


def test_refusals_are_explained() -> None:
    """The server's own words where it has some, the page's where it has none."""
    refusals = [
        (Refusal(404, "agent_unknown"), "agent_unknown", ["Choose another agent"]),
        (
            Refusal(403, "origin", "Not from here.", "Ask the owner."),
            "refused",
            ["Not from here.", "Ask the owner."],
        ),
        (Refusal(400, "bad_offer"), "refused", ["The server refused the call"]),
        (Refusal(429, "too_many", "Too many tries."), "full", ["Too many tries."]),
        (Refusal(500, "internal"), "server_error", ["its log names the cause"]),
    ]

    async def run() -> None:
        async with visit() as v:
            for refusal, code, words in refusals:
                v.server.refusal = refusal
                await v.page.click("#call")
                said = await v.problem(code)
                assert [word for word in words if word not in said] == []
                await expect(v.page.locator("#call")).to_be_focused()
                await v.page.keyboard.press("Escape")
                await expect(v.page.locator("#problem")).to_be_hidden()

    in_loop(run())


def test_server_that_is_gone_is_explained() -> None:
    """Neither the list of agents nor a call needs a server to fail clearly, and trying again works."""

    async def run() -> None:
        async with visit() as v:
            await v.context.route("**/api/**", lambda route: route.abort())
            await v.page.click("#call")
            assert "running" in await v.problem("server_unreachable")
            await v.page.reload()
            await v.problem("server_unreachable")
            await v.context.unroute("**/api/**")
            await v.page.click("#retry")
            await expect(v.page.locator("#agent")).to_have_value("receptionist")
            await v.call()

    in_loop(run())


def test_answer_that_leads_nowhere_is_explained() -> None:
    """The server answers, no packet arrives: after the deadline the page speaks of firewalls."""

    async def run() -> None:
        async with visit() as v:
            await v.page.clock.install()
            v.server.deaf = True
            await v.page.click("#call")
            await v.server.until(lambda: bool(v.server.peers))
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "connecting")
            await v.page.wait_for_load_state("networkidle")
            await v.page.clock.fast_forward(16_000)
            assert "firewall" in await v.problem("no_path")
            await v.server.until(lambda: v.server.hung_up == ["call-1"])

    in_loop(run())


def test_lost_connection_is_explained_and_the_transcript_stays() -> None:
    """The peer goes without a goodbye: the page says lost, keeps what was said, and can call again."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            await v.server.send("transcript", role="agent", text="Hello", final=False, turn=1, utterance=1)
            await expect(v.page.locator("li[data-role=agent]")).to_be_visible()
            await v.server.break_off()
            assert "Check your network" in await v.problem("lost")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "ended")
            await expect(v.page.locator("li[data-role=agent]")).to_have_attribute("data-final", "true")
            await v.page.click("#call")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "listening")
            await expect(v.page.locator("#transcript li")).to_have_count(0)

    in_loop(run())


def test_end_by_the_agent_is_no_fault() -> None:
    """A sentence of the agent's is shown as it is; a code of the server's becomes a sentence."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            await v.server.send("end", reason="max_duration")
            assert "longest duration" in await v.problem("ended")
            assert await v.page.locator("#problem").get_attribute("data-kind") == "info"
            await v.server.until(lambda: v.server.hung_up == ["call-1"])
            await v.page.click("#call")
            await v.server.until(lambda: len(v.server.channels) == 2)
            await v.server.send("end", reason="ended_by_agent", detail="The practice closes now.")
            assert "The practice closes now." in await v.problem("ended")

    in_loop(run())


def test_fault_of_the_agent_is_explained() -> None:
    """An error alone is a notice in a call that goes on; an error and then the end is why it ended."""

    async def run() -> None:
        async with visit() as v:
            await v.call()
            error = {
                "message": "The live service refused the key.",
                "remedy": "Set GEMINI_API_KEY.",
                "node": "live",
            }
            await v.server.send("error", **error)
            said = await v.problem("agent_failed")
            assert "The live service refused the key." in said
            assert "Set GEMINI_API_KEY." in said
            await expect(v.page.locator("#hangup")).to_be_visible()
            await v.page.click("#dismiss")
            await expect(v.page.locator("#problem")).to_be_hidden()
            await v.server.send("error", **error)
            await v.server.send("end", reason="failed")
            assert "The live service refused the key." in await v.problem("agent_failed")
            await expect(v.page.locator("#state")).to_have_attribute("data-state", "ended")
            await expect(v.page.locator("#call")).to_have_text("Call again")
            await expect(v.page.locator("#retry")).to_have_count(0)  # one button that calls is enough

    in_loop(run())


# ---- how it looks ----


UNTRANSLATED = """async () => {
    const { language, speak, words } = await import('./client.js');
    const all = (tag) => {
      speak(tag);
      return new Set(JSON.stringify(words()).match(/"[^"]+"/g).map((word) => word.slice(1, -1)));
    };
    const here = language();
    const english = all('en');
    const own = all(here);
    const said = [...document.querySelectorAll('*')].filter((e) => e.checkVisibility()).flatMap((e) => [
      ...[...e.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()),
      ...['aria-label', 'title', 'placeholder'].map((name) => e.getAttribute(name)),
    ]);
    return said.filter((words) => english.has(words) && !own.has(words));
}"""
"""What the page says in English though it speaks another language."""


@pytest.mark.parametrize(
    ("width", "height", "language"),
    [
        (320, 568, "en"),
        (390, 844, "en"),
        (844, 390, "en"),
        (1280, 800, "en"),
        (320, 568, "de"),
        (390, 844, "ar"),
        (844, 390, "ar"),
        (640, 400, "de"),
    ],
)
def test_everything_fits_and_can_be_touched(width: int, height: int, language: str) -> None:
    """No sideways scrolling, and no visible control is smaller than 44 px, before, in and after a call, in each
    language and in both directions of writing, whatever the agent asks."""
    small = """() => [...document.querySelectorAll('button, select, input, summary')]
        .filter(e => e.checkVisibility({visibilityProperty: true}))
        .map(e => [e.id || e.tagName, e.getBoundingClientRect()])
        .filter(([, r]) => r.width < 43.9 || r.height < 43.9 || r.left < 0 || r.right > innerWidth + 1)
        .map(([name, r]) => `${name} ${r.width}x${r.height} at ${r.left}`)"""

    async def run() -> None:
        async with visit(
            viewport={"width": width, "height": height},
            has_touch=True,
            is_mobile=width < 900,
            locale=language,
            agents=[*ASKS, *DEFAULT_AGENTS],
        ) as v:
            direction = "rtl" if language == "ar" else "ltr"
            assert await v.page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [
                language,
                direction,
            ]

            async def fits() -> None:
                assert await v.page.evaluate(small) == []
                assert await v.page.evaluate(UNTRANSLATED) == []
                assert await v.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                for control in ("#call", "#hangup"):
                    if await v.page.is_visible(control):
                        await expect(v.page.locator(control)).to_be_in_viewport(ratio=1)

            await fits()
            await v.page.fill("#input-caller", "Ann")
            await v.call()
            await v.server.send(
                "tool_call", id="a", name="a_tool_with_a_rather_long_name", args={"x": "y" * 90}
            )
            await v.server.send("transcript", role="user", text="w" * 200, final=True, utterance=1)
            await expect(v.page.locator("li[data-role=user]")).to_be_attached()
            await fits()
            await v.server.break_off()
            await v.problem("lost")
            await fits()

    in_loop(run())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_out_of_reach_of_a_screen_reader(scheme: str) -> None:
    """axe finds no violation, before, during and after a call, with a problem shown and with the agent's questions."""
    axe = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

    async def run() -> None:
        async with visit(color_scheme=scheme, agents=[*ASKS, *DEFAULT_AGENTS], bypass_csp=True) as v:

            async def sound(when: str) -> None:
                await v.page.wait_for_timeout(400)  # what fades in has its colour
                found = await v.page.evaluate(
                    "axe.run(document).then(r => r.violations.map(v => `${v.id} at ${v.nodes[0].target}`))"
                )
                assert found == [], when

            await v.page.evaluate(axe)
            await sound("before")
            await v.page.fill("#input-caller", "Ann")
            await v.call()
            await v.server.send("transcript", role="user", text="Open?", final=True, utterance=1)
            await v.server.send("tool_call", id="a", name="hours", args={"day": "Friday"})
            await v.server.send("transcript", role="agent", text="Yes, and", final=False, utterance=2)
            await v.server.send("error", message="A part failed.", remedy="Wait.")
            await v.problem("agent_failed")
            await v.page.click("summary")
            await sound("during")
            await v.server.send("end", reason="idle")
            await v.problem("ended")
            await sound("after")

    in_loop(run())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(scheme: str) -> None:
    """Text and its ground differ by at least 4.5 to 1 (WCAG 2 AA) in both colour schemes."""
    pairs = [
        *((ink, ground) for ink in ("ink", "ink-soft") for ground in ("ground", "surface", "raised")),
        *(("ink", ground) for ground in ("red-soft", "amber-soft", "agent-soft", "you-soft")),
        *(("ink-soft", ground) for ground in ("red-soft", "amber-soft", "agent-soft", "you-soft")),
        *((tone, ground) for tone in ("you", "agent", "red", "amber") for ground in ("surface", "raised")),
        ("amber", "amber-soft"),
        ("on-colour", "you"),
    ]

    async def run() -> None:
        async with visit(color_scheme=scheme) as v:
            names = sorted({name for pair in pairs for name in pair})
            colours = await v.page.evaluate(
                "names => { const style = getComputedStyle(document.documentElement);"
                " return Object.fromEntries(names.map(n => [n, style.getPropertyValue('--' + n).trim()])); }",
                names,
            )
            weak = {pair: ratio for pair in pairs if (ratio := _contrast(*(colours[n] for n in pair))) < 4.5}
            assert weak == {}

    in_loop(run())


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
