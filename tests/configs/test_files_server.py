"""The MCP server of the help desk gives the files of its folder, and nothing that lies elsewhere."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.server.mcpserver.exceptions import ToolError

from livegraph.configs.files_server import Folder, make_server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a text, a long one, a picture, something else; hidden files, and links that lead out."""
    root = tmp_path / "files"
    (root / "below").mkdir(parents=True)
    (tmp_path / "secret.md").write_text("the secret")
    (root / "a.md").write_text("# Screens\n\nA black screen is dark.\n\nOther words.")
    (root / "below" / "long.txt").write_text("x" * 8_000 + "y" * 10)
    (root / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(8))
    (root / "blob.bin").write_bytes(b"\xff\x00")
    (root / ".env").write_text("KEY=1")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("x")
    (root / "out.md").symlink_to(tmp_path / "secret.md")
    (root / "up").symlink_to(tmp_path, target_is_directory=True)
    (root / "loop").symlink_to(root / "loop")
    return root


def call(root: Path, tool: str, /, **args: Any) -> Any:
    """What the server answers."""

    async def main() -> Any:
        async with Client(make_server(root)) as client:
            return await client.call_tool(tool, args)

    return asyncio.run(main())


def test_it_lists_finds_and_reads(folder: Path) -> None:
    listed = call(folder, "list_files").structured_content["result"]
    assert listed == ["a.md", "below/long.txt", "blob.bin", "p.png"]
    assert call(folder, "list_files", folder_name="below").structured_content["result"] == ["below/long.txt"]
    [found] = call(folder, "search_files", words="a BLACK screen").structured_content["result"]
    assert found == "a.md: A black screen is dark."
    assert call(folder, "search_files", words="nothing-like-it").structured_content["result"] == []
    assert call(folder, "read_file", name="/a.md").content[0].text.startswith("# Screens")
    assert call(folder, "read_file", name="p.png").content[0].mime_type == "image/png"
    first = call(folder, "read_file", name="below/long.txt").content[0].text
    assert first.endswith("[10 more characters: begin at 8000]")
    assert call(folder, "read_file", name="below/long.txt", begin=8_000).content[0].text == "y" * 10


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../secret.md", "not in the folder"),
        ("below/../../secret.md", "not in the folder"),
        ("up/secret.md", "not in the folder"),
        ("out.md", "not in the folder"),
        (".env", "not in the folder"),
        (".git/config", "not in the folder"),
        ("/etc/passwd", "no file"),
        ("a.md\0.png", "cannot hold that"),
        ("loop", ""),
        ("x" * 5_000, ""),
        ("below", "no file"),
        ("blob.bin", "no text"),
        ("gone.md", "no file"),
        ("", "no file"),
    ],
)
def test_what_is_elsewhere_is_not_read(folder: Path, name: str, told: str) -> None:
    answer = call(folder, "read_file", name=name)
    assert answer.is_error and told in answer.content[0].text
    assert "the secret" not in str(answer) and "KEY=1" not in str(answer)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.text(max_size=20)
    | st.lists(st.sampled_from(["..", "up", "/", "a.md", ".", "~", "\\"])).map("/".join)
)
def test_no_name_leads_out(folder: Path, name: str) -> None:
    try:
        path = Folder(folder).inside(name)
    except ToolError:
        return
    assert path.is_relative_to(folder.resolve())
