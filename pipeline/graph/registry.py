"""Processor classes by name: how the word after ``use:`` becomes a class.

- ``vad_gate``: what a program registered with ``register``, else the entry point of that name in the group
  ``livegraph.processors`` (our own boxes are found that way too);
- ``mypkg.mymodule:MyProcessor``: a class of an importable module;
- ``./box.py:MyBox``: a class of a Python file, beside the file that says so.

Classes load when they are asked for. Codes: LG110 unknown processor, LG111 it cannot be imported, LG112
what was imported is no processor.
"""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import re
import sys
from pathlib import Path
from types import ModuleType

from ..errors import ConfigError, Fix, Problem
from ..processor import Processor, ports_of
from ..spelling import did_you_mean, sure
from .modules import import_module, import_reference

__all__ = ["GROUP", "find", "load", "name_of", "names", "register", "unregister"]

GROUP = "livegraph.processors"

logger = logging.getLogger("livegraph.graph")

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_registered: dict[str, type[Processor]] = {}


def register(name: str, processor: type[Processor]) -> None:
    """Make ``processor`` known as ``name`` in this program; it goes before an entry point of that name.

    Raises ``ValueError`` for a name that is not lower_snake_case or is registered for another class,
    ``TypeError`` when the class is not a well-formed processor.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not lower_snake_case")
    if _registered.get(name, processor) is not processor:
        raise ValueError(f"a processor {name!r} is registered already: {_registered[name].__qualname__}")
    ports_of(processor)
    _registered[name] = processor


def unregister(name: str) -> None:
    """Forget what ``register`` was told under ``name``. ``KeyError`` when that was nothing."""
    del _registered[name]


def names() -> list[str]:
    """Every name that ``load`` knows, sorted."""
    return sorted({*_registered, *_entry_points()})


def find(name: str) -> type[Processor] | None:
    """The processor of this name, or ``None`` when there is none; ``ConfigError`` when it does not load."""
    if name in _registered:
        return _registered[name]
    entry = _entry_points().get(name)
    return None if entry is None else _load_entry(entry)


def name_of(processor: type[Processor]) -> str | None:
    """The name by which ``find`` knows a class, or ``None``. Imports no module."""
    for name, found in _registered.items():
        if found is processor:
            return name
    for name, entry in _entry_points().items():
        module, attribute = _target(entry)
        if name not in _registered and getattr(sys.modules.get(module), attribute, None) is processor:
            return name
    return None


def load(use: str, *, base_dir: Path | None = None) -> type[Processor]:
    """The class that ``use`` names. Raises ``ConfigError`` with one problem, whose ``path`` is empty.

    ``base_dir`` is where files are looked for, by default the working directory.
    """
    if ":" not in use and not use.endswith(".py"):
        found = find(use)
        if found is None:
            certain = sure(use, names())
            hint = did_you_mean(use, names(), label="" if certain else "processors")
            if "." in use or "/" in use:
                hint = "a class of a module is written mypkg.mymodule:MyProcessor, of a file ./box.py:MyBox"
                if re.fullmatch(r"[\w.]+\.[A-Z]\w*", use):
                    hint = f"did you mean `{':'.join(use.rsplit('.', 1))}`? " + hint
            raise _fault("LG110", f"there is no processor `{use}`", hint, certain)
        return found
    where, _, attribute = use.rpartition(":") if ":" in use else (use, "", "")
    return _pick(import_reference(where, use, base_dir), attribute, use, where)


@functools.cache
def _entry_points() -> dict[str, importlib.metadata.EntryPoint]:
    found: dict[str, importlib.metadata.EntryPoint] = {}
    for entry in importlib.metadata.entry_points(group=GROUP):
        other = found.setdefault(entry.name, entry)
        if other.value == entry.value:
            continue
        # What ships with livegraph keeps its name; elsewhere the first on the path wins, as imports do.
        kept, lost = (entry, other) if entry.value.startswith("livegraph.") else (other, entry)
        found[entry.name] = kept
        logger.warning(
            "two processors are called `%s`: %s is found by that name, %s is not; write `use: %s`",
            entry.name,
            _origin(kept),
            _origin(lost),
            lost.value,
        )
    return found


def _origin(entry: importlib.metadata.EntryPoint) -> str:
    package = entry.dist.name if entry.dist is not None else ""
    return f"{entry.value} of {package}" if package else entry.value


def _load_entry(entry: importlib.metadata.EntryPoint) -> type[Processor]:
    module, attribute = _target(entry)
    return _pick(import_module(module, entry.name), attribute, entry.name, module)


def _target(entry: importlib.metadata.EntryPoint) -> tuple[str, str]:
    """Module and class of an entry point."""
    module, _, attribute = entry.value.partition(":")
    return module, attribute.partition("[")[0].strip()


def _pick(module: ModuleType, attribute: str, use: str, where: str) -> type[Processor]:
    own = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Processor) and value.__module__ == module.__name__
    }
    if not attribute and len(own) == 1:
        return _checked(next(iter(own.values())), use)
    found = getattr(module, attribute, None) if attribute else None
    if found is None:
        message = f"`{where}` has no `{attribute}`" if attribute else f"`{use}` does not say which class"
        hint, certain = did_you_mean(attribute, own, label="processors in it"), sure(attribute, own)
        raise _fault("LG110", message, hint, certain, attribute if certain else "")
    if not (isinstance(found, type) and issubclass(found, Processor)):
        function = callable(found) and not isinstance(found, type)
        hint = "decorate it with @processor" if function else "it must be a subclass of Processor"
        raise _fault("LG112", f"`{use}` is not a processor", hint)
    return _checked(found, use)


def _checked(found: type[Processor], use: str) -> type[Processor]:
    try:
        ports_of(found)
    except (TypeError, NameError) as error:
        raise _fault("LG112", f"`{use}` is not well declared: {error}", "mend the class") from error
    return found


def _fault(code: str, message: str, hint: str, certain: str | None = None, part: str = "") -> ConfigError:
    fix = Fix(certain) if certain else None
    return ConfigError([Problem(code, message, hint=hint, part=part, fix=fix)])
