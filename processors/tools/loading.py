"""From the names in ``tools:`` to functions."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from ...pipeline.errors import ConfigError, Problem
from ...pipeline.graph.modules import import_reference
from ...pipeline.spelling import did_you_mean
from .function import ToolFunction

__all__ = ["load_function", "load_tools"]


def load_tools(sources: Iterable[str | Callable[..., Any]]) -> dict[str, ToolFunction]:
    """The functions that ``sources`` name, by the name that the model uses.

    A source is a function, a file or module (all its own public functions), or ``file.py:function``.
    Raises ``ConfigError`` with every fault; the ``path`` of each is the index of its source.
    """
    found: dict[str, ToolFunction] = {}
    problems: list[Problem] = []
    for index, source in enumerate(sources):
        try:
            module, functions = (None, {"": source}) if callable(source) else _named(source)
        except ConfigError as error:
            problems += [replace(problem, path=(index, *problem.path)) for problem in error.problems]
            continue
        for name, function in functions.items():
            try:
                tool = _tool(function, name)
                tool.home = _home(function) if module is None else (module.__name__, name)
                if tool.name in found:
                    hint = "rename one, or use @tool(name=...)"
                    raise _fault("LG232", f"there are two tools named `{tool.name}`", hint)
                found[tool.name] = tool
            except ConfigError as error:
                problems += [replace(problem, path=(index, *problem.path)) for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return found


def load_function(source: str) -> Callable[..., Any]:
    """The one function that ``file.py:function`` or ``module:function`` names. Raises ``ConfigError``."""
    _, found = _named(source)
    if len(found) > 1:
        hint = f"say which: {', '.join(f'{source}:{name}' for name in list(found)[:5])}"
        raise _fault("LG230", f"`{source}` has several functions", hint)
    return next(iter(found.values()))


def _tool(function: Callable[..., Any], name: str) -> ToolFunction:
    try:
        return ToolFunction(function, name)
    except (TypeError, NameError) as error:
        name = name or getattr(function, "__name__", repr(function))
        why = str(error).removeprefix(f"{name}: ")
        raise _fault("LG231", f"`{name}` cannot be a tool: {why}", "mend the function's signature") from error


def _home(function: Callable[..., Any]) -> tuple[str, str] | None:
    """Where a function that was given outright is found, if it is found there."""
    module, path = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return (module, path) if found is function else None


def _named(source: str) -> tuple[ModuleType, dict[str, Callable[..., Any]]]:
    """A module, and those of its functions that ``source`` means, by their names in it."""
    where, _, name = source.rpartition(":") if ":" in source else (source, "", "")
    # A Windows drive is no function.
    if name.endswith(".py"):
        where, name = source, ""
    module = import_reference(where, source)
    exported: Iterable[str] | None = getattr(module, "__all__", None)
    own = {
        key: value
        for key, value in vars(module).items()
        if _is_function(value)
        and (key in exported if exported is not None else not key.startswith("_") and _is_own(value, module))
    }
    if name:
        if name not in own:
            raise _fault(
                "LG230",
                f"`{Path(where).name}` has no function `{name}`",
                did_you_mean(name, own, label="functions"),
            )
        return module, {name: own[name]}
    if not own:
        raise _fault(
            "LG230", f"`{Path(where).name}` has no public functions", "define one, or name it in __all__"
        )
    return module, own


def _is_function(value: Any) -> bool:
    """Whether it is meant to be called: a function, decorated or partial, or an object made for it. Types are not."""
    if not callable(value) or isinstance(value, type):
        return False
    return (
        inspect.isroutine(value)
        or isinstance(value, functools.partial)
        or hasattr(value, "__wrapped__")
        or inspect.isfunction(vars(type(value)).get("__call__"))
    )


def _is_own(value: Any, module: ModuleType) -> bool:
    """Whether the module made it, be it by a decorator from elsewhere, and has not only imported it."""
    if isinstance(value, functools.partial):
        return True
    home, path = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    if home == module.__name__:
        return True
    if not path:
        return type(value).__module__ == module.__name__
    # Made by a call here: what a decorator gives that does not say what it decorates.
    return "<locals>" in path


def _fault(code: str, message: str, hint: str) -> ConfigError:
    return ConfigError([Problem(code, message, hint=hint)])
