"""The front doors of the boxes' packages: complete, and they load nothing before it is used."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from livegraph.pipeline import Processor
from livegraph.pipeline.graph import registry

PACKAGES = ("livegraph.processors", "livegraph.transports")
HEAVY = ("aiortc", "av", "numpy", "onnxruntime", "starlette", "websockets")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_is_there(package: str) -> None:
    """All that is promised can be imported and is listed; other names are attribute errors."""
    module = import_module(package)
    for name in module.__all__:
        assert getattr(module, name).__name__ == name
    assert set(module.__all__) <= set(dir(module))
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = module.Nonsense


def test_every_box_of_ours_can_be_imported_from_its_package() -> None:
    """Whatever an agent file can name, a program can."""
    for name in registry.names():
        box = registry.load(name)
        package = import_module(".".join(box.__module__.split(".")[:2]))
        assert issubclass(box, Processor)
        if package.__name__ in PACKAGES:
            assert getattr(package, box.__name__) is box


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    """A fresh interpreter."""
    script = f"import sys, {package}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.strip() == "[]"
