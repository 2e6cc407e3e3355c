"""What `README.md` shows is so, and the pages that it leads to name every verb and benchmark."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from livegraph.cli.app import app
from livegraph.language import check_text

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The examples in a language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("agent", blocks("yaml"), ids=["short", "linear", "graph"])
def test_the_agents_are_right(agent: str, tmp_path: Path) -> None:
    """Nothing is to be said about them, and the tools beside them are the ones shown."""
    (tmp_path / "tools.py").write_text(blocks("python")[0], "utf-8")
    report = check_text(agent, base_dir=tmp_path)
    assert report.diagnostics == ()
    assert report.agent is not None


def test_the_program_prints_what_it_is_said_to_print(tmp_path: Path) -> None:
    """In a process of its own, from anywhere."""
    program = tmp_path / "program.py"
    program.write_text(blocks("python")[1], "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", program, ROOT / "configs" / "amiable.wav"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == blocks("text")[0]


def test_every_verb_is_told_of() -> None:
    """The table of the page has the command's verbs, all and no other; the README's are among them."""
    verbs = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    table = (ROOT / "docs/commands.md").read_text("utf-8")
    assert set(re.findall(r"^\| `livegraph (\w+)", table, re.MULTILINE)) == verbs
    shown = set(re.findall(r"^    livegraph (\w+)", TEXT, re.MULTILINE))
    assert shown
    assert shown <= verbs


def test_it_fits_on_two_screens() -> None:
    """Whoever comes by reads it to its end; everything else is a page of its own."""
    assert len(TEXT.splitlines()) <= 160


def test_what_is_named_is_there() -> None:
    """Files and folders."""
    named = re.findall(r"`((?:docs|examples|benchmarks|configs|audio|tests)/[\w./]*)`", TEXT)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_benchmark_is_told_of() -> None:
    """In the table of their page."""
    benchmarks = {path.name for path in (ROOT / "benchmarks").glob("bench_*.py")}
    table = (ROOT / "benchmarks/README.md").read_text("utf-8")
    assert benchmarks == set(re.findall(r"^\| `(bench_\w+\.py)`", table, re.MULTILINE))
