"""The front doors of the boxes' packages: complete, and they load nothing before it is used."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from livegraph.pipeline import Processor
from livegraph.pipeline.graph import registry

PACKAGES = ("livegraph.processors", "livegraph.transports")
LAZY = (*PACKAGES, "livegraph", "livegraph.testing")
LAZY_TOO = ("livegraph.audio", "livegraph.processors.gemini_live", "livegraph.server", "livegraph.simulator")
HEAVY = ("aiortc", "av", "numpy", "onnxruntime", "starlette", "websockets")


@pytest.mark.parametrize("package", LAZY)
def test_every_name_is_there(package: str) -> None:
    """All that is promised can be imported and is listed; other names are attribute errors."""
    module = import_module(package)
    for name in module.__all__:
        assert getattr(module, name).__name__ == name
    assert set(module.__all__) <= set(dir(module))
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = module.Nonsense


@pytest.mark.parametrize("package", (*LAZY, *LAZY_TOO))
def test_a_name_is_kept_once_it_is_used(package: str) -> None:
    """Constants and type aliases too; all are listed before."""
    module = import_module(package)
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        value = getattr(module, name)
        assert vars(module)[name] is value
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Nonsense'"):
        _ = module.Nonsense


def test_every_box_of_ours_can_be_imported_from_its_package() -> None:
    """Whatever an agent file can name, a program can."""
    for name in registry.names():
        box = registry.load(name)
        package = import_module(".".join(box.__module__.split(".")[:2]))
        assert issubclass(box, Processor)
        if package.__name__ in PACKAGES:
            assert getattr(package, box.__name__) is box


@pytest.mark.parametrize("package", LAZY)
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    """A fresh interpreter."""
    script = f"import sys, {package}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.strip() == "[]"


def test_the_engine_exports_what_programs_use_and_nothing_else() -> None:
    """Every event, every frame and error; what is the engine's own affair is not among them."""
    from livegraph import pipeline
    from livegraph.pipeline import errors, events, frames

    names = set(pipeline.__all__)
    assert set(events.__all__) <= names
    assert {
        name
        for name, value in vars(frames).items()
        if isinstance(value, type) and issubclass(value, frames.Frame)
    } <= names
    assert {name for name in errors.__all__ if name.endswith("Error")} <= names
    assert {"Marker", "Emitted", "register", "Ins", "Outs", "SubGraph"} <= names
    assert not {"TurnController", "EdgeSpec", "NodeSpec", "make_plan", "check", "CheckResult"} & set(
        vars(pipeline)
    )


def test_the_front_door_has_a_dozen_names() -> None:
    """Each is the one of the module that it belongs to."""
    import livegraph as lg
    from livegraph.language import load_agent
    from livegraph.pipeline import Graph

    assert 10 <= len(lg.__all__) <= 15
    assert lg.Graph is Graph and lg.load_agent is load_agent
