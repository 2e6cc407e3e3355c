"""Firefox calls: sound both ways and messages, over one port."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from support.clients import echo
from support.firefox import find_firefox, firefox
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
for (let waited = 0; waited < 40; waited++) {
  await new Promise((resolve) => setTimeout(resolve, 250));
  for (const report of (await pc.getStats()).values())
    if (["inbound-rtp", "outbound-rtp", "remote-inbound-rtp"].includes(report.type)) stats[report.type] = report;
  if ((stats["inbound-rtp"]?.totalAudioEnergy ?? 0) > 0.01 && (stats["inbound-rtp"]?.packetsReceived ?? 0) > 150) break;
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


def test_firefox_calls(tmp_path: Path) -> None:
    """Its tone comes back to it, every packet of it, and the call ends as it says.

    Not over loopback, with which Firefox pairs nothing: see docs/network.md.
    """
    if find_firefox() is None:
        if os.environ.get("LIVEGRAPH_TEST_BROWSER") == "required":
            pytest.fail("there is no Firefox, and it is required")
        pytest.skip("there is no Firefox on this machine (Debian: apt-get install firefox-esr)")

    async def run() -> None:
        async with serving([echo()]) as web, firefox(tmp_path) as page:
            await page.open(f"http://127.0.0.1:{web.port}/")
            seen = await page.run(CALL)
            assert seen["state"] == "connected", seen
            assert seen["messages"][0]["type"] == "ready", seen
            assert seen["received"] > 100 and seen["sent"] > 100 and seen["energy"] > 0.001, seen
            assert seen["lost"] == 0, seen
            await web.until_free()

    asyncio.run(run())
