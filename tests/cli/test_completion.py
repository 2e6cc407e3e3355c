"""A shell completes commands, options, choices and agents."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import livegraph


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_every_shell(shell: str) -> None:
    """Which asks the command itself."""
    script = livegraph(_LIVEGRAPH_COMPLETE=f"source_{shell}").stdout
    assert "_LIVEGRAPH_COMPLETE" in script


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("ch", {"chat", "check"}),
        ("graph --for", {"--format"}),
        ("graph --format s", {"svg"}),
        ("call rec", {"receptionist"}),
        ("chat my", {"my_agent.yaml"}),
        ("run fold", {"folder/"}),
        ("run folder/", {"folder/other.yml"}),
        ("check nothing/", set()),
    ],
)
def test_what_is_offered(tmp_path: Path, words: str, offered: set[str]) -> None:
    """Exactly that."""
    (tmp_path / "folder").mkdir()
    for name in ("my_agent.yaml", "my_notes.txt", ".hidden.yaml", "folder/other.yml"):
        (tmp_path / name).write_text("version: 1\n")
    variables = {
        "_LIVEGRAPH_COMPLETE": "complete_bash",
        "COMP_WORDS": f"livegraph {words}",
        "COMP_CWORD": str(len(words.split())),
    }
    done = livegraph(cwd=tmp_path, **variables)
    assert set(done.stdout.split()) == offered
