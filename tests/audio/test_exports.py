"""The package's front door: complete, lazy, and independent of the rest of the house."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import livegraph.audio


def run(script: str) -> str:
    """The output of a fresh interpreter."""
    result = subprocess.run(
        [sys.executable, "-c", script], env=os.environ, capture_output=True, text=True, timeout=50
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_every_name_is_there() -> None:
    """All that is promised can be imported and is listed."""
    for name in livegraph.audio.__all__:
        assert getattr(livegraph.audio, name) is not None
    assert set(livegraph.audio.__all__) <= set(dir(livegraph.audio))


def test_unknown_names_are_attribute_errors() -> None:
    """A lazy package fails like any other."""
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        livegraph.audio.nonsense  # noqa: B018


def test_importing_loads_nothing_heavy() -> None:
    """The import loads neither numpy nor a module of the room; the weights wait for the first window."""
    script = (
        "import sys, livegraph.audio as a\n"
        "print([m for m in sys.modules if m == 'numpy' or m.startswith('livegraph.audio.')])\n"
        "a.SileroVad()\n"
        "from livegraph.audio import silero\n"
        "print(silero._weights.cache_info().currsize)\n"
    )
    assert run(script) == "[]\n0"


def test_knows_nothing_of_the_other_rooms() -> None:
    """With every module of the room loaded, no other part of livegraph is, but for the way in which names load."""
    modules = [path.stem for path in Path(livegraph.audio.__file__).parent.glob("*.py")]
    imports = "\n".join(f"import livegraph.audio.{name}" for name in modules if name != "__init__")
    script = (
        f"{imports}\nimport sys\nprint([m for m in sys.modules if m.startswith('livegraph.') "
        "and not m.startswith('livegraph.audio')])"
    )
    assert run(script) == "['livegraph._lazy']"


def test_the_licence_of_the_weights_is_with_them() -> None:
    """The notice that the weights' licence asks for stands beside them."""
    folder = Path(livegraph.audio.__file__).parent / "data"
    assert (folder / "silero_vad_v6_16k.npz").is_file()
    notice = (folder / "NOTICE").read_text(encoding="utf-8")
    assert "MIT License" in notice
    assert "Silero Team" in notice
