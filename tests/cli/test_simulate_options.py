"""`livegraph simulate` with a scenario, keys, TLS and a recording: as a user of Google's library runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import environment, livegraph, running

SCENARIO = """
version: 1
scenes:
  - when: {turn: 1}
    do: [say: As written.]
  - when: {sent: turnComplete}
    do: [close: {code: 1008, reason: Enough.}]
"""
PROGRAM = """
import asyncio
from google import genai

async def main():
    client = genai.Client()
    config = {"output_audio_transcription": {}}
    async with client.aio.live.connect(model="gemini-3.8-live", config=config) as session:
        await session.send_realtime_input(text="Hello?")
        async for message in session.receive():
            content = message.server_content
            if content and content.output_transcription:
                print(content.output_transcription.text, end="")
        try:
            async for message in session.receive():
                pass
        except genai.errors.APIError as error:
            print("", error.code, error.details)

asyncio.run(main())
"""


def test_googles_library_needs_nothing_but_its_environment(tmp_path: Path) -> None:
    """An address, a certificate and a key; what is said and how it ends is the scenario's, all of it is recorded."""
    pytest.importorskip("google.genai", reason="no google-genai")
    scenario, wire = tmp_path / "scenario.yaml", tmp_path / "wire"
    scenario.write_text(SCENARIO)
    options = ["--scenario", scenario, "--record", wire, "--tls-dir", tmp_path / "tls", "--strict"]
    with running(
        "simulate", "--port", "0", *options, "--key", "good", "--scale", "0.05", until="wss://"
    ) as command:
        url = command.word_with("wss://").replace("wss", "https")
        variables = {
            "GOOGLE_GEMINI_BASE_URL": url,
            "SSL_CERT_FILE": str(tmp_path / "tls" / "cert.pem"),
            "NO_PROXY": "127.0.0.1",
        }
        found = {
            key: subprocess.run(
                [sys.executable, "-c", PROGRAM],
                env=environment({**variables, "GEMINI_API_KEY": key}),
                capture_output=True,
                text=True,
                timeout=50,
                check=False,
            )
            for key in ("good", "bad")
        }
        command.send(15)
        returned, _, err = command.ended()
    assert found["good"].stdout == "As written. 1008 Enough.\n", found["good"].stderr
    assert "API key not valid" in found["bad"].stderr
    assert returned == 0 and f"certificate: {tmp_path / 'tls' / 'cert.pem'}" in err
    (transcript,) = wire.glob("*.jsonl")
    text = transcript.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["open"] == "key in a header" and "good" not in text
    assert {"1008 Enough.", "1007 API key not valid. Please pass a valid API key."} <= {
        line.get("close") for line in lines
    }


def test_faults_of_a_scenario_are_told_with_their_places(tmp_path: Path) -> None:
    """And the exit code says that it is the configuration; another that it is not there, or cannot be written to."""
    scenario = tmp_path / "s.yaml"
    scenario.write_text("version: 1\nscenes:\n  - when: {trun: 1}\n    do: [rest]\n")
    done = livegraph("simulate", "--scenario", scenario)
    assert done.returncode == 78 and "Traceback" not in done.stderr
    assert "s.yaml:3:12: unknown key 'trun'; did you mean 'turn'?" in done.stderr
    assert "s.yaml:4:10: unknown action 'rest'; did you mean 'reset'?" in done.stderr
    assert livegraph("simulate", "--scenario", tmp_path / "nothing.yaml").returncode == 2
    for option in ("--record", "--tls-dir"):
        done = livegraph("simulate", option, scenario / "folder")
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
