"""Broken files and what is said of them: code, line and column by hand, the whole text as a snapshot.

A file of `tests/gallery` ends with its faults, `#: CODE line:column`; the text beside it is what a person sees.
`LIVEGRAPH_UPDATE=1 pytest tests/docs` writes the texts anew: read them, they are the product.
"""

import re
import shutil
from pathlib import Path

import pytest

from livegraph.cli.examining import Checked
from support.agent_files import UPDATE, checked, rendered

_GALLERY = Path(__file__).resolve().parents[1] / "gallery"
_FILES = sorted(_GALLERY.glob("*.yaml"))
_EXPECTED = re.compile(r"^#: (LG\d{3}) (\d+):(\d+)$", re.MULTILINE)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRACTICE", "Riverside Dental")
    for name in ("PRACTISE", "PROJECT_ID", "SEED", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def _said(path: Path, folder: Path) -> Checked:
    shutil.copytree(_GALLERY / "boxes", folder / "boxes")
    return checked(path.read_bytes(), folder)


def test_the_gallery_is_large() -> None:
    assert len(_FILES) >= 60


@pytest.mark.parametrize("path", _FILES, ids=[path.stem for path in _FILES])
def test_every_fault_is_found_where_it_is(path: Path, tmp_path: Path) -> None:
    """Exactly these faults, in this order, and none that only follows from another."""
    expected = [(code, int(line), int(column)) for code, line, column in _EXPECTED.findall(path.read_text())]
    found = _said(path, tmp_path).found
    assert [(one.problem.code, one.span.line, one.span.column) for one in found] == expected
    assert expected


@pytest.mark.parametrize("path", _FILES, ids=[path.stem for path in _FILES])
def test_the_text_is_as_reviewed(path: Path, tmp_path: Path) -> None:
    text = rendered(_said(path, tmp_path), tmp_path)
    snapshot = path.with_suffix(".txt")
    if UPDATE:
        snapshot.write_text(text, "utf-8")
    assert text == snapshot.read_text("utf-8")


def test_no_text_is_left_of_a_file_that_is_gone() -> None:
    assert {path.stem for path in _GALLERY.glob("*.txt")} == {path.stem for path in _FILES}


@pytest.mark.parametrize("path", _FILES, ids=[path.stem for path in _FILES])
def test_messages_are_sentences_that_fit(path: Path, tmp_path: Path) -> None:
    """One line, no full stop at its end, no Python in it."""
    for found in _said(path, tmp_path).found:
        message = found.problem.message
        assert "\n" not in message and len(message) < 160, message
        assert not message.endswith("."), message
        assert not re.search(r"<class|object at 0x|NoneType|Traceback", message), message
        assert len(found.problem.hint) < 200 or "voices:" in found.problem.hint, found.problem.hint
