"""Python that a user names: ``mypkg.mymodule``, or a file such as ``./tools.py``.

A file is imported once per process, whoever asks for it, so its state is shared by all calls.
Codes: LG111 it cannot be imported.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

from .errors import ConfigError, Fix, Problem
from .spelling import did_you_mean, sure

__all__ = ["import_module", "import_reference"]

_files: dict[Path, ModuleType] = {}


def import_reference(where: str, use: str, base_dir: Path | None = None) -> ModuleType:
    """The module that ``where`` names: a file when it ends with ``.py``, looked for in ``base_dir``.

    ``use`` is what the user wrote, for messages. Raises ``ConfigError`` with one problem of empty ``path``.
    """
    if where.endswith(".py"):
        return _import_file(where, base_dir or Path.cwd(), use)
    return import_module(where, use)


def import_module(name: str, use: str) -> ModuleType:
    """The module ``name``; ``ConfigError`` tells which module is missing and how to install it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if name == missing or name.startswith(f"{missing}."):
            message, hint = (
                f"`{use}`: there is no module `{missing}`",
                "is its package installed in this environment?",
            )
        else:
            message = f"`{use}` needs the module `{missing}`, which is not installed"
            hint = f"pip install {missing.partition('.')[0]}"
        raise _fault("LG111", message, hint) from error
    except Exception as error:
        # Foreign code runs here: whatever it raises is a fault of the file, and never ours to pass on raw.
        raise _broken(use, error) from error


def _import_file(written: str, base_dir: Path, use: str) -> ModuleType:
    try:
        file = (base_dir / Path(written).expanduser()).resolve()
        exists = file.is_file()
        siblings = [] if exists else [entry.name for entry in file.parent.glob("*.py")]
    except (OSError, RuntimeError, ValueError) as error:
        # Too long, a null byte, a home of nobody.
        raise _fault("LG111", f"`{use}` does not name a file", str(error)) from error
    if file in _files:
        return _files[file]
    if not exists:
        hint = did_you_mean(file.name, siblings) or f"looked in {file.parent}"
        certain = sure(file.name, siblings)
        part, fix = (file.name, Fix(certain)) if certain else ("", None)
        raise ConfigError([Problem("LG111", f"there is no file `{written}`", hint=hint, part=part, fix=fix)])
    digest = hashlib.sha256(str(file).encode()).hexdigest()[:12]
    name = f"livegraph_file_{digest}_{re.sub(r'[^0-9a-zA-Z_]', '_', file.stem)}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise _fault("LG111", f"`{use}` is not a Python file", "its name must end with .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # type hints are evaluated in the module that sys.modules has
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        del sys.modules[name]
        message = f"`{use}` needs the module `{error.name}`, which is not installed"
        raise _fault("LG111", message, f"pip install {(error.name or '').partition('.')[0]}") from error
    except Exception as error:
        # Foreign code, as above.
        del sys.modules[name]
        raise _broken(use, error) from error
    _files[file] = module
    return module


def _broken(use: str, error: Exception) -> ConfigError:
    if isinstance(error, SyntaxError):
        where = f"{Path(error.filename or '?').name}:{error.lineno}"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return _fault(
        "LG111", f"`{use}` cannot be imported: {type(error).__name__}: {error}", f"raised at {where}"
    )


def _fault(code: str, message: str, hint: str) -> ConfigError:
    return ConfigError([Problem(code, message, hint=hint)])
