"""``${VAR}`` in the scalars of a document that is parsed already, so that no value can change its shape.

- ``${VAR}``: the variable; a fault when it is not set
- ``${VAR:-default}``: the default when it is not set or empty
- ``${VAR:?message}``: a fault with this message when it is not set or empty
- ``${file:path}``: the text of a file beside the one that says so, without the line end at its end
- ``${params.name}``: inside of a template, what its user gives for that parameter
- ``$${``: the two characters ``${``

A default may hold references of its own. Codes: LG150 variable not set, LG151 not a reference, LG134 a
parameter that is not there; and those of ``named_files``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..pipeline.convert import Steps
from ..pipeline.convert.hints import show, spelling
from ..pipeline.convert.scalars import EnvText
from ..pipeline.errors import Problem
from ..pipeline.spelling import did_you_mean
from .named_files import FileFault, IncludedText, NamedFiles
from .origins import Tree

__all__ = ["fill_in", "interpolate"]

_MAX_DEPTH = 8
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE = re.compile(r"file:([^}]+)}")
_PARAM = re.compile(r"params\.([A-Za-z_][A-Za-z0-9_]*)}")
_LACKING = ("LG150", "LG140", "LG141")
_MARK = re.compile(r"\$\$\{|\$\{|\}")


ReadFile = Callable[[str, Steps], str]
"""Gives the text of a file named at a path. Raises ``FileFault``."""


def interpolate(
    data: Any,
    environ: Mapping[str, str],
    *,
    read_file: ReadFile | None = None,
    params: Mapping[str, Any] | None = None,
) -> tuple[Any, list[Problem]]:
    """``data`` with every reference filled in, as ``EnvText``, and every fault.

    A scalar with a fault becomes an ``EnvText`` that is ``missing``. ``params`` are those of the template that ``data``
    belongs to, ``None`` outside of one.
    """
    filler = _Filler(environ, read_file, params)
    return filler.tree(data, ()), filler.problems


def fill_in(
    tree: Tree, environ: Mapping[str, str], files: NamedFiles, params: Mapping[str, Any] | None = None
) -> list[Problem]:
    """Fill in every reference of ``tree``, and note at its origins what was put in; returns every fault."""

    def read_file(written: str, path: Steps) -> str:
        origin = tree.origin(path)
        if origin is None:
            raise FileFault("LG140", f"`{written}` has no folder")
        return str(files.text(written, origin.value.document).data)

    tree.data, problems = interpolate(tree.data, environ, read_file=read_file, params=params)
    for path, origin in tree.origins.items():
        value = None if origin.collection else tree.get(path)
        if isinstance(value, EnvText) and origin.filled is None:
            tree.origins[path] = replace(origin, filled=value)
    return problems


@dataclass(slots=True)
class _Filler:
    environ: Mapping[str, str]
    read_file: ReadFile | None = None
    params: Mapping[str, Any] | None = None
    problems: list[Problem] = field(default_factory=list)
    path: Steps = ()
    values: list[str] = field(default_factory=list)
    """What the environment put into the scalar at hand."""
    sources: list[str] = field(default_factory=list)
    """Where that was found."""
    lacking: bool = False
    """Whether a parameter has no value, which was reported where it is given."""

    def tree(self, data: Any, path: Steps) -> Any:
        if isinstance(data, dict):
            return {key: self.tree(value, (*path, key)) for key, value in data.items()}
        if isinstance(data, list):
            return [self.tree(value, (*path, index)) for index, value in enumerate(data)]
        if isinstance(data, IncludedText | EnvText) or not isinstance(data, str) or "${" not in data:
            return data
        before, self.path, self.values, self.sources = len(self.problems), path, [], []
        self.lacking = False
        filled, _, used = self.fill(data, 0, 0)
        missing = self.lacking or len(self.problems) > before
        if not used or not (self.sources or missing):
            return filled  # parameters alone are text of the file
        values, sources = tuple(self.values), tuple(dict.fromkeys(self.sources))
        return EnvText("" if missing else filled, data, values, missing=missing, sources=sources)

    def fill(self, text: str, at: int, depth: int) -> tuple[str, int, bool]:
        """``text`` from ``at`` to its end or the ``}`` that ends a default; where that is; any references?"""
        parts: list[str] = []
        used = False
        while match := _MARK.search(text, at):
            parts.append(text[at : match.start()])
            at = match.end()
            if match[0] == "${":
                value, at = self.reference(text, at, depth)
                parts.append(value)
                used = True
            elif match[0] == "$${":
                parts.append("${")
            elif depth:
                return "".join(parts), at, used
            else:
                parts.append("}")
        if depth:
            self.malformed("a `${` is not closed with `}`")
        return "".join([*parts, text[at:]]), len(text), used

    def reference(self, text: str, at: int, depth: int) -> tuple[str, int]:
        """The value of the reference whose name begins at ``at``, and where it ends."""
        if match := _FILE.match(text, at):
            return self.file(match[1].strip()), match.end()
        if match := _PARAM.match(text, at):
            return self.param(match[1]), match.end()
        name = _NAME.match(text, at)
        operator = text[name.end() : name.end() + 2] if name else ""
        if name is None or not (operator.startswith("}") or operator in (":-", ":?")) or depth == _MAX_DEPTH:
            end = text.find("}", at) + 1 or len(text)
            self.malformed(f"`{text[at - 2 : min(end, at + 40)]}` is not a reference to a variable")
            return "", end
        value = self.environ.get(name[0])
        if operator.startswith("}"):
            if value is None:
                hint = (
                    did_you_mean(name[0], self.environ) or f"set it, or give a default: ${{{name[0]}:-...}}"
                )
                self.fault("LG150", f"the environment variable `{name[0]}` is not set", hint)
            self.put(value or "", f"environment {name[0]}")
            return value or "", name.end() + 1
        before, known = len(self.problems), len(self.sources)
        rest, end, _ = self.fill(text, name.end() + 2, depth + 1)
        if value:
            # The other branch is not taken, so that what it lacks is not missing.
            self.problems[before:] = [
                problem for problem in self.problems[before:] if problem.code not in _LACKING
            ]
            del self.sources[known:]
            self.put(value, f"environment {name[0]}")
            return value, end
        if operator == ":?":
            hint = f"set the environment variable `{name[0]}`"
            self.fault("LG150", rest.strip() or f"the environment variable `{name[0]}` is not set", hint)
        else:
            self.sources.insert(known, f"default of {name[0]}")
        return rest, end

    def file(self, written: str) -> str:
        try:
            if self.read_file is None:
                raise FileFault("LG140", f"no file can be read here: `{written[:60]}`")
            text = self.read_file(written, self.path)
        except FileFault as fault:
            self.fault(fault.code, fault.message, fault.hint)
            return ""
        self.put(text, f"file {written}")
        return text

    def param(self, name: str) -> str:
        if self.params is None:
            hint = "parameters are declared and used in a template"
            self.fault("LG134", f"`${{params.{name}}}` stands outside of a template", hint)
            return ""
        if name not in self.params:
            hint = did_you_mean(name, self.params, label="params") or "declare it below `params`"
            self.fault("LG134", f"the template has no parameter `{name[:60]}`", hint)
            return ""
        value = self.params[name]
        if isinstance(value, dict | list) or value is None:
            self.fault("LG134", f"`{name}` is {show(value)}, which cannot stand inside of a text", "")
            return ""
        if isinstance(value, EnvText):
            if value.missing:
                self.lacking = True
            self.values += value.values
            self.sources += value.sources
        return spelling(value)

    def put(self, value: str, source: str) -> None:
        self.values.append(value)
        self.sources.append(source)

    def malformed(self, message: str) -> None:
        hint = "write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:path}; $${ is a plain ${"
        self.fault("LG151", message, hint)

    def fault(self, code: str, message: str, hint: str) -> None:
        self.problems.append(Problem(code, message, self.path, hint=hint))
