"""Agents by name: files that somebody names, and those that ship in ``configs/``."""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path

from ..pipeline.errors import NotFoundError
from ..pipeline.spelling import did_you_mean

__all__ = ["DEFAULT", "find_agent", "find_agents", "shipped_agents"]

DEFAULT = "voice_agent"
_ENDINGS = (".yaml", ".yml")


@functools.cache
def shipped_agents() -> dict[str, Path]:
    """The agents that come with livegraph, by name, the default one first."""
    folder = Path(str(resources.files("livegraph.configs")))
    # What stands beside an agent under its name (`receptionist.brain.yaml`, `echo_test.yaml`) is no agent.
    found = {
        path.stem: path
        for path in sorted(folder.glob("*.yaml"))
        if "." not in path.stem and not path.stem.endswith("_test")
    }
    return dict(sorted(found.items(), key=lambda item: (item[0] != DEFAULT, item[0])))


def find_agent(written: str) -> Path:
    """The file that ``written`` means: a path, or the name of a shipped agent. ``NotFoundError`` when it is neither."""
    path = Path(written)
    named = shipped_agents().get(written)
    if path.suffix in _ENDINGS or "/" in written or "\\" in written:
        if path.is_file():
            return path
        raise NotFoundError(
            f"there is no file {written}" if not path.exists() else f"{written} is not a file", _nearby(path)
        )
    if named is not None:
        return named
    if written == "-":
        raise NotFoundError(
            "an agent is not read from standard input", "write it to a file, for what it names lies beside it"
        )
    hint = did_you_mean(written, shipped_agents(), label="shipped agents")
    raise NotFoundError(f"there is no agent `{written}`", f"{hint}; a file of yours ends with .yaml")


def find_agents(written: str) -> list[Path]:
    """The files that ``written`` means: as ``find_agent``, or the agent files of a folder, by name.

    What a folder holds under a name with a dot in it (`desk.brain.yaml`) is no agent.
    """
    folder = Path(written)
    if not folder.is_dir():
        return [find_agent(written)]
    found = sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS and "." not in path.stem)
    found = [path for path in found if path.is_file() and not path.name.startswith("_")]
    if not found:
        raise NotFoundError(f"there is no agent file in {written}", "their names end with .yaml")
    return found


def _nearby(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either"
    names = sorted(entry.name for entry in folder.iterdir() if entry.suffix in _ENDINGS and entry != path)
    return did_you_mean(path.name, names, label=f"in {folder}", limit=10)
