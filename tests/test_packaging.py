"""What a user installs is what stands in the repository: every module, every data file, nothing else."""

import importlib.metadata
import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_PROJECT: dict[str, Any] = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
_PACKAGES: list[str] = _PROJECT["tool"]["setuptools"]["packages"]

_HEAVY = (
    "aiortc",
    "av",
    "google",
    "msgspec",
    "numpy",
    "onnxruntime",
    "rich",
    "starlette",
    "typer",
    "websockets",
)
"""What ``import livegraph`` must not load."""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as `pip` would build it: from the source distribution, so that one is complete too."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(_ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("*.whl"))


def _in_the_tree() -> set[str]:
    """Every file of the packages' folders, under the name it must have in the wheel."""
    folders = sorted({package.split(".")[1] for package in _PACKAGES if "." in package} | {"client"})
    files = [_ROOT / "__init__.py", _ROOT / "_lazy.py", _ROOT / "py.typed"]
    for folder in folders:
        files += (path for path in (_ROOT / folder).rglob("*") if path.is_file())
    return {
        f"livegraph/{file.relative_to(_ROOT).as_posix()}"
        for file in files
        if "__pycache__" not in file.parts and not file.name.startswith(".")
    }


def test_wheel_holds_the_tree(wheel: Path) -> None:
    """A module or data file that `pyproject.toml` forgets is named here; so is one too many."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == _in_the_tree()


def test_wheel_holds_the_licences(wheel: Path) -> None:
    """Our licence and the notices of what we ship from others."""
    names = [PurePosixPath(name).name for name in zipfile.ZipFile(wheel).namelist() if "/licenses/" in name]
    assert sorted(names) == ["LICENSE", "NOTICE", "NOTICE"]


def test_every_folder_with_modules_is_a_package() -> None:
    """The list in `pyproject.toml` and the links in ``tests/src`` name all of them."""
    top = {package.split(".")[1] for package in _PACKAGES if "." in package}
    found = {"livegraph"}
    for init in (path for folder in top for path in (_ROOT / folder).rglob("__init__.py")):
        found.add(".".join(("livegraph", *init.parent.relative_to(_ROOT).parts)))
    assert set(_PACKAGES) == found
    assert {path.name for path in (_ROOT / "tests/src/livegraph").iterdir()} == {
        *top,
        "__init__.py",
        "_lazy.py",
        "py.typed",
    }


def test_importing_livegraph_is_light() -> None:
    """`import livegraph` loads none of the heavy libraries, so that a small command starts at once."""
    code = (
        f"import json, sys; import livegraph; print(json.dumps([m for m in {_HEAVY!r} if m in sys.modules]))"
    )
    # From elsewhere, so that no folder of the repository is found as a module of that name.
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("package", _PACKAGES)
def test_each_package_is_importable_alone(package: str) -> None:
    """In a fresh interpreter, with warnings as errors: no package needs another to be imported first."""
    code = f"import importlib; importlib.import_module({package!r})"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_version_is_said_once() -> None:
    """The package, its metadata and the project file agree."""
    import livegraph

    assert livegraph.__version__ == _PROJECT["project"]["version"] == importlib.metadata.version("livegraph")
