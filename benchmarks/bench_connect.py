"""How soon a call stands: a real Chromium calls ``livegraph run echo`` on this machine, again and again.

    python benchmarks/bench_connect.py [--count 20]

It prints, in milliseconds, the time from the offer to its answer and to the connection, median and the slowest of ten,
and beside them what the browser takes for a request whose answer is a small file: most of an answer's time is that.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
from typing import Any

from playwright.sync_api import sync_playwright

_CALL = """
async (count) => {
  const stream = await navigator.mediaDevices.getUserMedia({audio: true});
  const found = [];
  for (let number = 0; number < count; number++) {
    const pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
    pc.createDataChannel("livegraph");
    pc.addTrack(stream.getAudioTracks()[0], stream);
    const connected = new Promise((resolve) => {
      pc.onconnectionstatechange = () => pc.connectionState === "connected" && resolve(performance.now());
    });
    const asked = performance.now();
    await (await fetch("favicon.svg", {cache: "no-store"})).text();
    const fetched = performance.now() - asked;
    await pc.setLocalDescription();
    const offered = performance.now();
    const reply = await fetch("api/offer", {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify({sdp: pc.localDescription.sdp, type: "offer"}),
    });
    const answer = await reply.json();
    if (!reply.ok) throw new Error(JSON.stringify(answer));
    const answered = performance.now();
    await pc.setRemoteDescription({sdp: answer.sdp, type: answer.type});
    found.push([fetched, answered - offered, (await connected) - offered]);
    await fetch(`api/offer/${answer.pc_id}`, {method: "DELETE"});
    pc.close();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return found;
}
"""


def serve() -> tuple[subprocess.Popen[str], str]:
    """A server, and the address of its page."""
    command = [sys.executable, "-c", "from livegraph.cli import main; main()", "run", "echo", "--port", "0"]
    command += ["--offers-per-minute", "10000"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    for line in server.stdout:
        if match := re.search(r"http://\S+/", line):
            return server, match[0]
    raise SystemExit("the server ended by itself")


def measure(page: str, count: int) -> list[tuple[float, ...]]:
    """Milliseconds of a small request, to the answer and to the connection, for each call."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        )
        tab = browser.new_page()
        tab.goto(page)
        found: Any = tab.evaluate(_CALL, count)
        browser.close()
    return [tuple(map(float, each)) for each in found]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    count: int = parser.parse_args().count
    server, page = serve()
    try:
        # The first call loads what is loaded once.
        found = measure(page, count + 1)[1:]
    finally:
        server.terminate()
        server.wait()
    for place, name in enumerate(("a file", "answered", "connected")):
        values = [each[place] for each in found]
        slowest = statistics.quantiles(values, n=10)[-1] if len(values) > 1 else values[0]
        print(f"{name:>10}  median {statistics.median(values):6.1f} ms   nine of ten {slowest:6.1f} ms")


if __name__ == "__main__":
    main()
