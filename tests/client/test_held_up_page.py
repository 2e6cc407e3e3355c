"""A page that stands still for a while, in Node: what it could not see is not held against the line."""

from __future__ import annotations

from typing import Any

from support.in_node import in_node

SET_UP = """
let now = 0, look = null;
globalThis.performance = { now: () => now };
globalThis.setInterval = (function_) => { look = function_; return 1; };
Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true });
globalThis.AudioContext = class {
  sampleRate = 48_000; currentTime = 0; state = "running";
  resume() {} close() {}
  createMediaStreamDestination() { return { stream: { getTracks: () => [] } }; }
};
globalThis.GainNode = class {
  gain = { setValueAtTime() {}, linearRampToValueAtTime() {} };
  connect() {}
};
globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 1; bufferedAmount = 0;
  constructor() { globalThis.socket = this; }
  send() {} close() {}
};
const { SocketLine } = await import(process.argv[1] + "/socket.js");
const told = { shaky: [], over: [] };
const line = new SocketLine({ token: "", address: () => new URL("ws://here/ws") }, {
  connected() {}, sound() {}, message() {},
  shaky: (shaky) => told.shaky.push(shaky), over: (problem) => told.over.push(problem?.code),
});
await line.start({ stream: null });
socket.onmessage({ data: '{"type": "hello"}' });
const passes = (ms) => { now += ms; look(); };
"""


def run(script: str) -> Any:
    """What a line by WebSocket has told after the script."""
    return in_node(f"{SET_UP}\n{script}")


def test_a_page_that_was_held_up_has_not_lost_its_call() -> None:
    """For a minute, twice, and something waits to be sent each time; it is taken as soon as the page goes on."""
    told = run("""
        for (let n = 0; n < 10; n += 1) {
          passes(500);
          if (n % 5 === 4) {
            socket.bufferedAmount = 640;
            passes(60_000);
            passes(500);
            socket.bufferedAmount = 0;
          }
        }
    """)
    assert told == {"shaky": [False] * 14, "over": []}


def test_a_line_that_takes_nothing_is_shaky_and_then_lost() -> None:
    """After two seconds, and after ten: a page that saw them itself does not hope for ever."""
    told = run("""
        socket.bufferedAmount = 640;
        for (let n = 0; n < 21; n += 1) passes(500);
    """)
    assert told == {"shaky": [False] * 3 + [True] * 18, "over": ["lost"]}
