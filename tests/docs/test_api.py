"""`docs/api.md` is what the docstrings say, and every public name has one."""

from pathlib import Path

from support.agent_files import UPDATE
from support.api_page import api_page, undocumented

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def test_the_page_is_current() -> None:
    """`LIVEGRAPH_UPDATE=1 pytest tests/docs/test_api.py` writes it anew."""
    text = api_page()
    if UPDATE:
        _PAGE.write_text(text, "utf-8")
    assert _PAGE.read_text("utf-8") == text


def test_every_public_name_is_described() -> None:
    """Classes, functions, and their public methods."""
    assert undocumented() == []
