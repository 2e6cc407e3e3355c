"""The pages on deploying, operating, embedding and security say what is so: options, files, code, configurations."""

import ast
import asyncio
import configparser
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from aiortc import RTCSessionDescription
from pydantic import BaseModel
from starlette.requests import Request

from livegraph import load_agent
from livegraph.language import check_text
from livegraph.language.server_section import ServerSection
from livegraph.server.access import Tickets
from livegraph.server.access.token_file import read_tokens
from support.webrtc import Caller

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("deploying", "operating", "embedding", "security")


def page(name: str) -> str:
    return (ROOT / f"docs/{name}.md").read_text("utf-8")


def blocks(name: str, kind: str) -> list[str]:
    """The pieces of this language in a page."""
    return re.findall(rf"^```{kind}\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", PAGES)
def test_options_exist(name: str) -> None:
    """Every option that a page names is one of the command, and every variable one of an option."""
    source = (ROOT / "cli/server_options.py").read_text("utf-8")
    verbs = "".join(path.read_text("utf-8") for path in (ROOT / "cli/verbs").glob("*.py"))
    known = set(re.findall(r'"(--[a-z-]+)"', source + verbs))
    of_others = {"--create-home", "--no-cache-dir", "--chown", "--stop-timeout", "--unix-socket", "--help"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page(name))) - of_others <= known
    fields = {f"LIVEGRAPH_{field.upper()}" for field in ServerSection.__dataclass_fields__}
    assert set(re.findall(r"LIVEGRAPH_[A-Z_]+", page(name))) <= fields


def test_every_setting_is_an_option_and_a_variable() -> None:
    """What the section ``server`` has can be said on the command line and in the environment."""
    source = (ROOT / "cli/server_options.py").read_text("utf-8")
    options = set(re.findall(r'"--([a-z-]+)(?:/--no-[a-z-]+)?"', source))
    assert {field.replace("_", "-") for field in ServerSection.__dataclass_fields__} == options


@pytest.mark.parametrize("name", PAGES)
def test_files_exist(name: str) -> None:
    """Files of the repository that a page names are there, and so are the pages it links to."""
    text = page(name)
    for path in re.findall(r"`((?:examples|deploy|benchmarks|tests)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\(([\w.-]+\.md)\)", text):
        assert (ROOT / "docs" / path).exists(), path


@pytest.mark.parametrize("name", ["embedding", "security"])
def test_python_compiles(name: str) -> None:
    """Its code is Python, and the names that it imports from livegraph are there."""
    for block in blocks(name, "python"):
        tree = ast.parse(re.sub(r"^(return|await) ", "", block, flags=re.MULTILINE))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("livegraph"):
                module = __import__(node.module or "", fromlist=["x"])
                assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.timeout(120)
def test_the_program_of_the_embedding_page_answers_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pieces, one after the other, with the reader's own sessions and accounts, are an application that works."""
    monkeypatch.chdir(tmp_path)
    inputs = "inputs: {customer: {default: ''}, greeting: {default: ''}}\n"
    (tmp_path / "desk.yaml").write_text(f"version: 1\n{inputs}pipeline: [webrtc_in, webrtc_out]\n")

    class Database:
        """The reader's."""

    class Sessions:
        async def user(self, cookie: str | None) -> Any:
            return SimpleNamespace(id="ada", number="17") if cookie else None

    class Offer(BaseModel):
        sdp: str

    scope: dict[str, Any] = {
        **{"sessions": Sessions(), "accounts": SimpleNamespace(balance={"17": "3.50"}.get)},
        **{"Database": Database, "database": Database(), "keep": lambda event: None, "Offer": Offer},
        "agent": load_agent("desk.yaml"),
    }
    for block in blocks("embedding", "python"):
        exec(compile(block, "embedding.md", "exec", dont_inherit=True), scope)
    request = Request({"type": "http", "headers": [(b"cookie", b"session=1")]})

    async def run() -> None:
        assert dict((await scope["authorize"](request)).inputs) == {"customer": "17"}
        assert await scope["authorize"](Request({"type": "http", "headers": []})) is None
        caller, app = Caller(None), httpx.ASGITransport(app=scope["app"])
        async with httpx.AsyncClient(transport=app, base_url="http://localhost") as page:
            reply = await page.post("/my/offer", json={"sdp": await caller.offer()})
            assert set(reply.json()) == {"sdp", "type", "pc_id"}
            answer = RTCSessionDescription(reply.json()["sdp"], "answer")
            await caller.pc.setRemoteDescription(answer)
            async with asyncio.timeout(60):
                await caller.opened.wait()
            (call,) = scope["desk"].calls()
            assert call["identity"] == "ada"
            await scope["desk"].end(call["id"])
            await scope["desk"].close()
            await caller.hang_up()

    asyncio.run(run())
    assert scope["balance"](SimpleNamespace(inputs={"customer": "17"})) == "3.50"


def test_the_ticket_of_the_page_is_one() -> None:
    """What the page's backend signs opens the server."""
    (block,) = blocks("security", "python")
    secret = b"0123456789abcdef0123456789abcdef"
    scope: dict[str, object] = {"SECRET": secret}
    exec(compile(block, "security.md", "exec"), scope)
    from livegraph.server.wall_clock import unix_seconds

    grant = Tickets(secret, unix_seconds).read(str(scope["ticket"]))
    assert (grant.identity, grant.agents, dict(grant.inputs)) == ("ada", ("desk",), {"customer": "17"})


def test_the_yaml_of_the_page_is_good(tmp_path: Path) -> None:
    """The agent with a section ``server`` passes the check, and the token file is read."""
    (agent,) = blocks("operating", "yaml")
    (tokens,) = blocks("operating", "yaml tokens.yaml")
    (tmp_path / "tokens.yaml").write_text(tokens)
    assert len(read_tokens(tmp_path / "tokens.yaml")) == 2
    report = check_text(agent, base_dir=tmp_path, file="desk.yaml")
    assert [str(found.problem) for found in report.diagnostics] == []
    assert report.resolved[0].agent.server.max_calls == 20


def test_the_unit_is_one() -> None:
    """systemd's own words, and a stop that waits for the drain."""
    (unit,) = blocks("deploying", "ini")
    read = configparser.ConfigParser(strict=True, interpolation=None)
    read.optionxform = str  # type: ignore[assignment]
    read.read_string(unit)
    assert int(read["Service"]["TimeoutStopSec"]) > 300
    assert read["Service"]["ExecStart"].split()[1] == "run"
    if shutil.which("systemd-analyze"):
        assert "ExecStart" in unit


def test_the_proxy_of_the_page_is_taken_by_nginx(tmp_path: Path) -> None:
    """Where nginx is installed it reads the configuration."""
    (block,) = blocks("deploying", "nginx")
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in block
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    plain = "\n".join(line for line in block.splitlines() if "ssl_certificate" not in line)
    plain = plain.replace("listen 443 ssl;", "listen 127.0.0.1:18443;")
    file = tmp_path / "nginx.conf"
    file.write_text(
        f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{ access_log off; error_log stderr;\n{plain}\n}}\n"
    )
    done = subprocess.run(["nginx", "-t", "-c", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
