"""docs/testing-agents.md shows what the command really prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from support.agent_files import UPDATE
from support.command import livegraph

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "testing-agents.md"
_BLOCK = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_TOOK = re.compile(r" in \d+\.\d s")
_TIME = re.compile(r"\b\d+\.\d{3}\b")
_TOLERANCE_S = 0.005
"""Voice and ears compute with floats, and another processor rounds them otherwise."""


def _same(one: str, other: str) -> bool:
    """Whether two outputs tell the same, but for what they took and for a moment's last digits."""
    one, other = _TOOK.sub("", one), _TOOK.sub("", other)
    if _TIME.sub("", one) != _TIME.sub("", other):
        return False
    times = zip(_TIME.findall(one), _TIME.findall(other), strict=True)
    return all(abs(float(here) - float(there)) <= _TOLERANCE_S for here, there in times)


def test_commands_print_what_the_page_says(tmp_path: Path) -> None:
    """Its files are written, its commands are run; how long they take is nobody's concern.

    `LIVEGRAPH_UPDATE=1` writes the page anew.
    """
    pytest.importorskip("hibari")
    pytest.importorskip("moonshine_voice")
    page = _PAGE.read_text("utf-8")
    made = page
    ran = 0
    for block in _BLOCK.finditer(page):
        language, *name = block["info"].split() or [""]
        if name and "." in name[0]:
            (tmp_path / name[0]).write_text(block["text"], "utf-8")
        elif language == "console":
            command = block["text"].splitlines()[0]
            _, *arguments = shlex.split(command.removeprefix("$ "))
            printed = livegraph(*arguments, cwd=tmp_path).stdout.rstrip("\n")
            text = f"{command}\n{printed}\n"
            if not _same(text, block["text"]):
                made = made.replace(block["text"], text)
            ran += 1
    assert ran
    if UPDATE:
        _PAGE.write_text(made, "utf-8")
        page = made
    assert made == page, (
        "testing-agents.md is not current: LIVEGRAPH_UPDATE=1 pytest tests/testing/agents/test_docs.py"
    )
