"""Whoever catches everything says why: a fault that nobody meant to catch is a fault that nobody sees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("cli", "server")
BROAD = {"Exception", "BaseException"}


def modules() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def caught(kind: ast.expr | None) -> Iterator[str]:
    """The names that a handler catches; a bare one catches everything."""
    if kind is None:
        yield "BaseException"
    for one in kind.elts if isinstance(kind, ast.Tuple) else [kind]:
        if isinstance(one, ast.Name):
            yield one.id


@pytest.mark.parametrize("room", ROOMS)
def test_each_has_a_reason_beside_it(room: str) -> None:
    """A comment behind the `except`, or as the first thing in its block."""
    bare = []
    for path in (path for path in modules() if path.relative_to(ROOT).parts[0] == room):
        text = path.read_text("utf-8")
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.ExceptHandler) or not BROAD & set(caught(node.type)):
                continue
            beside = lines[node.lineno - 1 : node.body[0].lineno]
            if not any("#" in line for line in beside):
                bare.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not bare
