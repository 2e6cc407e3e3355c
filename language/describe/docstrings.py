"""What docstrings say: of a processor its purpose, more about it and an example; of a class its fields."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, get_args, get_origin, get_type_hints

from ...pipeline.options import Doc

__all__ = ["BoxDoc", "annotated_docs", "box_doc", "field_docs", "plain"]

_EXAMPLE = re.compile(r"^Examples?:\s*$", re.MULTILINE)
_PORTS = re.compile(r"\APorts?: .*?\.(?:\s+|\Z)", re.DOTALL)
_ROLE = re.compile(r":[a-z:]+:(?=`)")


@dataclass(frozen=True, slots=True)
class BoxDoc:
    """A processor's docstring, taken apart."""

    purpose: str = ""
    """The first paragraph on one line."""
    about: tuple[str, ...] = ()
    """Further paragraphs, each on one line."""
    example: str = ""
    """The YAML below ``Example:``; empty when there is none."""


def box_doc(cls: type) -> BoxDoc:
    """The docstring of ``cls``; where that says no more than the purpose, its module's says more."""
    own = inspect.cleandoc(cls.__doc__ or "")
    text, example = _split(own)
    purpose, *about = _paragraphs(text)
    if not about:
        about = _paragraphs(_without_ports(_module_text(cls, example)))[1:]
    return BoxDoc(purpose, tuple(paragraph for paragraph in about if paragraph), example)


def field_docs(cls: type) -> dict[str, str]:
    """The texts right below the fields of a class, by field; none where the source cannot be read.

    Attributes that the constructor sets count as fields too; one without a text is there with an empty one.
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):  # a class made at run time, an interpreter without sources
            continue
        if not (tree.body and isinstance(tree.body[0], ast.ClassDef)):
            continue
        body = tree.body[0].body
        found |= dict(_documented(body))
        for part in body:
            if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                found |= dict(_documented(part.body))
    return found


def annotated_docs(cls: type) -> dict[str, str]:
    """The ``Doc`` of each annotated field of a class that has one."""
    return {
        name: plain(mark.text)
        for name, hint in get_type_hints(cls, include_extras=True).items()
        if get_origin(hint) is Annotated
        for mark in get_args(hint)[1:]
        if isinstance(mark, Doc)
    }


def plain(text: str) -> str:
    """A paragraph on one line, with the marks of reStructuredText as people know them (`` `x` ``)."""
    return " ".join(_ROLE.sub("", text).replace("``", "`").split())


def _module_text(cls: type, example: str) -> str:
    """The text of the module of ``cls`` when it is about this one box: it has an example of the same box."""
    module = sys.modules.get(cls.__module__)
    text, example_there = _split(inspect.cleandoc(getattr(module, "__doc__", None) or ""))
    several = [
        found
        for found in vars(module).values()
        if isinstance(found, type)
        and found.__module__ == cls.__module__
        and "Example:" in (found.__doc__ or "")
    ]
    alike = example_there.partition(":")[0].strip() == example.partition(":")[0].strip()
    return text if example_there and alike and len(several) == 1 else ""


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, below in itertools.zip_longest(body, body[1:]):
        targets = field.targets if isinstance(field, ast.Assign) else [getattr(field, "target", None)]
        for target in targets:
            name = target.id if isinstance(target, ast.Name) else getattr(target, "attr", "")
            if name:
                yield name, plain(_text(below))


def _text(statement: ast.stmt | None) -> str:
    """The docstring that a statement is; empty when it is something else."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _split(text: str) -> tuple[str, str]:
    """What stands before ``Example:``, and the block below it."""
    match = _EXAMPLE.search(text)
    if match is None:
        return text, ""
    lines: list[str] = []
    for line in text[match.end() :].strip("\n").splitlines():
        if line and not line[0].isspace():
            break
        lines.append(line)
    return text[: match.start()].rstrip(), textwrap.dedent("\n".join(lines)).strip()


def _paragraphs(text: str) -> list[str]:
    return [plain(paragraph) for paragraph in re.split(r"\n\s*\n", text.strip())]


def _without_ports(text: str) -> str:
    """A module's text without the list of ports, which is told better from the class."""
    return "\n\n".join(_PORTS.sub("", paragraph) for paragraph in re.split(r"\n\s*\n", text))
