"""The word after `use:` becomes a class, or a fault that says what to do."""

from pathlib import Path

import pytest

from livegraph.pipeline import ConfigError, In, Processor, TextFrame
from livegraph.pipeline.graph import registry


class Shout(Processor):
    """A box of this test."""

    text: In[TextFrame] = In()

    def on_text(self, frame: TextFrame) -> None:
        pass


BOX = """
from livegraph.pipeline import In, Processor, TextFrame

class MyBox(Processor):
    text: In[TextFrame] = In()

    def on_text(self, frame: TextFrame) -> None:
        pass

class Unheard(Processor):
    text: In[TextFrame] = In()

def plain(): ...
NUMBER = 3
"""


def fault(use: str, base_dir: Path | None = None) -> tuple[str, str, str]:
    with pytest.raises(ConfigError) as raised:
        registry.load(use, base_dir=base_dir)
    [problem] = raised.value.problems
    return problem.code, problem.message, problem.hint


def test_a_program_registers_its_own() -> None:
    registry.register("shout_test", Shout)
    try:
        assert registry.load("shout_test") is Shout
        assert registry.find("shout_test") is Shout
        assert "shout_test" in registry.names()
        registry.register("shout_test", Shout)
        with pytest.raises(ValueError, match="registered already"):
            registry.register("shout_test", Processor)
    finally:
        registry.unregister("shout_test")
    assert registry.find("shout_test") is None


def test_names_are_snake_case() -> None:
    with pytest.raises(ValueError, match="lower_snake_case"):
        registry.register("Shout", Shout)


def test_an_unknown_name_is_guessed() -> None:
    registry.register("shout_test", Shout)
    try:
        code, message, hint = fault("shoot-test")
    finally:
        registry.unregister("shout_test")
    assert (code, message) == ("LG110", "there is no processor `shoot-test`")
    assert hint == "did you mean `shout_test`?"


def test_a_class_of_a_file_beside_the_agent(tmp_path: Path) -> None:
    (tmp_path / "box.py").write_text(BOX)
    found = registry.load("./box.py:MyBox", base_dir=tmp_path)
    assert found.__name__ == "MyBox"
    assert registry.load("box.py:MyBox", base_dir=tmp_path) is found, "a file is imported once"


def test_the_only_processor_of_a_file_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / "single.py").write_text(BOX.partition("class Unheard")[0])
    assert registry.load("single.py", base_dir=tmp_path).__name__ == "MyBox"


def test_a_class_of_a_module() -> None:
    assert registry.load("livegraph.pipeline.processor:Processor") is Processor


def test_faults_of_files(tmp_path: Path) -> None:
    (tmp_path / "box.py").write_text(BOX)
    (tmp_path / "needs.py").write_text("import a_module_that_is_nowhere.sub\n")
    (tmp_path / "raises.py").write_text("x = 1\ny = 1 / 0\n")
    (tmp_path / "wrong.py").write_text("x = 1\ndef (\n")
    assert fault("bx.py:MyBox", tmp_path) == (
        "LG111",
        "there is no file `bx.py`",
        "did you mean `box.py`?",
    )
    assert fault("box.py:MyBx", tmp_path) == (
        "LG110",
        "`box.py` has no `MyBx`",
        "did you mean `MyBox`? processors in it: MyBox, Unheard",
    )
    assert fault("box.py", tmp_path)[:2] == ("LG110", "`box.py` does not say which class")
    assert fault("box.py:plain", tmp_path) == (
        "LG112",
        "`box.py:plain` is not a processor",
        "decorate it with @processor",
    )
    assert fault("box.py:NUMBER", tmp_path)[2] == "it must be a subclass of Processor"
    assert fault("box.py:Unheard", tmp_path)[0] == "LG112"
    assert fault("needs.py:X", tmp_path) == (
        "LG111",
        "`needs.py:X` needs the module `a_module_that_is_nowhere`, which is not installed",
        "pip install a_module_that_is_nowhere",
    )
    assert fault("raises.py:X", tmp_path) == (
        "LG111",
        "`raises.py:X` cannot be imported: ZeroDivisionError: division by zero",
        "raised at raises.py:2",
    )
    assert fault("wrong.py:X", tmp_path)[2] == "raised at wrong.py:2"


@pytest.mark.parametrize(
    "use",
    [
        "",
        ":",
        "a:b",
        ".:x",
        "a.b.C",
        "no_such_pkg.mod:X",
        "\0:x",
        "x\0.py:A",
        "~nobody_at_all/x.py:A",
        "a" * 5000 + ".py",
    ],
)
def test_whatever_is_written_is_a_fault_and_no_crash(use: str) -> None:
    assert fault(use)[0] in ("LG110", "LG111")


def test_an_entry_point_that_clashes_with_a_shipped_name_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The shipped box keeps its name; who brought the other is told how to write it."""
    info = tmp_path / "loud-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[livegraph.processors]\nresampler = loud.boxes:Resampler\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._entry_points.cache_clear()
    try:
        found = registry.find("resampler")
    finally:
        registry._entry_points.cache_clear()
    assert found is not None and found.__module__ == "livegraph.processors.resampler"
    (told,) = [r.getMessage() for r in caplog.records if "two processors are called" in r.getMessage()]
    assert "`resampler`" in told
    assert told.endswith("loud.boxes:Resampler of loud is not; write `use: loud.boxes:Resampler`")
