"""A real Firefox, driven by WebDriver BiDi: it says a tone into its microphone by itself."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

__all__ = ["FirefoxPage", "find_firefox", "firefox"]

_PREFERENCES: dict[str, Any] = {
    "app.update.auto": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "media.autoplay.default": 0,
    # Without a sound device an AudioContext stays suspended for ever: this one is as good as a device.
    "media.cubeb.force_mock_context": True,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.active-protocols": 1,
    "toolkit.telemetry.enabled": False,
}


def find_firefox() -> str | None:
    """The program, if this machine has it."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


class FirefoxPage:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._context = ""

    async def open(self, url: str) -> None:
        """Go there, and return when it has loaded."""
        if not self._context:
            await self._ask("session.new", {"capabilities": {}})
            tree = await self._ask("browsingContext.getTree", {})
            self._context = tree["contexts"][0]["context"]
        await self._ask(
            "browsingContext.navigate", {"context": self._context, "url": url, "wait": "complete"}
        )

    async def resize(self, width: int, height: int) -> None:
        """Be so large, in CSS pixels."""
        viewport = {"width": width, "height": height}
        await self._ask("browsingContext.setViewport", {"context": self._context, "viewport": viewport})

    async def run(self, body: str) -> Any:
        """What an asynchronous function with this body returns, by way of JSON."""
        given = {
            "functionDeclaration": f"async () => JSON.stringify(await (async () => {{ {body} }})())",
            "target": {"context": self._context},
            "awaitPromise": True,
            "userActivation": True,
        }
        result = await self._ask("script.callFunction", given)
        if result["type"] != "success":
            raise RuntimeError(result["exceptionDetails"]["text"])
        text = result["result"].get("value")
        return None if text is None else json.loads(text)

    async def _ask(self, method: str, params: dict[str, Any]) -> Any:
        number = next(self._ids)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(await self._socket.recv())
            if message.get("id") == number:
                if message["type"] == "error":
                    raise RuntimeError(f"{method}: {message['error']}: {message['message']}")
                return message["result"]


@asynccontextmanager
async def firefox(profile: Path, *, dark: bool = False) -> AsyncIterator[FirefoxPage]:
    """Run Firefox without a window while the block lasts; ``profile`` is an empty folder, ``dark`` the scheme."""
    program = find_firefox()
    assert program is not None, "there is no Firefox on this machine"
    preferences = _PREFERENCES | {"layout.css.prefers-color-scheme.content-override": 0 if dark else 1}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
    (profile / "user.js").write_text("".join(lines))
    process = await asyncio.create_subprocess_exec(
        *(program, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"),
        *("about:blank",),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={"HOME": str(profile), "PATH": "/usr/bin:/bin", "MOZ_DISABLE_CONTENT_SANDBOX": "1"},
    )
    assert process.stderr is not None
    draining: asyncio.Task[bytes] | None = None
    try:
        async with asyncio.timeout(60):
            address = await _address(process.stderr)
        draining = asyncio.create_task(process.stderr.read())
        async with connect(f"{address}/session", max_size=None) as socket:
            yield FirefoxPage(socket)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if draining is not None:
            await draining


async def _address(stderr: asyncio.StreamReader) -> str:
    while line := await stderr.readline():
        if match := re.search(rb"WebDriver BiDi listening on (ws://\S+)", line):
            return match[1].decode()
    raise RuntimeError("Firefox ended by itself")
