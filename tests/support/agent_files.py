"""Agent files as `livegraph check` sees them, for tests of what it says."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from livegraph.cli.examining import Checked, examine
from livegraph.language import render

__all__ = ["UPDATE", "checked", "codes_of", "rendered"]

UPDATE = os.environ.get("LIVEGRAPH_UPDATE") == "1"
"""Whether tests write what they would compare with: texts that are made of other files, and snapshots."""

_HOME = "/home/you/agent"


def checked(
    text: str | bytes, folder: Path, files: Mapping[str, str] | None = None, *, env: bool = False
) -> Checked:
    """The report for ``text`` as `agent.yaml` in ``folder``, with ``files`` beside it."""
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    (folder / "agent.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with contextlib.chdir(folder):
        return examine("agent.yaml", surroundings=env)


def codes_of(report: Checked) -> list[str]:
    """The codes of a report, in its order."""
    return [found.problem.code for found in report.found]


def rendered(report: Checked, folder: Path) -> str:
    """The report as text, the same on every machine."""
    text = render(report.found).replace(str(folder.resolve()), _HOME).replace(str(folder), _HOME)
    return "".join(line.rstrip() + "\n" for line in text.splitlines())
