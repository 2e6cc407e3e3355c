"""Calls that share `save_history` have a file each."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.live_room import converse, listen
from support.live_server import Connection, talk


@pytest.mark.parametrize("name", ["{call_id}.jsonl", "{{call.date}}/{{call.id}}.jsonl"])
def test_the_file_of_a_call(tmp_path: Path, name: str) -> None:
    """By the present form and the older one; folders of a name are made."""

    async def script(server: Connection) -> None:
        await server.accept()
        await talk(server, "Good morning.")

    converse(listen, script, save_history=tmp_path / name)
    (made,) = tmp_path.rglob("call-test.jsonl")
    assert "Good morning." in made.read_text("utf-8")
    assert made.stat().st_mode & 0o077 == 0
