"""A recording holds all that passed on the wire, the sound beside it, and no secret."""

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from livegraph.liveapi import AudioTranscriptionConfig, Setup, encode_audio
from livegraph.simulator.recording import WireEvent, WireLog
from livegraph.simulator.scenario_file import parse_scenario
from livegraph.simulator.server import DEFAULT_PATH, Simulator
from support.live import calling, virtually

SETUP = Setup(model="models/gemini-3.8-live", output_audio_transcription=AudioTranscriptionConfig())


def lines(log: WireLog) -> list[dict[str, Any]]:
    """The lines of a transcript."""
    return [json.loads(line) for line in log.path.read_text("utf-8").splitlines()]


def sound(log: WireLog, reference: str) -> bytes:
    """What a reference stands for."""
    name, _, part = reference.removesuffix("]").partition("[")
    first, last = map(int, part.split(":"))
    return (log.folder / name).read_bytes()[first:last]


def test_a_call_is_recorded_whole(tmp_path: Path) -> None:
    """In order, with times; the sound of both sides can be heard."""
    spoken = np.arange(1_600, dtype=np.int16)

    async def test(simulator: Simulator) -> bytes:
        async with calling(simulator.open(f"{DEFAULT_PATH}?key=secret"), SETUP) as caller:
            await caller.link.send(encode_audio(spoken.tobytes(), 16_000))
            await caller.words("hello")
            return b"".join(heard.audio for heard in caller.heard)

    with WireLog(tmp_path / "new") as log:
        heard = virtually(test, record=log)
    found = lines(log)
    assert "secret" not in log.path.read_text()
    assert found[0] == {"time": 0.0, "connection": 1, "from": "client", "open": "key in the query"}
    assert found[1]["message"]["setup"]["model"] == SETUP.model
    assert found[2] == {"time": 0.25, "connection": 1, "from": "server", "message": {"setupComplete": {}}}
    assert [line["time"] for line in found] == sorted(line["time"] for line in found)
    assert found[-1]["close"] == "1000"
    (said,) = [
        line["message"]["realtimeInput"]["audio"]
        for line in found
        if "audio" in str(line) and line["from"] == "client"
    ][:1]
    assert sound(log, said["data"]) == spoken.tobytes()
    parts = [
        part["inlineData"]["data"]
        for line in found
        for part in line.get("message", {}).get("serverContent", {}).get("modelTurn", {}).get("parts", [])
    ]
    assert b"".join(sound(log, part) for part in parts) == heard


def test_faults_and_closes_are_recorded(tmp_path: Path) -> None:
    scenes = """
version: 1
scenes:
  - when: {time: 1s, connection: 1}
    do: [garbage: 3, send: "half a mess", reset: {half: true}]
  - when: {time: 1s, connection: 2}
    do: [close: {code: 1011, reason: Enough.}]
"""

    async def test(simulator: Simulator) -> None:
        for _ in range(2):
            async with calling(simulator.open(), SETUP) as caller:
                await caller.until_closed()

    with WireLog(tmp_path) as log:
        virtually(test, record=log, scenario=parse_scenario(scenes))
    ends = [{k: v for k, v in line.items() if k not in ("time", "from")} for line in lines(log)][-10:]
    assert {"connection": 1, "text": "half a mess"} in ends
    assert {"connection": 1, "text": "3 bytes: ff 29 72"} in ends
    assert {"connection": 1, "fault": "half a message"} in ends
    assert {"connection": 1, "fault": "reset"} in ends
    assert ends[-1] == {"connection": 2, "close": "1011 Enough."}


def test_images_are_shortened_and_headers_masked(tmp_path: Path) -> None:
    """A picture is its size; what is not a secret stays."""
    message = {
        "setup": {
            "tools": [
                {
                    "mcpServers": [
                        {"streamableHttpTransport": {"headers": {"X-Api-Key": "abc", "Accept": "x"}}}
                    ]
                }
            ]
        },
        "realtimeInput": {
            "video": {"mimeType": "image/jpeg", "data": base64.b64encode(bytes(3_000)).decode()}
        },
    }
    with WireLog(tmp_path) as log:
        log(WireEvent(0, 1, "in", "message", json.dumps(message)))
    (found,) = lines(log)
    headers = found["message"]["setup"]["tools"][0]["mcpServers"][0]["streamableHttpTransport"]["headers"]
    assert headers == {"X-Api-Key": "***", "Accept": "x"}
    assert found["message"]["realtimeInput"]["video"]["data"] == "3000 bytes"


def test_each_run_has_its_own_transcript(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        with WireLog(tmp_path) as log:
            names.append(log.path.name)
    assert names == ["wire-001.jsonl", "wire-002.jsonl", "wire-003.jsonl"]


TREES = st.recursive(
    st.none() | st.text(max_size=4),
    lambda inner: st.dictionaries(
        st.sampled_from(["data", "mimeType", "mime_type", "headers", "x"]), inner, max_size=3
    ),
    max_leaves=6,
)


@given(
    st.binary(max_size=60)
    | st.text(max_size=60)
    | TREES.map(lambda tree: json.dumps(tree, ensure_ascii=False))
)
def test_anything_can_be_recorded(data: str | bytes) -> None:
    """Each message is one line of JSON, whatever it is."""
    with tempfile.TemporaryDirectory() as folder:
        with WireLog(folder) as log:
            log(WireEvent(0, 1, "in", "message", data))
        assert len(lines(log)) == 1
