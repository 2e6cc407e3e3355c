"""A change counts when it has come to rest, by what is in the files, and once."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from livegraph.cli.watching import Watch, look


def watching(*files: Path) -> Watch:
    watch = Watch()
    watch.loaded(files, {})
    return watch


def settled(watch: Watch, *files: Path) -> bool:
    return watch.settled(look(files, watch.last))


def test_a_change_counts_when_it_was_the_same_twice(tmp_path: Path) -> None:
    """And goes on counting until somebody has loaded it."""
    file = tmp_path / "a.yaml"
    file.write_text("one")
    watch = watching(file)
    assert not settled(watch, file)
    for text in ("", "tw", "two"):
        file.write_text(text)
        assert not settled(watch, file), "it may not be written to its end"
    assert settled(watch, file)
    assert settled(watch, file)
    watch.loaded([file], watch.last)
    assert not settled(watch, file)


def test_content_counts_and_not_the_time(tmp_path: Path) -> None:
    """Saved again without a change, or changed and changed back: nothing to load."""
    file = tmp_path / "a.yaml"
    file.write_text("one")
    watch = watching(file)
    os.utime(file, ns=(1, 1))
    assert not settled(watch, file) and not settled(watch, file)
    file.write_text("two")
    assert not settled(watch, file)
    file.write_text("one")
    assert not settled(watch, file) and not settled(watch, file)


def test_files_come_and_go(tmp_path: Path) -> None:
    """One that appears, disappears, or cannot be read is a change; a folder in its place is no file."""
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("one")
    watch = watching(one)
    two.write_text("two")
    assert not settled(watch, one, two)
    assert settled(watch, one, two)
    watch.loaded([one, two], watch.last)
    two.unlink()
    two.mkdir()
    assert not settled(watch, one, two)
    assert settled(watch, one, two)
    watch.loaded([one], watch.last)
    assert not settled(watch, one) and not settled(watch, one)


def test_what_changes_while_it_is_loaded_is_loaded_again(tmp_path: Path) -> None:
    """What counts as loaded is how it was before; a file that was found on the way counts as it is now."""
    main, included = tmp_path / "main.yaml", tmp_path / "included.yaml"
    main.write_text("one")
    included.write_text("part")
    watch = watching(main)
    seen = look([main], watch.last)
    main.write_text("two")
    watch.loaded([main, included], seen)
    assert not settled(watch, main, included)
    assert settled(watch, main, included)
    watch.loaded([main, included], watch.last)
    assert not settled(watch, main, included) and not settled(watch, main, included)


@given(st.lists(st.sampled_from(["edit", "back", "touch", "remove", "look", "load"]), max_size=30))
def test_it_is_settled_exactly_when_it_rests_and_differs(steps: list[str]) -> None:
    """Whatever happens in between."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a"
        file.write_text("0")
        watch = watching(file)
        loaded: str | None = "0"
        before: str | None = "0"
        for number, step in enumerate(steps, 1):
            if step in ("edit", "back"):
                file.write_text(f"{number}" if step == "edit" else "0")
            elif step == "touch" and file.exists():
                os.utime(file, ns=(number, number))
            elif step == "remove":
                file.unlink(missing_ok=True)
            now = file.read_text() if file.exists() else None
            if step == "load":
                watch.loaded([file], look([file], watch.last))
                loaded = before = now
            elif step == "look":
                assert settled(watch, file) == (now == before and now != loaded)
                before = now
