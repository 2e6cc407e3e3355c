"""Scalars that may go over several lines: plain, in quotes, and in blocks behind ``|`` and ``>``.

YAML 1.2, chapters 7.3 and 8.1. ``parent`` is the column of the collection around, -1 for none: every line must be
indented deeper than that.
"""

from __future__ import annotations

import re
from typing import NoReturn

from .cursor import Cursor
from .places import Edit, Fault

__all__ = ["block_scalar", "double_quoted", "first_line", "plain", "single_quoted", "starts_plain"]

_BLOCK_LINE = re.compile(r"(?:[ \t]*(?:[^ \t\n:#]+|:(?=[^ \t\n])|(?<=[^ \t\n])#))*")
_FLOW_LINE = re.compile(r"(?:[ \t]*(?:[^ \t\n:#,\[\]{}]+|:(?=[^ \t\n,\[\]{}])|(?<=[^ \t\n])#))*")
_FOLD = re.compile(r"[ \t]*+(?:\n[ \t]*+(?=\n))*+\n( *+)[ \t]*+(?=[^ \t\n#])")
_BLOCK_FIRST = re.compile(r"[^-?:,\[\]{}#&*!|>'\"%@` \t\n]|[-?:](?=[^ \t\n])")
_FLOW_FIRST = re.compile(r"[^-?:,\[\]{}#&*!|>'\"%@` \t\n]|[-?:](?=[^ \t\n,\[\]{}])")

_DOUBLE = re.compile(r'"((?:[^"\\]++|\\[\s\S])*+)"')
_SINGLE = re.compile(r"'((?:[^']++|'')*+)'")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[\s\S])")
_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")
_LONE = re.compile("[\ud800-\udfff]")
_ENTRY = re.compile(r"[ \t]*(?:- |[^\s:#'\"]+:(?:[ \t]|$))", re.MULTILINE)
_HEADER = re.compile(r"[|>](?:([1-9])?([-+])?|([-+])([1-9]))(?=[ \t\n]|\Z)")
_COMMENT = re.compile(r"[ \t]*(?:(?<=[ \t])#[^\n]*)?(?:\n|\Z)")

_ESCAPED = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "\t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    " ": " ",
    '"': '"',
    "/": "/",
    "\\": "\\",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}
_DIGITS = {"x": 2, "u": 4, "U": 8}


def starts_plain(cursor: Cursor, flow: bool) -> bool:
    """Whether a plain scalar begins here."""
    return (_FLOW_FIRST if flow else _BLOCK_FIRST).match(cursor.text, cursor.pos) is not None


def first_line(cursor: Cursor, flow: bool) -> int:
    """Where the first line of the plain scalar ends that begins here."""
    match = (_FLOW_LINE if flow else _BLOCK_LINE).match(cursor.text, cursor.pos)
    assert match is not None
    return match.end()


def plain(cursor: Cursor, end: int, parent: int, flow: bool) -> str:
    """The text of a plain scalar whose first line ends at ``end``; the cursor moves behind it."""
    text = cursor.text
    parts = [text[cursor.pos : end]]
    while (fold := _FOLD.match(text, end)) is not None:
        bol, start = fold.start(1), fold.end()
        if fold.end(1) - bol <= parent:
            if not flow:
                break
            shallow(cursor, bol, start, parent)
        if start == bol and cursor.marker(bol):
            break
        match = (_FLOW_LINE if flow else _BLOCK_LINE).match(text, start)
        assert match is not None
        if match.end() == start:
            break
        breaks = text.count("\n", end, bol)
        parts += ["\n" * (breaks - 1) if breaks > 1 else " ", text[start : match.end()]]
        cursor.bol, end = bol, match.end()
    cursor.pos = end
    return "".join(parts)


def shallow(cursor: Cursor, bol: int, start: int, parent: int) -> None:
    """Note that a line inside of brackets or quotes begins too far left. What is wrong later counts more."""
    width = parent + 1
    if cursor.text.find("\t", bol, start) >= 0:
        edit = Edit(cursor.stretch(bol, start), " " * width)
        fault = Fault("tab", "a tab cannot indent YAML", cursor.span(bol, bol), "use spaces", edit)
    else:
        message = "a line inside of brackets or quotes is indented deeper than what they belong to"
        edit = cursor.insertion(bol, " " * (width - (start - bol)))
        fault = Fault("syntax", message, cursor.span(start, start), f"begin it in column {width + 1}", edit)
    cursor.shallow.append(fault)


