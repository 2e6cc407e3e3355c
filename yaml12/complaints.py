"""What cannot stand where it stands, in words that help."""

from __future__ import annotations

import json
import re
from typing import NoReturn

from .characters import structural_lookalike
from .cursor import Cursor
from .places import Edit

__all__ = ["cannot_begin", "colon", "key_without_colon", "misfit", "not_closed", "trailing"]

_GLUED = re.compile(r"([ \t]*(?:- )?)([A-Za-z_]\w*):([^\s/].*)")
_REFERENCE = re.compile(r"\$\{[^{}\n]*\}(?=\s*[,}\]])")
_LINE_TEXT = re.compile(r"[^\n#'\"\\]+(?<!\s)(?=\s*(?:\n|$)|\s+#)")
_OWN_LINE = re.compile(r":\s+$")


def not_closed(cursor: Cursor, opening: int) -> NoReturn:
    """Something stands, or the text ends, where the brackets that opened go on or close."""
    text, pos = cursor.text, cursor.pos
    if text[max(0, pos - 1) : pos + 1] == "${":
        _reference(cursor, pos)
    if cursor.pos < cursor.end and text[pos] == "#":
        cursor.fail("a space is missing before the `#` of a comment", pos, edit=cursor.insertion(pos, " "))
    if cursor.pos < cursor.end and text[pos] in "]}":
        message = f"the `{text[opening]}` of line {cursor.line_of(opening)} is closed by `{text[pos]}`"
        cursor.fail(message, pos)
    hint = structural_lookalike(text[opening:pos])
    message = f"the `{text[opening]}` of line {cursor.line_of(opening)} is not closed before this"
    cursor.fail(message, pos, hint=hint)


def cannot_begin(cursor: Cursor, opening: int = -1) -> NoReturn:
    """No value begins with what stands here. ``opening`` is the bracket around it, if there is one."""
    text, pos = cursor.text, cursor.pos
    sign = text[pos]
    if sign == "#":
        cursor.fail("a space is missing before the `#` of a comment", pos, edit=cursor.insertion(pos, " "))
    if opening >= 0 and sign in "]}":
        not_closed(cursor, opening)
    bol = text.rfind("\n", 0, pos) + 1
    edit = None
    if sign in "@`%" and _OWN_LINE.search(text[bol:pos]) and opening < 0:
        match = _LINE_TEXT.match(text, pos)
        edit = _quoted(cursor, pos, match)
    hint = "put it in quotes"
    if sign in "-?:":
        hint = f"text that begins with `{sign}` goes in quotes"
    cursor.fail(f"a value cannot begin with `{sign}`", pos, hint=hint, edit=edit)


def colon(cursor: Cursor, pos: int) -> NoReturn:
    """A ``:`` that divides no key from a value."""
    _glued(cursor, pos)
    bol = cursor.text.rfind("\n", 0, pos) + 1
    above = cursor.text.rfind("\n", 0, bol - 1) + 1 if bol else 0
    hint = (
        structural_lookalike(cursor.text[above:pos])
        or "text that holds `: ` goes in quotes, or a line is indented wrongly"
    )
    cursor.fail("a `:` cannot stand here", pos, hint=hint)


def key_without_colon(cursor: Cursor, start: int, end: int) -> NoReturn:
    """A line of a mapping that has no colon."""
    hint = "write `key: value`, with a space after the colon"
    match = _GLUED.match(cursor.text, start)
    if match and not match[1] and match.end(2) < end:
        after = match.end(2) + 1
        hint = f"write `{match[2]}: {_short(match[3])}`"
        cursor.fail("a space is missing after the `:`", start, after, hint, edit=cursor.insertion(after, " "))
    cursor.fail("a key without its `:`", start, hint=hint)


def misfit(cursor: Cursor) -> NoReturn:
    """Something at the beginning of a line that belongs to nothing above it."""
    if cursor.tab >= 0:
        cursor.fail("a tab cannot indent YAML", cursor.tab, hint="use spaces", kind="tab")
    if cursor.text[cursor.pos] in "]}":
        cursor.fail(f"this `{cursor.text[cursor.pos]}` closes nothing", cursor.pos)
    hint = "keys of one mapping begin in the same column"
    cursor.fail("this does not fit what is above it", cursor.pos, hint=hint)


def trailing(cursor: Cursor, start: int, ended: int) -> NoReturn:
    """Something follows a value, which began at ``start`` and ended at ``ended``, on its line."""
    text, pos = cursor.text, cursor.pos
    if text[pos] == ":" and cursor.blank_after(pos + 1):
        colon(cursor, pos)
    if text[pos] == "#":
        cursor.fail("a space is missing before the `#` of a comment", pos, edit=cursor.insertion(pos, " "))
    if text[pos] == ":" and text[ended - 1] in "'\"]}":
        cursor.fail("a space is missing after the `:`", pos, edit=cursor.insertion(pos + 1, " "))
    if text[ended - 1] in "'\"" and text[start] == text[ended - 1]:
        hint = "put the whole text in quotes"
        if text[start] == "'":
            hint = "in single quotes an apostrophe is written twice, or put the text in double quotes"
        cursor.fail("the text goes on after the quote that ends it", pos, hint=hint)
    if text[pos] in "]}":
        cursor.fail(f"this `{text[pos]}` closes nothing", pos)
    cursor.fail(
        "this does not fit what is before it", pos, hint="text with special characters goes in quotes"
    )


def _reference(cursor: Cursor, pos: int) -> NoReturn:
    edit = _quoted(cursor, pos - 1, _REFERENCE.match(cursor.text, pos - 1))
    hint = 'put the value in quotes: "${NAME}"'
    cursor.fail("a bare `${` cannot stand inside of `{ }` or `[ ]`", pos, hint=hint, edit=edit)


def _glued(cursor: Cursor, pos: int) -> None:
    """Complain of the line above a ``:`` when it was meant to be ``key: value`` and lacks the space."""
    bol = cursor.text.rfind("\n", 0, pos) + 1
    if not bol:
        return
    above = cursor.text.rfind("\n", 0, bol - 1) + 1
    match = _GLUED.fullmatch(cursor.text, above, bol - 1)
    if match is None:
        return
    hint = f"write `{match[2]}: {_short(match[3])}`"
    edit = cursor.insertion(match.end(2) + 1, " ")
    cursor.fail("a space is missing after the `:`", match.start(2), match.end(2) + 1, hint, edit=edit)


def _quoted(cursor: Cursor, index: int, match: re.Match[str] | None) -> Edit | None:
    """Quotes around what was found at ``index``; ``None`` where nothing was."""
    if match is None:
        return None
    return Edit(cursor.stretch(index, match.end()), json.dumps(match[0], ensure_ascii=False))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
