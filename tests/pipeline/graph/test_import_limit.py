"""An import that never returns is ended, with where it was; what the file leaves behind is nothing."""

import logging
import signal
import threading
from pathlib import Path

import pytest

from livegraph.pipeline.errors import ConfigError
from livegraph.pipeline.graph import import_limit
from livegraph.pipeline.graph.modules import import_reference


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test can wait for."""
    monkeypatch.setattr(import_limit, "_SLOW_S", 0.05)
    monkeypatch.setattr(import_limit, "LIMIT_S", 0.3)
    monkeypatch.setattr(import_limit, "_AGAIN_S", 0.1)


LOOP = "def go():\n    while True: pass\n\ngo()\n"
WAIT = "import time\n\ntime.sleep(600)\n"
SWALLOW = """\
import time
for _ in range(2):
    try:
        time.sleep(600)
    except BaseException:
        pass
"""


def fault_of(file: Path) -> str:
    """What is said of it."""
    with pytest.raises(ConfigError) as fault:
        import_reference(str(file), file.name)
    (problem,) = fault.value.problems
    assert problem.code == "LG111"
    return f"{problem.message} ({problem.hint})"


@pytest.mark.parametrize(("source", "line"), [(LOOP, 2), (WAIT, 3)], ids=["loop", "wait"])
def test_an_import_that_never_returns_is_ended_and_named(
    tmp_path: Path, source: str, line: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A loop, and a wait outside of Python: before it ends it is said to be slow, and where it is."""
    file = tmp_path / "tools.py"
    file.write_text(source)
    before = signal.getsignal(signal.SIGURG)
    with caplog.at_level(logging.WARNING, "livegraph.pipeline"):
        said = fault_of(file)
    assert "`tools.py` cannot be imported: it was not done after 0.3 s" in said
    assert f"it was at tools.py:{line}" in said
    assert f"takes long: it is at tools.py:{line}" in caplog.text
    assert signal.getsignal(signal.SIGURG) is before
    file.write_text("def well() -> str:\n    return 'well'\n")
    assert import_reference(str(file), file.name).well() == "well"


def test_one_that_catches_everything_is_ended_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as it goes on: here twice, and then it is done, late."""
    # So far apart that none comes between two tries.
    monkeypatch.setattr(import_limit, "_AGAIN_S", 1.0)
    file = tmp_path / "stubborn.py"
    file.write_text(SWALLOW + "done = True\n")
    assert import_reference(str(file), file.name).done


def test_in_another_thread_a_loop_is_ended(tmp_path: Path) -> None:
    """As files are read while calls are under way."""
    file = tmp_path / "tools.py"
    file.write_text(LOOP)
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(fault_of(file)), daemon=True)
    thread.start()
    thread.join(30)
    assert "it was at tools.py:2" in said[0]


def test_an_import_that_is_in_time_leaves_no_thread(tmp_path: Path) -> None:
    """Whether it succeeds or fails."""
    before = threading.active_count()
    for number, source in enumerate(("x = 1\n", "raise ValueError\n")):
        file = tmp_path / f"one{number}.py"
        file.write_text(source)
        if number:
            assert "cannot be imported" in fault_of(file)
        else:
            assert import_reference(str(file), file.name).x == 1
    assert threading.active_count() == before
