"""Keys in the options of boxes that are no keys as a whole: addresses, commands, headers, names of files."""

from __future__ import annotations

import asyncio
import logging
import traceback
from pathlib import Path

import pytest
from typer.testing import CliRunner

from livegraph.cli.app import app
from livegraph.pipeline.errors import ConfigError
from livegraph.pipeline.options import Secret
from livegraph.processors.tools.mcp.entry import McpTools
from livegraph.processors.tools.mcp.tools import McpSource
from livegraph.processors.tools.openapi.entry import OpenApiTools
from livegraph.processors.tools.openapi.tools import OpenApiSource
from livegraph.server.access.turn import TurnService
from livegraph.simulator.mind import Mind, MindError, MindRequest

MARK = "PLANTED-d41d8cd98f"
ENVIRONMENT = {
    # None of the names says that it is a key.
    "HEADER": f"Bearer {MARK}",
    "ADDRESS": f"http://127.0.0.1:9/spec?access_token={MARK}",
    "SERVER": f"ws://bob:{MARK}@127.0.0.1:9/x",
    "DATABASE": f"postgresql://bob:{MARK}@127.0.0.1:9/x",
    "WORD": f"--api-key={MARK}",
    "HOOK": f"X-Auth: {MARK}",
    "MY_TOKEN": MARK,
}
AGENT = """
version: 1
agent:
  instructions: Be brief.
  live: {endpoint: google, url: "${SERVER}", api_key: "${MY_TOKEN}"}
  tools:
    - http: GET ${ADDRESS}
      name: look
      private: [127.0.0.1]
      headers: {X-One: "${HEADER}", X-Two: "${MY_TOKEN}"}
      query: {q: "${MY_TOKEN}"}
    - openapi: ${ADDRESS}
      private: [127.0.0.1]
      headers: {X-One: "${HEADER}"}
    - mcp: ${ADDRESS}
      private: [127.0.0.1]
      headers: {X-One: "${HEADER}"}
    - mcp: [no-such-server, "${WORD}", --token, "${MY_TOKEN}"]
      env: {ONE: "${HEADER}", TWO: "${DATABASE}"}
memory: {url: "${DATABASE}", key: ada}
record:
  path: ./{{call.id}}.flac
  upload: {command: [curl, -H, "${HOOK}", "${ADDRESS}"]}
"""


@pytest.mark.parametrize(
    "verb",
    [
        ("explain",),
        ("explain", "--format", "json"),
        ("check", "--json"),
        ("check", "--env"),
        ("graph", "--json"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("fault", ["", "nonsense: 1\n"], ids=["right", "wrong"])
def test_no_command_that_only_looks_shows_one(
    verb: tuple[str, ...], fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where only the value tells that there is a key in it."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agent.yaml").write_text(AGENT + fault)
    word, *options = verb
    done = CliRunner().invoke(app, [word, "agent.yaml", *options])
    assert (done.exit_code == 0) is not bool(fault or "--env" in verb), done.output
    assert MARK not in done.output, done.output


def test_a_line_that_is_shown_has_stars_for_a_password(tmp_path: Path) -> None:
    """The excerpt of a file that a fault is shown with."""
    (tmp_path / "agent.yaml").write_text(
        "version: 1\nagent:\n  instructions: Be brief.\n  tools:\n"
        f"    - http: GET https://bob:{MARK}@api.example/x\n      name: look\n"
    )
    done = CliRunner().invoke(app, ["check", str(tmp_path / "agent.yaml")])
    assert "LG235" in done.output and "https://****" in done.output
    assert MARK not in done.output


def test_a_document_that_cannot_be_read_is_named_without_its_query() -> None:
    """It is told to whoever starts the agent, and stands in the log."""
    source = OpenApiSource(OpenApiTools(openapi=ENVIRONMENT["ADDRESS"], private=("127.0.0.1",)))
    with pytest.raises(ConfigError) as caught:
        asyncio.run(source.open(lambda: None))
    assert "http://127.0.0.1:9/spec cannot be read" in str(caught.value)
    assert MARK not in str(caught.value)


@pytest.mark.parametrize(
    "server",
    [
        McpTools(mcp=ENVIRONMENT["ADDRESS"], private=("127.0.0.1",)),
        McpTools(mcp=["no-such-server", "--token", MARK]),
        McpTools(mcp=["no-such-server", ENVIRONMENT["WORD"], ENVIRONMENT["DATABASE"]]),
        McpTools(mcp=["no-such-server", "--password", f"/{MARK}"], env={"ONE": Secret(MARK)}),
    ],
    ids=["address", "option", "word and database", "path"],
)
def test_a_server_that_does_not_come_is_named_without_them(
    server: McpTools, caplog: pytest.LogCaptureFixture
) -> None:
    """Not by its name, nor by what its end is told with."""

    async def run() -> None:
        source = McpSource(server)
        await source.open(lambda: None)
        async with asyncio.timeout(60):
            while " is down (" not in caplog.text:
                await asyncio.sleep(0.01)
        await source.close()

    with caplog.at_level(logging.DEBUG, "livegraph"):
        asyncio.run(run())
    assert MARK not in caplog.text


@pytest.mark.parametrize("tail", ["?token=", "#ticket="])
@pytest.mark.parametrize("start", ["http://127.0.0.1:9/", "ftp://127.0.0.1/"])
def test_load_takes_no_link_with_a_key_in_it(start: str, tail: str) -> None:
    """And does not repeat it; nor who is named before the host."""
    for url in (start + tail + MARK, f"{start.replace('//', f'//bob:{MARK}@')}"):
        done = CliRunner().invoke(app, ["load", url, "--calls", "1"])
        assert done.exit_code == 2
        assert MARK not in done.output and start in done.output


def test_a_relay_is_no_place_for_a_password() -> None:
    """Its address is told to every caller."""
    with pytest.raises(ValueError, match="no user and no password") as caught:
        TurnService([f"turn:bob:{MARK}@relay.example:3478"], b"secret", lambda: 0.0)
    assert MARK not in str(caught.value)


@pytest.mark.parametrize("url", [f"http://bob:{MARK}@127.0.0.1:9/v1", f"bob:{MARK}@127.0.0.1:9"])
def test_a_mind_that_cannot_be_asked_is_named_without_its_password(url: str) -> None:
    """Nor by what lies beneath."""
    with pytest.raises((MindError, ValueError), match=r"127\.0\.0\.1:9") as caught:
        Mind(url, "m").ask(MindRequest((), ()))
    assert MARK not in "".join(traceback.format_exception(caught.value))
