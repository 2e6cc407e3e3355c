"""The programs in the pages for those who write Python: they run as they stand, and their boxes are well declared."""

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from livegraph.pipeline import Processor
from livegraph.pipeline.processor import ports_of

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = ("several-streams.md", "write-a-processor.md")
_BLOCK = re.compile(r"^```python ?(?P<file>[\w.]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_PROGRAMS = [
    pytest.param(page, match["text"], id=f"{page}-{number}")
    for page in _PAGES
    if (_ROOT / "docs" / page).exists()
    for number, match in enumerate(_BLOCK.finditer((_ROOT / "docs" / page).read_text("utf-8")))
]


@pytest.mark.parametrize(("page", "program"), _PROGRAMS)
def test_it_runs_as_it_stands(
    page: str, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that import a module of the page find it; tests in them are run too."""
    for name, text in _modules(page).items():
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    module = ModuleType("program")
    monkeypatch.setitem(sys.modules, "program", module)
    exec(compile(program, page, "exec"), vars(module))
    for name, value in list(vars(module).items()):
        if isinstance(value, type) and issubclass(value, Processor) and value.__module__ == "program":
            ports_of(value)
        if name.startswith("test_") and not _needs_pytest(program, name):
            value()
    for name in _modules(page):
        sys.modules.pop(name.removesuffix(".py"), None)


@pytest.mark.parametrize("page", [page for page in _PAGES if (_ROOT / "docs" / page).exists()])
def test_its_tests_pass(page: str, tmp_path: Path) -> None:
    """As pytest runs them, with warnings as errors and no configuration."""
    for name, text in _modules(page).items():
        (tmp_path / name).write_text(text)
    tests = [
        param.values[1]
        for param in _PROGRAMS
        if param.values[0] == page and "def test_" in str(param.values[1])
    ]
    for number, text in enumerate(tests):
        (tmp_path / f"test_{number}.py").write_text(str(text))
    if not tests:
        return
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "skipped" not in done.stdout, done.stdout + done.stderr


def _modules(page: str) -> dict[str, str]:
    text = (_ROOT / "docs" / page).read_text("utf-8")
    return {match["file"]: match["text"] for match in _BLOCK.finditer(text) if match["file"]}


def _needs_pytest(program: str, name: str) -> bool:
    """Whether a test takes fixtures, is parametrised or is async: pytest's affair."""
    return re.search(rf"(@pytest[^\n]*\n)+(async )?def {name}\b|def {name}\((?!\))", program) is not None
