"""Python that a user names: ``mypkg.mymodule``, or a file such as ``./tools.py``.

A file is imported once per process, whoever asks for it, so its state is shared by all calls, until ``forget_changed``
looks at the files again: then one that has another content is another module. Plans keep the modules that they were
checked with (``keeping``), so a call never sees a file change. Modules of packages stay what they are.

Codes: LG111 it cannot be imported.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import itertools
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType

from .. import file_contents
from ..errors import ConfigError, Fix, Problem, from_signal, told
from ..spelling import did_you_mean, sure
from .import_limit import ImportTooLongError, limited

__all__ = [
    "Modules",
    "adopt",
    "anew",
    "file_module",
    "file_source",
    "forget_changed",
    "import_module",
    "import_reference",
    "keeping",
    "recording",
]

Modules = Mapping[Path, ModuleType]
"""Python files and what they were imported as."""

_files: dict[Path, ModuleType] = {}
"""The modules of today."""
_digests: dict[Path, str] = {}
"""Of the contents that they were made of."""
_paths: dict[str, Path] = {}
"""The file of every module that was ever made of one, by its name."""
_sources: dict[str, bytes] = {}
"""What each was made of."""
_kept: ContextVar[Modules | None] = ContextVar("_kept", default=None)
_anew: ContextVar[tuple[dict[Path, ModuleType], set[Path]] | None] = ContextVar("_anew", default=None)
"""Modules that were made for a block alone, and files of which none is."""
_again = itertools.count(1)
_recorded: ContextVar[dict[Path, ModuleType | None] | None] = ContextVar("_recorded", default=None)


@contextmanager
def recording() -> Iterator[dict[Path, ModuleType | None]]:
    """Every file that is asked for in the block, and its module: ``None`` for one that cannot be imported."""
    found: dict[Path, ModuleType | None] = {}
    token = _recorded.set(found)
    try:
        yield found
    finally:
        _recorded.reset(token)
        outer = _recorded.get()
        if outer is not None:
            outer.update(found)


@contextmanager
def keeping(modules: Modules) -> Iterator[None]:
    """While the block runs, in it and in the tasks that it starts, these files are what they are here."""
    token = _kept.set(modules)
    try:
        yield
    finally:
        _kept.reset(token)


@contextmanager
def anew(without: Iterable[str] = ()) -> Iterator[None]:
    """In the block, and in tasks that it starts, a Python file is imported anew when it is first asked for.

    So what its module keeps is nobody else's. Modules ``without`` stay what they are, such as those of a graph's boxes.
    """
    fresh: dict[Path, ModuleType] = {}
    kept = {_paths[name] for name in without if name in _paths}
    token = _anew.set((fresh, kept))
    try:
        yield
    finally:
        _anew.reset(token)
        for module in fresh.values():
            sys.modules.pop(module.__name__, None)
            _paths.pop(module.__name__, None)
            _sources.pop(module.__name__, None)


def forget_changed() -> None:
    """Whoever asks next for a file that has changed since it was imported gets it as it is now."""
    for file, digest in list(_digests.items()):
        try:
            now = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError:
            now = ""
        if now != digest:
            del _digests[file], _files[file]


def file_module(name: str) -> tuple[Path, ModuleType] | None:
    """The file and the module of this name, when it was made of a file by ``import_reference``."""
    file = _paths.get(name)
    return None if file is None else (file, sys.modules[name])


def file_source(name: str) -> tuple[Path, bytes] | None:
    """The file and the content of the module of this name, as they were when it was imported."""
    file = _paths.get(name)
    return None if file is None else (file, _sources[name])


def adopt(name: str, file: Path, source: bytes) -> ModuleType:
    """In another process: the module that has this name where ``file_source`` told of it, whatever the file is now.

    Raises ``ConfigError`` as the import of a file does.
    """
    if name not in sys.modules:
        _executed(name, file, source, str(file))
        _paths[name], _sources[name] = file, source
    return sys.modules[name]


def import_reference(where: str, use: str, base_dir: Path | None = None) -> ModuleType:
    """The module that ``where`` names: a file when it ends with ``.py``, looked for in ``base_dir``.

    ``use`` is what the user wrote, for messages. Raises ``ConfigError`` with one problem of empty ``path``.
    """
    if where.endswith(".py"):
        return _import_file(where, base_dir or Path.cwd(), use)
    return import_module(where, use)


def import_module(name: str, use: str) -> ModuleType:
    """The module ``name``; ``ConfigError`` tells which module is missing and how to install it."""
    if name in sys.modules:
        return sys.modules[name]
    try:
        with limited(f"`{use}`"):
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
    except BaseException as error:
        if from_signal(error):
            raise
        # Foreign code runs here: whatever it raises is a fault of the file, and never ours to pass on raw.
        raise _broken(use, error) from error


def _import_file(written: str, base_dir: Path, use: str) -> ModuleType:
    try:
        file = (base_dir / Path(written).expanduser()).resolve()
        exists = file_contents.is_file(file)
        siblings = [] if exists else [entry.name for entry in file.parent.glob("*.py")]
    except (OSError, RuntimeError, ValueError) as error:
        # Too long, a null byte, a home of nobody.
        raise _fault("LG111", f"`{use}` does not name a file", str(error)) from error
    fresh = _anew.get()
    if fresh is not None and exists and file not in fresh[1]:
        if file not in fresh[0]:
            fresh[0][file] = _made(file, use, again=next(_again))
        return fresh[0][file]
    recorded = _recorded.get()
    known = (_kept.get() or {}).get(file)
    if known is None and file_contents.held(file) is None:
        known = _files.get(file)
    if recorded is not None:
        recorded[file] = known
    if known is not None:
        return known
    if not exists:
        hint = did_you_mean(file.name, siblings) or f"looked in {file.parent}"
        certain = sure(file.name, siblings)
        part, fix = (file.name, Fix(certain)) if certain else ("", None)
        raise ConfigError([Problem("LG111", f"there is no file `{written}`", hint=hint, part=part, fix=fix)])
    module = _made(file, use)
    if recorded is not None:
        recorded[file] = module
    return module


def _made(file: Path, use: str, again: int = 0) -> ModuleType:
    """A module of the file as it is now; ``again``: another one, which nobody else is given."""
    try:
        source = file_contents.read(file)
    except OSError as error:
        raise _fault("LG111", f"`{use}` cannot be read", error.strerror or str(error)) from error
    digest = hashlib.sha256(source).hexdigest()
    short = hashlib.sha256(f"{file}\0{digest}".encode()).hexdigest()[:12]
    name = f"livegraph_file_{short}_{re.sub(r'[^0-9a-zA-Z_]', '_', file.stem)}"
    if again:
        name = f"{name}_{again}"
    if name in _paths:
        # It is what it was before some change that was taken back.
        _files[file], _digests[file] = sys.modules[name], digest
        return sys.modules[name]
    module = _executed(name, file, source, use)
    _paths[name], _sources[name] = file, source
    if not again:
        _files[file], _digests[file] = module, digest
    return module


def _executed(name: str, file: Path, source: bytes, use: str) -> ModuleType:
    """A module of this name and content, in ``sys.modules``."""
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None:
        raise _fault("LG111", f"`{use}` is not a Python file", "its name must end with .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # type hints are evaluated in the module that sys.modules has
    try:
        # Not by the loader: it takes bytecode for current that is as old, in seconds, and as long.
        code = compile(source, file, "exec", dont_inherit=True)
        with limited(f"`{use}`", file):
            exec(code, module.__dict__)
    except ModuleNotFoundError as error:
        del sys.modules[name]
        message = f"`{use}` needs the module `{error.name}`, which is not installed"
        raise _fault("LG111", message, f"pip install {(error.name or '').partition('.')[0]}") from error
    except BaseException as error:
        # Foreign code, as above.
        del sys.modules[name]
        if from_signal(error):
            raise
        raise _broken(use, error) from error
    return module


def _broken(use: str, error: BaseException) -> ConfigError:
    if isinstance(error, ImportTooLongError):
        hint = f"it was at {error.where}: what takes long belongs into its functions"
        return _fault("LG111", f"`{use}` cannot be imported: {error}", hint)
    if isinstance(error, SyntaxError):
        where = f"{Path(error.filename or '?').name}:{error.lineno}"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return _fault("LG111", f"`{use}` cannot be imported: {told(error)}", f"raised at {where}")


def _fault(code: str, message: str, hint: str) -> ConfigError:
    return ConfigError([Problem(code, message, hint=hint)])
