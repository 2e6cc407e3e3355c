"""A file is one module for as long as its content is the same, and whoever keeps a module keeps it."""

import os
import sys
from pathlib import Path

import pytest

from livegraph.pipeline import ConfigError
from livegraph.pipeline.graph.modules import (
    file_module,
    forget_changed,
    import_reference,
    keeping,
    recording,
)


def answer(file: Path) -> object:
    return import_reference(str(file), file.name).answer


def test_a_file_is_imported_once(tmp_path: Path) -> None:
    """Until somebody looks at the files again; then only what has changed is another module."""
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("answer = object()\n")
    two.write_text("answer = object()\n")
    first, second = answer(one), answer(two)
    one.write_text("answer = 'new'\n")
    assert answer(one) is first
    forget_changed()
    assert answer(one) == "new"
    assert answer(two) is second


def test_the_content_counts_not_the_age_and_not_the_size(tmp_path: Path) -> None:
    """Bytecode of the same second and size is no reason to run old code, and none is left beside the file."""
    file = tmp_path / "tool.py"
    for number in range(3):
        file.write_text(f"answer = {number}\n")
        os.utime(file, (1_700_000_000, 1_700_000_000))
        forget_changed()
        assert answer(file) == number
    assert [entry.name for entry in tmp_path.iterdir()] == ["tool.py"]


def test_who_keeps_a_module_keeps_it(tmp_path: Path) -> None:
    """Old and new side by side, and each is found by its name."""
    file = tmp_path / "tool.py"
    file.write_text("class Box: ...\nanswer = 1\n")
    old = import_reference(str(file), "tool.py")
    file.write_text("class Box: ...\nanswer = 2\n")
    forget_changed()
    with keeping({file.resolve(): old}):
        assert answer(file) == 1
        forget_changed()
        assert answer(file) == 1
    assert answer(file) == 2
    for number, module in ((1, old), (2, import_reference(str(file), "tool.py"))):
        assert file_module(module.Box.__module__) == (file.resolve(), module)
        assert sys.modules[module.__name__].answer == number
    assert file_module("livegraph.pipeline.graph.modules") is None


def test_a_file_that_broke(tmp_path: Path) -> None:
    """Is a fault for whoever asks for it now, and none for whoever keeps it; mended it is what it was."""
    file = tmp_path / "tool.py"
    file.write_text("answer = object()\n")
    first = import_reference(str(file), "tool.py")
    for broken in ("answer = \n", "raise RuntimeError('no')\n", "import no_such_module_anywhere\n"):
        file.write_text(broken)
        forget_changed()
        with pytest.raises(ConfigError):
            answer(file)
        with keeping({file.resolve(): first}):
            assert answer(file) is first.answer
    file.unlink()
    with pytest.raises(ConfigError, match="there is no file"):
        answer(file)
    file.write_text("answer = object()\n")
    assert import_reference(str(file), "tool.py") is first


def test_what_was_asked_for_is_recorded(tmp_path: Path) -> None:
    """Also what is not there and what is broken: mending it is a change as well."""
    good, bad, missing = (tmp_path / f"{name}.py" for name in ("good", "bad", "missing"))
    good.write_text("answer = 1\n")
    bad.write_text("1 / 0\n")
    with recording() as outer:
        with recording() as inner:
            answer(good)
        for file in (bad, missing):
            with pytest.raises(ConfigError):
                answer(file)
    module = import_reference(str(good), "good.py")
    assert inner == {good.resolve(): module}
    assert outer == {good.resolve(): module, bad.resolve(): None, missing.resolve(): None}
