"""A text to its documents. YAML 1.2, chapters 6.8 and 9."""

from __future__ import annotations

import re

from .block import block_node
from .characters import LINE_BREAK, NOWHERE, ONLY_QUOTED, name_of
from .complaints import misfit
from .cursor import Cursor
from .tree import Document

__all__ = ["MAX_DEPTH", "MAX_NODES", "read_documents"]

MAX_DEPTH = 50
MAX_NODES = 100_000

_DIRECTIVE = re.compile(r"%([^ \t\n]*)([^\n]*)")
_COMMENT = re.compile(r"(?<=[ \t])#")
_VERSION = re.compile(r"([0-9]+)\.([0-9]+)")
_HANDLE = re.compile(r"![\w-]*!?", re.ASCII)


def read_documents(text: str, *, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES) -> list[Document]:
    """The documents of a text; one that holds nothing but comments has none.

    Raises:
        YamlError: it is not YAML 1.2, or larger than the limits allow.
    """
    cursor = Cursor(LINE_BREAK.sub("\n", text), max_depth, max_nodes)
    _check_characters(cursor)
    made: list[Document] = []
    bare = True
    while True:
        _past_mark(cursor)
        start = cursor.pos
        cursor.skip()
        if cursor.pos >= cursor.end:
            break
        _past_mark(cursor)
        directives = _directives(cursor) if bare else False
        start = cursor.pos
        explicit = cursor.pos == cursor.bol and cursor.marker(start) and cursor.text[start] == "-"
        if directives and not explicit:
            cursor.fail("`---` is missing behind the directives", start)
        if cursor.at_end() and not explicit:
            _document_end(cursor)
            bare = True
            continue
        if not explicit and not bare:
            misfit(cursor)
        made.append(_document(cursor, explicit))
        bare = not cursor.pos >= cursor.end and cursor.text[cursor.pos] == "."
        if bare:
            _document_end(cursor)
        elif not cursor.at_end():
            misfit(cursor)
    if cursor.quoted is not None:
        _check_quoted(cursor)
    return made


def _document(cursor: Cursor, explicit: bool) -> Document:
    start = cursor.pos
    cursor.anchors, cursor.open, cursor.faults, cursor.shallow = {}, set(), [], []
    if explicit:
        cursor.pos += 3
        cursor.fresh = False
    else:
        cursor.pos = cursor.bol
        cursor.fresh = True
    root = block_node(cursor, -1, 0, compact=not explicit)
    cursor.handles = {}
    if not cursor.at_end():
        misfit(cursor)
    return Document(root, cursor.span(start, start), cursor.faults + cursor.shallow)


def _document_end(cursor: Cursor) -> None:
    """Go over ``...``."""
    cursor.pos += 3
    if not cursor.skip() and cursor.pos < cursor.end:
        cursor.fail("nothing can stand behind `...`", cursor.pos)


def _past_mark(cursor: Cursor) -> None:
    """Go over the byte order mark, which a document may begin with."""
    if cursor.text[cursor.pos : cursor.pos + 1] == "\ufeff" and cursor.pos == cursor.bol:
        cursor.pos += 1
        cursor.bol += 1


def _directives(cursor: Cursor) -> bool:
    """Read the lines that begin with ``%``; whether there were any."""
    found = False
    version = False
    text = cursor.text
    while cursor.pos == cursor.bol and text[cursor.pos : cursor.pos + 1] == "%":
        start = cursor.pos
        match = _DIRECTIVE.match(text, start)
        assert match is not None
        name = match[1]
        given = _COMMENT.split(match[2], maxsplit=1)[0].split()
        if name == "YAML":
            number = _VERSION.fullmatch(given[0]) if len(given) == 1 else None
            if number is None or version:
                cursor.fail("`%YAML` takes a version, once", start, match.end(), "such as `%YAML 1.2`")
            if number[1] != "1":
                cursor.fail(f"YAML {given[0]} is not known", start, match.end(), "YAML 1.2 is read here")
            version = True
        elif name == "TAG":
            if len(given) != 2 or not _HANDLE.fullmatch(given[0]) or given[0] in cursor.handles:
                hint = "such as `%TAG !e! tag:example.com,2026:`"
                cursor.fail("`%TAG` takes a handle and what it stands for, once", start, match.end(), hint)
            cursor.handles[given[0]] = given[1]
        elif not name:
            cursor.fail("a value cannot begin with `%`", start, hint="put it in quotes")
        found = True
        cursor.pos = match.end()
        cursor.skip()
    return found


def _check_characters(cursor: Cursor) -> None:
    text = cursor.text
    if match := NOWHERE.search(text):
        message = f"the control character {name_of(match[0])} cannot stand in YAML"
        if "\ud800" <= match[0] <= "\udfff":
            message = "half of a character (a lone surrogate) stands here"
        cursor.fail(message, match.start(), hint="remove it", kind="character")
    if ONLY_QUOTED.search(text, 1):
        cursor.quoted = []


def _check_quoted(cursor: Cursor) -> None:
    """Characters that are right inside of quotes stand nowhere else."""
    spans = sorted(cursor.quoted or [])
    at = 0
    for match in ONLY_QUOTED.finditer(cursor.text, 1):
        index = match.start()
        while at < len(spans) and spans[at][1] <= index:
            at += 1
        if at < len(spans) and spans[at][0] < index:
            continue
        if match[0] == "\ufeff" and cursor.text[index - 1 : index] == "\n":
            continue
        message = f"the character {name_of(match[0])} cannot stand outside of quotes"
        hint = "remove it, or write it in double quotes"
        cursor.fail(message, index, hint=hint, kind="character")
