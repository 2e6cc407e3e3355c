"""The documentation as a whole: every link leads somewhere, every page is found from the first, the site builds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

_ROOT = Path(__file__).resolve().parents[2]
_DOCS = _ROOT / "docs"
_PAGES = sorted(
    [_ROOT / "README.md", _ROOT / "CONTRIBUTING.md", _ROOT / "client/README.md", *_DOCS.rglob("*.md")]
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"`((?:docs|configs|examples|benchmarks|client|deploy)/[\w./-]+\.\w+)`")


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return _FENCED.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """The ids of its headings, as they are made for the web."""
    heads = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_link_leads_to_a_page_and_its_place(page: Path) -> None:
    """Links to pages here and to headings in them; files that are named in passing are there as well."""
    broken = []
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    broken += [name for name in _NAMED.findall(prose(page)) if not (_ROOT / name).exists()]
    assert broken == []


def test_every_page_is_in_the_index_and_in_the_site() -> None:
    """A page that nobody finds is not there."""
    pages = {str(page.relative_to(_DOCS)) for page in _DOCS.glob("*.md")} - {"index.md"}
    linked = set(_LINK.findall((_DOCS / "index.md").read_text("utf-8")))
    assert pages - linked == set()
    text = (_ROOT / "mkdocs.yml").read_text("utf-8")
    told = set(re.findall(r"[\w/-]+\.md", str(yaml.safe_load(text)["nav"])))
    assert pages - told == set()


def test_the_site_builds_and_needs_no_network_to_be_read(tmp_path: Path) -> None:
    """Nothing in it is fetched from elsewhere: no font, no script, no style."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert built.returncode == 0, built.stderr
    fetched = re.compile(
        r'<(?:script|img|iframe)[^>]+src="(https?:[^"]+)"|<link[^>]+rel="stylesheet"[^>]+href="(https?:[^"]+)"'
    )
    assert [
        fetched.findall(page.read_text("utf-8"))
        for page in tmp_path.rglob("*.html")
        if fetched.search(page.read_text("utf-8"))
    ] == []


def test_the_tutorial_works_as_it_stands(tmp_path: Path) -> None:
    """Its files pass the check that it names, its test goes well, and its graph is drawn."""
    text = (_DOCS / "tutorial.md").read_text("utf-8")
    for name, content in re.findall(r"^```\w+ (\S+\.\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    for verb in ("check", "test", "graph"):
        assert f"livegraph {verb} desk.yaml" in text
        done = subprocess.run(
            [sys.executable, "-c", "from livegraph.cli import main; main()", verb, "desk.yaml"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
