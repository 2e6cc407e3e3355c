"""Calls that share `save_history` have a file each; a store of the program's is told of every call."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from livegraph.pipeline import SECOND
from livegraph.processors.gemini_live.dialogue.history_store import history_path, path_fault
from support.live_room import converse, listen
from support.live_server import Connection, talk


def test_each_call_has_a_file_of_its_own() -> None:
    now = round(datetime(2026, 11, 28, 21, 45, tzinfo=UTC).timestamp()) * SECOND
    made = history_path(Path("calls/{time}-{caller}-{call_id}.jsonl"), "call-7", "ada@example.org", now)
    assert made == Path("calls/20261128T214500Z-ada@example.org-call-7.jsonl")
    assert history_path(Path("{caller}.jsonl"), "c", "", now) == Path("unknown.jsonl")


def test_who_calls_cannot_choose_a_folder() -> None:
    """Whatever a caller is named, it is a part of one name."""
    assert history_path(Path("calls/{caller}.jsonl"), "c", "../../etc/passwd", 0) == Path(
        "calls/_.._etc_passwd.jsonl"
    )


def test_an_unknown_field_is_named() -> None:
    assert "`{user}`" in path_fault(Path("{user}.jsonl")) and path_fault(Path("{call_id}.jsonl")) == ""


def test_the_file_of_a_call(tmp_path: Path) -> None:
    async def script(server: Connection) -> None:
        await server.accept()
        await talk(server, "Good morning.")

    converse(listen, script, save_history=tmp_path / "{call_id}.jsonl")
    assert "Good morning." in (tmp_path / "call-test.jsonl").read_text("utf-8")
