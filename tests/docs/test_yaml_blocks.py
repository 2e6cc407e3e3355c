"""Every block of YAML in the documentation is checked.

After the word `yaml` of a block may stand: nothing (an agent without a fault), `fragment` (a part of one), `brain` or
`scenario` (a script of the simulator), or codes (exactly these faults; a block of text right below is what check
prints). A block `python tools.py` lies beside those that follow it in its document.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from livegraph.language.source import parse_document
from livegraph.simulator import parse_brain, parse_scenario
from support.agent_files import UPDATE, checked, codes_of, rendered

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = sorted(
    [
        _ROOT / "README.md",
        _ROOT / "CONTRIBUTING.md",
        *(_ROOT / "docs").rglob("*.md"),
        *(_ROOT / "examples").rglob("*.md"),
    ]
)
_BLOCK = re.compile(
    r"^(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    marks: tuple[str, ...]
    text: str
    said: tuple[int, int] | None = None
    """Where in the page the block of text stands that follows it."""
    files: dict[str, str] = field(default_factory=dict)

    @property
    def codes(self) -> list[str]:
        return [mark for mark in self.marks if mark.startswith("LG")]


def _blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    matches = list(_BLOCK.finditer(text))
    found: list[Block] = []
    # The first program of a page is what its agents call tools.py, unless it says another name.
    programs = [match["text"] for match in matches if match["info"].strip() == "python"]
    files = {"tools.py": programs[0]} if programs else {}
    for index, match in enumerate(matches):
        language, *marks = match["info"].split() or [""]
        if marks and "." in marks[0]:
            files[marks[0]] = match["text"]
        if language not in ("yaml", "yml") or (marks and "." in marks[0]):
            continue
        below = matches[index + 1] if index + 1 < len(matches) else None
        follows = (
            below is not None
            and below["info"].strip() == "text"
            and len(re.findall(r"\S+", text[match.end() : below.start()])) <= 3
        )
        said = (below.start("text"), below.end("text")) if below is not None and follows else None
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, line, tuple(marks), match["text"], said, dict(files)))
    return found


_ALL = [block for page in _PAGES for block in _blocks(page)]
_IDS = [f"{block.page.relative_to(_ROOT)}:{block.line}" for block in _ALL]


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("block", _ALL, ids=_IDS)
def test_blocks_are_what_they_are_marked_as(block: Block, tmp_path: Path) -> None:
    if "fragment" in block.marks:
        assert not parse_document(block.text).faults
        return
    if block.marks == ("brain",):
        assert parse_brain(block.text).rules
        return
    if block.marks == ("scenario",):
        # The brain that it may name is a file of the reader's own.
        assert parse_scenario(re.sub(r"(?m)^brain:.*$", "", block.text)).scenes
        return
    assert set(block.marks) == set(block.codes), f"what is {block.marks}?"
    env = any(code.startswith("LG6") for code in block.codes)
    report = checked(block.text, tmp_path, block.files, env=env)
    assert codes_of(report) == block.codes, rendered(report, tmp_path)


def test_what_is_said_of_wrong_blocks_is_what_check_prints(tmp_path: Path) -> None:
    """`LIVEGRAPH_UPDATE=1 pytest tests/docs` writes it anew."""
    for page in _PAGES:
        old = text = page.read_text("utf-8")
        for number, block in reversed(list(enumerate(_blocks(page)))):
            if block.said is None or not block.codes:
                continue
            folder = tmp_path / f"{page.stem}_{number}"
            folder.mkdir()
            env = any(code.startswith("LG6") for code in block.codes)
            said = rendered(checked(block.text, folder, block.files, env=env), folder)
            text = text[: block.said[0]] + said + text[block.said[1] :]
        if UPDATE and text != old:
            page.write_text(text, "utf-8")
            old = text
        assert text == old, page.name


def test_there_are_blocks() -> None:
    """The pattern has not stopped to find them."""
    assert len(_ALL) > 100
