"""Anchors, aliases and tags: what may stand before a node, or in its place. YAML 1.2, chapters 6.9 and 7.1."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .core import CORE
from .cursor import Cursor
from .places import Span
from .tree import Node

__all__ = ["Properties", "alias", "close", "combined", "opened", "read_properties"]

_ANCHOR = re.compile(r"&([^ \t\n,\[\]{}\ufeff]+)")
_ALIAS = re.compile(r"\*([^ \t\n,\[\]{}\ufeff]+)")
_URI = r"(?:[\w\-#;/?:@&=+$,.!~*'()\[\]]|%[0-9A-Fa-f]{2})"
_VERBATIM = re.compile(rf"!<({_URI}+)>", re.ASCII)
_TAG = re.compile(r"(!(?:[\w-]*!)?)((?:[\w\-#;/?:@&=+$.~*'()]|%[0-9A-Fa-f]{2})*)", re.ASCII)
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")


@dataclass(slots=True)
class Properties:
    """What stands before a node."""

    start: int
    end: int
    anchor: str = ""
    tag: str = ""
    tag_span: Span | None = None


def read_properties(cursor: Cursor, flow: bool) -> Properties | None:
    """The properties that begin here, all on one line; the cursor moves to what follows them."""
    text = cursor.text
    made: Properties | None = None
    while (sign := text[cursor.pos : cursor.pos + 1]) in ("&", "!") and sign:
        start = cursor.pos
        if made is None:
            made = Properties(start, start)
        if sign == "&":
            match = _ANCHOR.match(text, start)
            if match is None:
                cursor.fail(
                    "an anchor without a name", start, hint="text that begins with `&` goes in quotes"
                )
            if made.anchor:
                cursor.fail("a value cannot have two anchors", start, match.end())
            made.anchor, made.end = match[1], match.end()
        else:
            if made.tag:
                cursor.fail("a value cannot have two tags", start)
            made.tag, made.end = _tag(cursor, start)
            made.tag_span = cursor.span(start, made.end)
        if not cursor.blank_after(made.end) and not (flow and text[made.end] in ",]}"):
            hint = "text that begins with `!` or `&` goes in quotes"
            cursor.fail(f"a space is missing behind `{text[start : made.end]}`", made.end, hint=hint)
        cursor.pos = made.end
        stop = made.end
        while text[stop : stop + 1] in (" ", "\t"):
            stop += 1
        if text[stop : stop + 1] in ("&", "!"):
            cursor.pos = stop
    return made


def combined(cursor: Cursor, outer: Properties, inner: Properties) -> Properties:
    """Properties that stand on two lines and belong to one value."""
    if (outer.anchor and inner.anchor) or (outer.tag and inner.tag):
        cursor.fail("a value cannot have two anchors or two tags", inner.start, inner.end)
    if outer.tag:
        inner.tag, inner.tag_span = outer.tag, outer.tag_span
    inner.anchor = inner.anchor or outer.anchor
    return inner


def _tag(cursor: Cursor, start: int) -> tuple[str, int]:
    text = cursor.text
    if text[start + 1 : start + 2] == "<":
        match = _VERBATIM.match(text, start)
        if match is None or match[1] == "!":
            cursor.fail("a tag in `!< >` is not closed or not an address", start)
        return match[1], match.end()
    match = _TAG.match(text, start)
    assert match is not None
    handle, suffix = match[1], match[2]
    if not suffix and handle != "!":
        cursor.fail(f"the tag `{handle}` has no name", start, match.end())
    if suffix or handle != "!":
        prefix = cursor.handles.get(handle, {"!": "!", "!!": CORE}.get(handle))
        if prefix is None:
            cursor.fail(f"nothing says what the tag `{handle}` means", start, match.end())
        # What the percent signs of an address stand for counts.
        suffix = _PERCENT.sub(lambda found: chr(int(found[1], 16)), suffix)
        return prefix + suffix, match.end()
    return "!", match.end()


def opened(cursor: Cursor, node: Node, *given: Properties | None) -> Node:
    """``node`` with its properties; an alias of it inside of it is a fault until ``close``."""
    for one in given:
        if one is not None and one.tag:
            node.tag, node.tag_span = one.tag, one.tag_span
        if one is not None and one.anchor:
            cursor.anchors[one.anchor] = node
            if node.collection:
                cursor.open.add(one.anchor)
    return node


def close(cursor: Cursor, *given: Properties | None) -> None:
    """The node with these properties is complete."""
    for one in given:
        if one is not None and one.anchor:
            cursor.open.discard(one.anchor)


def alias(cursor: Cursor, before: Properties | None) -> Node:
    """The node that the alias here stands for; one of nothing is a fault and empty."""
    match = _ALIAS.match(cursor.text, cursor.pos)
    if match is None:
        cursor.fail("a value cannot begin with `*`", cursor.pos, hint="put it in quotes")
    name, start = match[1], cursor.pos
    if before is not None:
        cursor.fail("an alias cannot have an anchor or a tag of its own", before.start, match.end())
    cursor.pos = match.end()
    if name in cursor.open:
        cursor.note("alias", f"`*{name}` stands inside of what it stands for", start, match.end())
    elif name in cursor.anchors:
        return cursor.anchors[name]
    elif name.endswith(":") and name[:-1] in cursor.anchors:
        hint = f"write `*{name[:-1]} :`, with a space before the colon"
        cursor.fail(f"there is no anchor `&{name}` above", start, match.end(), hint, kind="alias")
    else:
        hint = f"mark what it repeats with `&{name}`; text that begins with `*` goes in quotes"
        cursor.note("alias", f"there is no anchor `&{name}` above", start, match.end(), hint)
    return Node(cursor.span(start, match.end()))
