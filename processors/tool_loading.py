"""From the names in ``tools:`` to functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from ..pipeline.errors import ConfigError, Problem
from ..pipeline.modules import import_reference
from ..pipeline.spelling import did_you_mean
from .tool_function import ToolFunction

__all__ = ["load_tools"]


def load_tools(sources: Iterable[str | Callable[..., Any]]) -> dict[str, ToolFunction]:
    """The functions that ``sources`` name, by the name that the model uses.

    A source is a function, a file or module (all its own public functions), or ``file.py:function``.
    Raises ``ConfigError`` with one problem.
    """
    found: dict[str, ToolFunction] = {}
    for source in sources:
        for function in [source] if callable(source) else _named(source):
            try:
                tool = ToolFunction(function)
            except (TypeError, NameError) as error:
                raise _fault(
                    "LG231", f"it cannot be a tool: {error}", "mend the function's signature"
                ) from error
            if tool.name in found:
                raise _fault(
                    "LG232", f"there are two tools named {tool.name!r}", "rename one, or use @tool(name=...)"
                )
            found[tool.name] = tool
    return found


def _named(source: str) -> list[Callable[..., Any]]:
    where, _, name = source.rpartition(":") if ":" in source else (source, "", "")
    # A Windows drive is no function.
    if name.endswith(".py"):
        where, name = source, ""
    module = import_reference(where, source)
    exported: Iterable[str] | None = getattr(module, "__all__", None)
    own = {
        key: value
        for key, value in vars(module).items()
        if inspect.isfunction(value)
        and (
            key in exported
            if exported is not None
            else not key.startswith("_") and value.__module__ == module.__name__
        )
    }
    if name:
        if name not in own:
            raise _fault(
                "LG230", f"`{where}` has no function `{name}`", did_you_mean(name, own, label="functions")
            )
        return [own[name]]
    if not own:
        raise _fault("LG230", f"`{where}` has no public functions", "define one, or name it in __all__")
    return list(own.values())


def _fault(code: str, message: str, hint: str) -> ConfigError:
    return ConfigError([Problem(code, message, hint=hint)])
