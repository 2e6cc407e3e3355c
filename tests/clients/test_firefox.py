"""Firefox calls: sound both ways and messages, over one port; and our page in it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from pathlib import Path

import axe_playwright_python
import pytest

from support.clients import echo
from support.firefox import FirefoxPage, find_firefox, firefox
from support.speech import arrange, recorded
from support.storyteller import storyteller
from support.web import serving

pytestmark = pytest.mark.timeout(180)

CALL = """
const stream = await navigator.mediaDevices.getUserMedia({audio: true});
const pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
const channel = pc.createDataChannel("livegraph");
const messages = [];
channel.onmessage = (event) => messages.push(JSON.parse(event.data));
pc.addTrack(stream.getAudioTracks()[0], stream);
const began = performance.now();
let connected = 0;
pc.onconnectionstatechange = () => { if (pc.connectionState === "connected") connected = performance.now() - began; };
await pc.setLocalDescription();
const reply = await fetch("/api/offer", {
  method: "POST", headers: {"Content-Type": "application/json"},
  body: JSON.stringify({sdp: pc.localDescription.sdp, type: "offer"}),
});
const answer = await reply.json();
await pc.setRemoteDescription(answer);
for (let waited = 0; waited < 60 && !(connected && channel.readyState === "open"); waited++)
  await new Promise((resolve) => setTimeout(resolve, 250));
