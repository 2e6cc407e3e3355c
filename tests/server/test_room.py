"""How many calls fit: measured on this machine, and never more than its share of a core bears."""

from __future__ import annotations

from pathlib import Path

import pytest

from livegraph.server.limits.room import Room, cores, measure_room, memory_bytes


def test_a_slower_machine_has_room_for_fewer() -> None:
    """Half the speed, half the calls; less than a core, less; and always some."""
    fast, slow = Room(4.0, 100_000), Room(4.0, 200_000)
    assert fast.calls == 35 and slow.calls == 17
    assert Room(64.0, 100_000).calls == fast.calls
    assert Room(0.5, 100_000).calls == 17
    assert Room(0.01, 10_000_000).calls == 2
    assert Room(8.0, 1).calls == 200


@pytest.mark.parametrize(
    ("text", "share"), [("50000 100000", 0.5), ("max 100000", None), ("nonsense", None), ("1 0", None)]
)
def test_the_share_of_a_container_counts(tmp_path: Path, text: str, share: float | None) -> None:
    """A limit below the machine's cores is what there is; none, and one that cannot be read, is no limit."""
    (tmp_path / "cpu.max").write_text(text)
    unlimited = cores(tmp_path / "missing")
    assert unlimited >= 1
    assert cores(tmp_path / "cpu.max") == (unlimited if share is None else share)


def test_this_machine_is_measured_once() -> None:
    """The figure is that of this machine, and stays while the process runs."""
    room = measure_room()
    assert room.packet_ns > 1_000
    assert measure_room() is room
    assert str(room.calls) in str(room)


@pytest.mark.parametrize(("text", "bound"), [("1000000", 1_000_000), ("max", None), ("", None)])
def test_the_memory_of_a_container_counts(tmp_path: Path, text: str, bound: int | None) -> None:
    """What its limit says where it has one, else what the machine has."""
    (tmp_path / "memory.max").write_text(text)
    whole = memory_bytes(tmp_path / "missing")
    assert whole is not None and whole > 1_000_000
    assert memory_bytes(tmp_path / "memory.max") == (bound or whole)
