"""``docs/api.md`` from the docstrings: every public name, what it is given and what it does.

Read from the source, so that the page is the same under every version of Python.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
import textwrap
from importlib import import_module
from types import ModuleType
from typing import Any

from livegraph.pipeline import Processor

__all__ = ["MODULES", "api_page", "undocumented"]

MODULES = (
    "livegraph",
    "livegraph.pipeline",
    "livegraph.language",
    "livegraph.processors",
    "livegraph.processors.tools",
    "livegraph.transports",
    "livegraph.testing",
    "livegraph.audio",
)

_INTRODUCTION = """# The names for programs

Everything that a program of yours may use, made from the docstrings: `LIVEGRAPH_UPDATE=1 pytest tests/docs/test_api.py`
writes it anew, and a test fails when it is out of date. What is not here is the affair of the module that it is in,
and may change.
"""


def api_page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for name in MODULES:
        module = import_module(name)
        parts.append(f"## {name}\n\n{_summary(inspect.getdoc(module) or '')}\n")
        if name == "livegraph":
            parts.append("\n".join(f"- {_reference(module, each)}" for each in sorted(module.__all__)) + "\n")
            continue
        parts += [_entry(each, getattr(module, each)) for each in sorted(module.__all__, key=str.lower)]
    return "\n".join(parts)


def undocumented() -> list[str]:
    """Public names, and public methods of theirs, without a docstring."""
    found: list[str] = []
    for name in MODULES:
        module = import_module(name)
        for each in module.__all__:
            value = getattr(module, each)
            if inspect.isclass(value) or inspect.isfunction(value):
                if not inspect.getdoc(value):
                    found.append(f"{name}.{each}")
                found += [f"{name}.{each}.{method}" for method, doc in _methods(value) if not doc]
    return found


def _reference(module: ModuleType, name: str) -> str:
    value = getattr(module, name)
    home = next(
        one
        for one in MODULES[1:]
        if name in import_module(one).__all__ and getattr(import_module(one), name) is value
    )
    return f"`{name}`, of `{home}`"


def _entry(name: str, value: Any) -> str:
    doc = inspect.getdoc(value) or ""
    if inspect.isclass(value) and doc != (inspect.getdoc(object) or ""):
        return _class(name, value)
    if inspect.isfunction(value):
        return f"### `{name}{_signature(_node(value))}`\n\n{_text(doc)}\n"
    if isinstance(value, int | float | str):
        return f"### `{name} = {value!r}`\n\n{_text(_comment_of(name))}\n"
    return f"### `{name}`\n\n{_text(_comment_of(name))}\n"


def _class(name: str, value: type) -> str:
    lines = [f"### `{name}`", "", _text(inspect.getdoc(value) or ""), ""]
    node = _node(value)
    assert isinstance(node, ast.ClassDef)
    init = next(
        (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None
    )
    if init is not None:
        lines[0] = f"### `{name}{_signature(init)}`"
    for field, written, doc in _fields(node):
        lines.append(f"- `{field}{written}`" + (f": {_flat(doc)}" if doc else ""))
    parts = [part for base in _parts(value) if isinstance(part := _node(base), ast.ClassDef)]
    for one in (one for part in (node, *parts) for one in part.body):
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and not one.name.startswith("_"):
            if any(_called(mark) == "overload" for mark in one.decorator_list) or _of_the_engine(
                value, one.name
            ):
                continue
            prefix = "await " if isinstance(one, ast.AsyncFunctionDef) else ""
            is_property = any(_called(mark) == "property" for mark in one.decorator_list)
            shown = one.name if is_property else f"{prefix}{one.name}{_signature(one)}"
            lines.append(
                f"- `{shown}`: {_flat(_summary(ast.get_docstring(one) or _inherited(value, one.name)))}"
            )
    return "\n".join(lines).rstrip() + "\n"


def _fields(node: ast.ClassDef) -> list[tuple[str, str, str]]:
    """Public annotated names of a class body: name, what is written behind it, and the text below."""
    found = []
    for number, one in enumerate(node.body):
        if (
            not isinstance(one, ast.AnnAssign)
            or not isinstance(one.target, ast.Name)
            or one.target.id[0] == "_"
        ):
            continue
        following = node.body[number + 1] if number + 1 < len(node.body) else None
        doc = ""
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            doc = str(following.value.value)
        written = f": {ast.unparse(one.annotation)}"
        if isinstance(one.value, ast.Call) and _called(one.value) in ("In", "Ins", "Out", "Outs"):
            told = [word.value for word in one.value.keywords if word.arg == "doc"]
            doc = doc or (ast.literal_eval(told[0]) if told else "")
        elif one.value is not None:
            written += f" = {ast.unparse(one.value)}"
        found.append((one.target.id, written, doc))
    return found


def _methods(value: Any) -> list[tuple[str, str]]:
    if not inspect.isclass(value):
        return []
    return [
        (name, inspect.getdoc(getattr(value, name)) or "")
        for owner in (value, *_parts(value))
        for name, one in vars(owner).items()
        if not name.startswith("_") and (inspect.isfunction(one) or isinstance(one, property))
        if not _of_the_engine(value, name)
    ]


def _parts(value: type) -> list[type]:
    """The classes that ``value`` is put together from, and that nobody imports for themselves."""
    return [base for base in value.__mro__[1:] if base.__name__ == f"{value.__name__}View"]


def _of_the_engine(value: type, name: str) -> bool:
    """Whether a method of a box is for the engine to call: what it means is said of ``Processor``."""
    if not issubclass(value, Processor) or value is Processor:
        return False
    return name.startswith("on_") or (hasattr(Processor, name) and name != "build")


def _inherited(value: type, name: str) -> str:
    return inspect.getdoc(getattr(value, name)) or ""


def _called(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _node(value: Any) -> ast.AST:
    if hasattr(value, "__wrapped__"):
        value = inspect.unwrap(value)
    return ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]


def _signature(node: ast.AST) -> str:
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    arguments = node.args
    for group in (arguments.posonlyargs, arguments.args):
        if group and group[0].arg in ("self", "cls"):
            del group[0]
            break
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        # What an option means and may be stands in `livegraph inspect`.
        if (
            isinstance(argument.annotation, ast.Subscript)
            and _called(argument.annotation.value) == "Annotated"
        ):
            inside = argument.annotation.slice
            argument.annotation = inside.elts[0] if isinstance(inside, ast.Tuple) else inside
    returned = (
        f" -> {ast.unparse(node.returns)}" if node.returns is not None and node.name != "__init__" else ""
    )
    return f"({ast.unparse(arguments)}){returned}"


_COMMENTS: dict[str, str] = {}
_READ: set[str] = set()


def _comment_of(name: str) -> str:
    """The text below a constant, wherever it is defined."""
    # What exports load when they are used is there when the page comes to them, and not before.
    for called, module in list(sys.modules.items()):
        if called in _READ or not called.startswith("livegraph.") or not getattr(module, "__file__", None):
            continue
        _READ.add(called)
        for one, following in itertools.pairwise(ast.parse(inspect.getsource(module)).body):
            targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                for target in targets:
                    if isinstance(target, ast.Name) and isinstance(one, ast.Assign | ast.AnnAssign):
                        _COMMENTS.setdefault(target.id, str(following.value.value))
    return _COMMENTS.get(name, "")


def _summary(text: str) -> str:
    return text.strip().split("\n\n")[0]


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").rstrip(":")


def _text(text: str) -> str:
    """A docstring as Markdown: its code blocks fenced, its names in single backticks."""
    made: list[str] = []
    in_code = False
    for line in text.replace("``", "`").splitlines():
        if in_code and line and not line.startswith(" "):
            made[-1:] = ["```", ""] if not made[-1] else [made[-1], "```", ""]
            in_code = False
        if (
            not in_code
            and line.startswith("    ")
            and made
            and not made[-1]
            and made[-2:-1]
            and made[-2].endswith(":")
        ):
            made.append("```python")
            in_code = True
        made.append(line[4:] if in_code else line)
        if not in_code and line.rstrip().endswith("::"):
            made[-1] = line.rstrip()[:-1]
    if in_code:
        made.append("```")
    return "\n".join(made).strip()