def double_quoted(cursor: Cursor, parent: int) -> str:
    """The text in double quotes that begins here; the cursor moves behind it."""
    start = cursor.pos
    match = _DOUBLE.match(cursor.text, start)
    if match is None:
        _not_closed(cursor, start)
    raw = match[1]
    if "\n" in raw:
        _continued(cursor, start, match.end(), parent)
    made = _unescaped(cursor, raw, start + 1) if "\\" in raw else _folded(raw) if "\n" in raw else raw
    _behind(cursor, start, match.end())
    return made


def single_quoted(cursor: Cursor, parent: int) -> str:
    """The text in single quotes that begins here; the cursor moves behind it."""
    start = cursor.pos
    match = _SINGLE.match(cursor.text, start)
    if match is None:
        _not_closed(cursor, start)
    raw = match[1]
    if "\n" in raw:
        _continued(cursor, start, match.end(), parent)
        raw = _folded(raw)
    _behind(cursor, start, match.end())
    return raw.replace("''", "'")


def _not_closed(cursor: Cursor, start: int) -> NoReturn:
    cursor.fail("this quote is not closed", start, hint="close it at the end of the text", kind="quote")


def _behind(cursor: Cursor, start: int, end: int) -> None:
    if cursor.quoted is not None:
        cursor.quoted.append((start, end))
    cursor.pos = end
    cursor.bol = cursor.text.rfind("\n", cursor.bol, end) + 1 or cursor.bol


def _continued(cursor: Cursor, start: int, end: int, parent: int) -> None:
    """Check how the further lines of a quoted scalar begin."""
    text, bol = cursor.text, text_after(cursor.text, start, end)
    while bol:
        indent = cursor.indent_of(bol)
        first = bol + indent
        while text[first] == "\t":
            first += 1
        if text[first] != "\n":
            if first == bol and cursor.marker(bol):
                _not_closed(cursor, start)
            if indent <= parent:
                if _ENTRY.match(text, bol):
                    _not_closed(cursor, start)
                shallow(cursor, bol, first, parent)
        bol = text_after(text, bol, end)


def text_after(text: str, start: int, end: int) -> int:
    """Where the next line begins, 0 when there is none before ``end``."""
    return text.find("\n", start, end) + 1


def _folded(raw: str) -> str:
    """Lines joined as in quotes: one break is a space, each further one a break."""
    lines = raw.split("\n")
    last = len(lines) - 1
    lines = [
        line.strip(" \t") if 0 < at < last else line.rstrip(" \t") if at == 0 else line.lstrip(" \t")
        for at, line in enumerate(lines)
    ]
    return _joined(lines, [False] * len(lines))


def _joined(lines: list[str], glued: list[bool]) -> str:
    """``glued`` says of each line whether its break was escaped."""
    parts = [lines[0]]
    empty = 0
    glue = glued[0]
    for at in range(1, len(lines)):
        if not lines[at] and at < len(lines) - 1 and not glued[at]:
            empty += 1
            continue
        parts += ["\n" * empty if empty or glue else " ", lines[at]]
        empty, glue = 0, glued[at]
    return "".join(parts)


def _unescaped(cursor: Cursor, raw: str, base: int) -> str:
    lines = raw.split("\n")
    glued = [False] * len(lines)
    last = len(lines) - 1
    for at, line in enumerate(lines):
        offset, base = base, base + len(line) + 1
        if at:
            bare = line.lstrip(" \t")
            offset += len(line) - len(bare)
            line = bare
        if at < last:
            bare = line.rstrip(" \t")
            if (len(bare) - len(bare.rstrip("\\"))) % 2:
                if len(bare) < len(line):  # the white space itself is escaped
                    bare = line[: len(bare) + 1]
                else:
                    glued[at] = True
                    bare = bare[:-1]
            line = bare
        lines[at] = _escapes(cursor, line, offset)
    made = _PAIR.sub(_joined_pair, _joined(lines, glued))
    if _LONE.search(made):
        message = "half of a character (a lone surrogate) is written here"
        cursor.note("character", message, cursor.pos, cursor.pos + len(raw) + 2)
        made = _LONE.sub("\ufffd", made)
    return made


def _escapes(cursor: Cursor, line: str, base: int) -> str:
    return _ESCAPE.sub(lambda match: _escape(cursor, match[1], base + match.start()), line)