channel.send(JSON.stringify({type: "text", text: "hello"}));
let stats = {};
for (let waited = 0; waited < 160; waited++) {
  await new Promise((resolve) => setTimeout(resolve, 250));
  for (const report of (await pc.getStats()).values())
    if (["inbound-rtp", "outbound-rtp", "remote-inbound-rtp"].includes(report.type)) stats[report.type] = report;
  const [heard, said] = [stats["inbound-rtp"] ?? {}, stats["outbound-rtp"] ?? {}];
  if (heard.totalAudioEnergy > 0.01 && heard.packetsReceived > 150 && said.packetsSent > 100) break;
}
const result = {
  state: pc.connectionState, connected, messages,
  received: stats["inbound-rtp"]?.packetsReceived ?? 0,
  lost: stats["inbound-rtp"]?.packetsLost ?? -1,
  energy: stats["inbound-rtp"]?.totalAudioEnergy ?? 0,
  sent: stats["outbound-rtp"]?.packetsSent ?? 0,
};
channel.send(JSON.stringify({type: "hangup"}));
return result;
"""


OF_STATISTICS = """
let pc = null;
const Original = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Original {
  constructor(...given) {
    super(...given);
    pc = this;
  }
};
const energy = async () => {
  for (const report of (await pc.getStats()).values())
    if (report.type === "inbound-rtp") return report.totalAudioEnergy ?? 0;
  return 0;
};
"""

OF_SAMPLES = """
delete window.RTCPeerConnection;
let sum = 0;
const play = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
  ...play,
  set(stream) {
    play.set.call(this, stream);
    if (stream === null) return;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      sum += samples.reduce((all, sample) => all + sample * sample, 0) / context.sampleRate;
    }, (1000 * samples.length) / context.sampleRate);
  },
});
const energy = async () => sum;
"""

TALK = """
const $ = (id) => document.getElementById(id);
const until = async (what, holds) => {
  for (let waited = 0; waited < 400; waited++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not come: ${$("state").dataset.state}, ${$("problem").innerText}`);
};
const failed = [];
window.addEventListener("error", (event) => failed.push(event.message));
window.addEventListener("unhandledrejection", (event) => failed.push(String(event.reason)));
document.addEventListener("securitypolicyviolation", (event) => failed.push(event.violatedDirective));

// A microphone into which somebody speaks again and again: Firefox's own hums all the time.
const voice = new Audio(URL.createObjectURL(new Blob([Uint8Array.from(atob(WAV), (each) => each.charCodeAt(0))])));
voice.loop = true;
await voice.play();
navigator.mediaDevices.getUserMedia = async () => voice.mozCaptureStream();
ENERGY
$("call").click();
await until("the agent", () => $("state").dataset.state === "listening");
const way = $("way").checkVisibility() ? $("way").innerText : "";
$("text").value = "Tell me a story.";
$("composer").requestSubmit();
await until("the story", () => $("state").dataset.state === "speaking");
const began = performance.now();
const before = await energy();
await until("its sound", async () => (await energy()) > before + 0.01);
await until("the interruption", () => $("state").dataset.state !== "speaking");
// A voice of which a busy machine loses a part is taken for a noise: the story goes on until it comes again.
let told, more, took_s;
do {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const after = await energy();
  told = after - before;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  more = (await energy()) - after;
  took_s = (performance.now() - began) / 1000;
} while (more > told / 10 && took_s < 40);
const typed = [...document.querySelectorAll("#transcript li[data-role=user] .text")].map((line) => line.innerText);
$("hangup").click();
await until("the end", () => $("state").dataset.state === "ended");
return { told, more, took_s, typed, failed, way, problem: $("problem").innerText };
"""


def need_firefox() -> None:
    """Skip the test where there is none."""
    if find_firefox() is None:
        if os.environ.get("LIVEGRAPH_TEST_BROWSER") == "required":
            pytest.fail("there is no Firefox, and it is required")
        pytest.skip("there is no Firefox on this machine (Debian: apt-get install firefox-esr)")


SIZES = [(320, 568), (844, 390), (1280, 800)]
FAULTS = """
const found = (await axe.run()).violations.map((rule) => `${rule.id} at ${rule.nodes[0].target}`);
const wide = document.documentElement.scrollWidth;
return wide > innerWidth ? [...found, `${wide} pixels in ${innerWidth}`] : found;
"""


async def look_at(page: FirefoxPage) -> None:
    """It is fit for everybody, and fits, in each size."""
    axe = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    await page.run(f"{axe}; return null;")
    for width, height in SIZES:
        await page.resize(width, height)
        assert await page.run(FAULTS) == [], (width, height)


def test_our_page_works_in_firefox(tmp_path: Path) -> None:
    """Connect, hear, be heard, type, interrupt by voice, hang up; what was still to be told is not heard any more.

    And so by the page's WebSocket, where the browser has no WebRTC. It looks as it should after a call in the dark.
    """
    need_firefox()
    sound = arrange(tmp_path / "voice.wav", 5.0, recorded("go_forward"), 1.0).read_bytes()
    given = json.dumps(base64.b64encode(sound).decode())

    async def run() -> None:
        async with serving([storyteller()]) as web, firefox(tmp_path, dark=True) as page:
            for energy, way in [(OF_STATISTICS, ""), (OF_SAMPLES, "WebSocket")]:
                await page.open(f"http://127.0.0.1:{web.port}/?lang=en")
                seen = await page.run(TALK.replace("WAV", given).replace("ENERGY", energy))
                assert (seen["typed"], seen["failed"], seen["problem"]) == (["Tell me a story."], [], "")
                assert seen["way"] == way
                assert seen["told"] > 0.01 and seen["more"] < seen["told"] / 10, seen
                assert seen["took_s"] < 28, "the story lasts half a minute"
                await web.until_free()
            await look_at(page)

    asyncio.run(run())


def test_firefox_calls(tmp_path: Path) -> None:
    """Its tone comes back to it, every packet of it, and the call ends as it says. The page in it looks as it should.

    Not over loopback, with which Firefox pairs nothing: see docs/network.md.
    """
    need_firefox()

    async def run() -> None:
        async with serving([echo()]) as web, firefox(tmp_path) as page:
            await page.open(f"http://127.0.0.1:{web.port}/?lang=en")
            await look_at(page)
            seen = await page.run(CALL)
            assert seen["state"] == "connected", seen
            assert seen["messages"][0]["type"] == "ready", seen
            assert seen["received"] > 100 and seen["sent"] > 100 and seen["energy"] > 0.001, seen
            assert seen["lost"] == 0, seen
            await web.until_free()

    asyncio.run(run())
