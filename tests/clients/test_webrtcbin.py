"""GStreamer's webrtcbin calls: sound both ways and messages."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from support.clients import echo
from support.web import serving

pytestmark = pytest.mark.timeout(120)

_PYTHON = "/usr/bin/python3"
"""The system's, whose packages include GStreamer's."""
_CALLER = Path(__file__).with_name("webrtcbin_caller.py")
_LOOK = """
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst
Gst.init(None)
for name in ("webrtcbin", "nicesrc", "opusenc", "level", "rtpopuspay"):
    assert Gst.ElementFactory.find(name), name
"""


def is_there() -> bool:
    """Whether this machine has all that the caller needs."""
    try:
        return subprocess.run([_PYTHON, "-c", _LOOK], capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False


def test_webrtcbin_calls() -> None:
    if not is_there():
        if os.environ.get("LIVEGRAPH_TEST_BROWSER") == "required":
            pytest.fail("there is no webrtcbin, and it is required")
        pytest.skip("there is no webrtcbin on this machine (Debian: sh tests/install/clients.sh as root)")

    async def run() -> None:
        async with serving([echo()]) as web:
            url = f"http://127.0.0.1:{web.port}/api/offer"
            process = await asyncio.create_subprocess_exec(
                *(_PYTHON, str(_CALLER), url, "8"),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            output, errors = await process.communicate()
            assert process.returncode == 0, errors.decode()
            seen = json.loads(output)
            assert seen["connected"], (seen, errors.decode())
            assert seen["packets"] > 100 and seen["level_db"] > -30, seen
            assert json.loads(seen["message"])["type"] == "ready", seen
            await web.until_free()

    asyncio.run(run())