def _joined_pair(match: re.Match[str]) -> str:
    high, low = ord(match[1]) - 0xD800, ord(match[2]) - 0xDC00
    return chr(0x10000 + (high << 10) + low)


def _escape(cursor: Cursor, code: str, at: int) -> str:
    if len(code) > 1:
        number = int(code[1:], 16)
        if number > 0x10FFFF:
            cursor.fail(f"there is no character {code[1:].upper()}", at + 2, hint="the last one is 10FFFF")
        return chr(number)
    made = _ESCAPED.get(code)
    if made is not None:
        return made
    if code in _DIGITS:
        hint = f"after `\\{code}` come {_DIGITS[code]} hexadecimal digits"
        cursor.fail(f"`\\{code}` is not finished", at, at + 2, hint)
    hint = "in double quotes a backslash is written twice, or put the text in single quotes"
    cursor.fail(f"there is no escape `\\{code}`", at, at + 2, hint, edit=cursor.insertion(at, "\\"))


def block_scalar(cursor: Cursor, parent: int) -> tuple[str, int]:
    """The text behind ``|`` or ``>``, and where it ends; the cursor moves to the line after it."""
    text, start = cursor.text, cursor.pos
    header = _HEADER.match(text, start)
    rest = _COMMENT.match(text, header.end()) if header else None
    if header is None or rest is None:
        shown = text[start]
        hint = f"the text begins in the next line; text that begins with `{shown}` goes in quotes"
        cursor.fail(f"this cannot stand behind `{shown}`", start, start + 1, hint)
    chomping = header[2] or header[3] or ""
    given = header[1] or header[4]
    indent = max(parent, 0) + int(given) if given else -1
    lines: list[str] = []
    widest, widest_at = 0, 0
    pos, stop = rest.end(), header.end()
    while pos < cursor.end:
        stop_line = text.find("\n", pos)
        stop_line = cursor.end if stop_line < 0 else stop_line
        spaces = cursor.indent_of(pos)
        if pos + spaces == stop_line:
            if indent < 0 and spaces > widest:
                widest, widest_at = spaces, pos
            lines.append(text[pos + indent : stop_line] if 0 <= indent < spaces else "")
        else:
            if indent < 0:
                if spaces <= parent:
                    _no_tab_line(cursor, pos, stop_line)
                    break
                indent = spaces
                if widest > indent:
                    hint = f"remove the spaces, or write `{text[start]}{indent - max(parent, 0)}`"
                    message = "this empty line is indented deeper than the text below it"
                    cursor.fail(message, widest_at, widest_at + widest, hint)
            if spaces < indent or (spaces == 0 and cursor.marker(pos)):
                _no_tab_line(cursor, pos, stop_line)
                break
            lines.append(text[pos + indent : stop_line])
            stop = stop_line
        pos = stop_line + 1
    cursor.pos = pos = min(pos, cursor.end)
    cursor.bol = text.rfind("\n", 0, pos) + 1
    cursor.fresh = True
    return _chomped(lines, text[start] == ">", chomping), stop


def _no_tab_line(cursor: Cursor, start: int, end: int) -> None:
    """An empty line below a block has spaces, and no tab, or it is none."""
    line = cursor.text[start:end]
    if not line.strip(" \t"):
        tab = start + line.index("\t")
        cursor.fail("a tab cannot indent YAML", tab, hint="use spaces", kind="tab")


def _chomped(lines: list[str], folded: bool, chomping: str) -> str:
    count = len(lines)
    while count and not lines[count - 1]:
        count -= 1
    body = _block_folded(lines[:count]) if folded else "\n".join(lines[:count])
    if chomping == "+":
        # A last line that ends with the text ends all the same.
        return body + "\n" * (len(lines) - count + (1 if count else 0))
    return body + "\n" if count and not chomping else body


def _block_folded(lines: list[str]) -> str:
    parts: list[str] = []
    empty, spaced, first = 0, False, True
    for line in lines:
        if not line:
            empty += 1
            continue
        now = line[0] in " \t"
        if first:
            parts.append("\n" * empty)
        elif spaced or now:
            parts.append("\n" * (empty + 1))
        else:
            parts.append("\n" * empty or " ")
        parts.append(line)
        empty, spaced, first = 0, now, False
    return "".join(parts)
