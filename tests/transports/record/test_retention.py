"""How long records are kept: by age on the clock that is given, whole, and nothing else with them."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from livegraph.pipeline import Graph, run_virtual
from livegraph.pipeline.units import SECOND
from livegraph.processors import AppIn, AppOut
from livegraph.server import Desk, ServedAgent
from livegraph.server.calls import rounds
from livegraph.server.metrics import Metrics
from livegraph.transports.record import Recorder
from livegraph.transports.record.retention import Retention, clear_out

DAY_NS = 24 * 3600 * SECOND
NOON_NS = 1_800_000_000 * SECOND


def keep(folder: Path, name: str, age_days: float, agent: str = "desk", partial: bool = False) -> None:
    """A record of two files that was written to for the last time so many days before noon."""
    folder.mkdir(parents=True, exist_ok=True)
    part = ".part" if partial else ""
    head = {"type": "record", "agent": agent, "audio": [f"{name}.flac"]}
    files = folder / f"{name}{part}.jsonl", folder / f"{name}{part}.flac"
    files[0].write_text(json.dumps(head) + "\n")
    files[1].write_bytes(b"x" * 1_000)
    for file in files:
        os.utime(file, (NOON_NS / SECOND - age_days * 86_400,) * 2)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("age_days", "stays"), [(0.0, True), (29.99, True), (30.01, False), (4_000.0, False)]
)
@pytest.mark.parametrize("below", [".", "2026-11-28", "a/b/c"])
def test_what_is_older_goes_whole(tmp_path: Path, age_days: float, stays: bool, below: str) -> None:
    """The sound and its lines, wherever below the folder; younger ones stay."""
    keep(tmp_path / below, "call-1", age_days)
    gone = clear_out(tmp_path, "desk", NOON_NS, keep_for_ns=30 * DAY_NS)
    assert (len(names(tmp_path)), len(gone)) == ((2, 0) if stays else (0, 2))


def test_time_passes(tmp_path: Path) -> None:
    """Day by day the clock goes on, and each record goes on its day."""
    for number in range(5):
        keep(tmp_path, f"call-{number}", age_days=number)
    left = []
    for day in range(6):
        Retention(tmp_path, "desk", 5 * DAY_NS + SECOND, None).apply(NOON_NS + day * DAY_NS)
        left.append(len(names(tmp_path)) // 2)
    assert left == [5, 5, 4, 3, 2, 1]


def test_nothing_else_goes(tmp_path: Path) -> None:
    """Another agent's records, other files, links, what a head names elsewhere, what is being written."""
    records, elsewhere = tmp_path / "records", tmp_path / "elsewhere"
    keep(records, "theirs", 99, agent="other")
    keep(records, "under_way", 0.5, partial=True)
    keep(elsewhere, "far", 99)
    (records / "notes.jsonl").write_text('{"type": "note"}\n')
    (records / "odd.jsonl").write_text("no json\n")
    (records / "empty.jsonl").write_text("")
    (records / "list.jsonl").write_text("[1]\n")
    (records / "link.jsonl").symlink_to(elsewhere / "far.jsonl")
    (records / "folder").symlink_to(elsewhere)
    evil = {
        "type": "record",
        "agent": "desk",
        "audio": ["../elsewhere/far.flac", "notes.jsonl", 7, "evil.flac"],
    }
    (records / "evil.jsonl").write_text(json.dumps(evil) + "\n")
    (records / "evil.flac").symlink_to(elsewhere / "far.flac")
    for file in records.iterdir():
        if not file.is_symlink() and file.stem != "under_way.part":
            os.utime(file, (1, 1))
    before = names(tmp_path)
    clear_out(records, "desk", NOON_NS, keep_for_ns=DAY_NS // 24)
    assert before - names(tmp_path) == {"records/evil.jsonl"}


def test_what_a_crash_left_goes_after_a_day(tmp_path: Path) -> None:
    """Not before: it may be a call that goes on."""
    keep(tmp_path, "crashed", 1.01, partial=True)
    keep(tmp_path, "running", 0.9, partial=True)
    clear_out(tmp_path, "desk", NOON_NS, keep_for_ns=DAY_NS // 24)
    assert names(tmp_path) == {"running.part.jsonl", "running.part.flac"}


def test_age_goes_first_then_room(tmp_path: Path) -> None:
    """With both, the oldest make room until the rest fits."""
    for number in range(6):
        keep(tmp_path, f"call-{number}", age_days=number)
    clear_out(tmp_path, "desk", NOON_NS, keep_for_ns=3 * DAY_NS + SECOND, max_size=2_200)
    assert {name[:6] for name in names(tmp_path)} == {"call-0", "call-1"}


def test_a_server_looks_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it opens and each hour, for agents whom nobody calls; on a clock of the test's."""

    async def main() -> None:
        graph = Graph("desk")
        graph.connect(graph.add("mic", AppIn), graph.add("ear", AppOut))
        graph.add(
            "record", Recorder, path=tmp_path / "{{call.date}}" / "{{call.id}}.flac", keep_for=2 * DAY_NS
        )
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        monkeypatch.setattr(rounds, "day_time_ns", lambda: NOON_NS + round((loop.time() - began_s) * SECOND))
        keep(tmp_path / "2026-11-01", "old", 3)
        keep(tmp_path / "2026-11-28", "soon", 1.9)
        keep(tmp_path / "2026-11-28", "later", 1)
        async with Desk([ServedAgent("desk", graph.plan(), "Desk")], max_calls=1, metrics=Metrics()):
            await asyncio.sleep(60)
            assert names(tmp_path) == {
                f"2026-11-28/{one}.{end}" for one in ("soon", "later") for end in ("flac", "jsonl")
            }
            await asyncio.sleep(3 * 3_600)
            assert names(tmp_path) == {"2026-11-28/later.flac", "2026-11-28/later.jsonl"}
            await asyncio.sleep(22 * 3_600)
            assert names(tmp_path) == set()

    run_virtual(main())
