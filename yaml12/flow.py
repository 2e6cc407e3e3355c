"""What brackets hold, and the values that fit on a line. YAML 1.2, chapter 7."""

from __future__ import annotations

from .complaints import cannot_begin, not_closed
from .cursor import Cursor
from .properties import alias, close, combined, opened, read_properties
from .scalars import double_quoted, first_line, plain, shallow, single_quoted, starts_plain
from .tree import Node

__all__ = ["LONGEST_KEY", "brackets", "flow_node", "is_value_sign"]

LONGEST_KEY = 1024
"""Characters of a key that stands on one line with its colon."""


def brackets(cursor: Cursor, node: Node, parent: int, depth: int) -> None:
    """Fill ``node`` with what the brackets hold that open here; the cursor moves behind them."""
    start = cursor.pos
    if cursor.text[start] == "[":
        node.items = []
        _sequence(cursor, node.items, start, parent, depth)
    else:
        node.pairs = []
        _mapping(cursor, node.pairs, start, parent, depth)


def is_value_sign(cursor: Cursor, *, json_key: bool = False, flow: bool = True) -> bool:
    """Whether a ``:`` stands here that divides key and value; behind a key in quotes or brackets any does."""
    text, pos = cursor.text, cursor.pos
    if text[pos : pos + 1] != ":":
        return False
    return json_key or cursor.blank_after(pos + 1) or (flow and text[pos + 1] in ",[]{}")


def _step(cursor: Cursor, parent: int, opening: int) -> bool:
    """Go to the next thing inside of brackets; whether that is on another line."""
    crossed = cursor.skip()
    if cursor.pos >= cursor.end or (crossed and cursor.at_end()):
        not_closed(cursor, opening)
    if crossed and cursor.indent_of(cursor.bol) <= parent:
        shallow(cursor, cursor.bol, cursor.pos, parent)
    return crossed


def _sequence(cursor: Cursor, items: list[Node], opening: int, parent: int, depth: int) -> None:
    text = cursor.text
    cursor.pos += 1
    while True:
        _step(cursor, parent, opening)
        start = cursor.pos
        sign = text[start]
        if sign == "]":
            break
        if sign == ",":
            cursor.fail("a value is missing before the `,`", start)
        if sign == "?" and cursor.blank_after(start + 1):
            cursor.pos += 1
            items.append(
                _pair(cursor, start, opening, parent, depth, _explicit_key(cursor, opening, parent, depth))
            )
        elif is_value_sign(cursor):
            empty = Node(cursor.span(start, start))
            items.append(_pair(cursor, start, opening, parent, depth, empty))
        else:
            node = flow_node(cursor, parent, depth + 1, opening)
            ended, json_key = cursor.pos, cursor.closed
            crossed = _step(cursor, parent, opening)
            if is_value_sign(cursor, json_key=json_key):
                if crossed or text.find("\n", start, ended) >= 0:
                    not_closed(cursor, opening)
                if ended - start > LONGEST_KEY:
                    cursor.fail(
                        f"a key longer than {LONGEST_KEY} characters", start, ended, "write `? ` before it"
                    )
                node = _pair(cursor, start, opening, parent, depth, node)
            items.append(node)
        _step(cursor, parent, opening)
        if text[cursor.pos] == "]":
            break
        if text[cursor.pos] != ",":
            not_closed(cursor, opening)
        cursor.pos += 1
    cursor.pos += 1


def _pair(cursor: Cursor, start: int, opening: int, parent: int, depth: int, key: Node) -> Node:
    """A mapping of one pair without braces, whose key was read."""
    value = _value(cursor, opening, parent, depth + 1, json_key=True)
    return Node(cursor.span(start, start + 1), pairs=[(key, value)])


def _explicit_key(cursor: Cursor, opening: int, parent: int, depth: int) -> Node:
    """The key behind ``?``, which may be nothing."""
    _step(cursor, parent, opening)
    cursor.closed = False
    if cursor.text[cursor.pos] in ",]}" or is_value_sign(cursor):
        return Node(cursor.span(cursor.pos, cursor.pos))
    node = flow_node(cursor, parent, depth + 1, opening)
    _step(cursor, parent, opening)
    return node


def _value(cursor: Cursor, opening: int, parent: int, depth: int, *, json_key: bool) -> Node:
    """The value behind ``:`` where there is one, else nothing."""
    if not is_value_sign(cursor, json_key=json_key):
        return Node(cursor.span(cursor.pos, cursor.pos))
    cursor.pos += 1
    after = cursor.pos
    _step(cursor, parent, opening)
    if cursor.text[cursor.pos] in ",]}":
        return Node(cursor.span(after, after))
    return flow_node(cursor, parent, depth + 1, opening)


def _mapping(cursor: Cursor, pairs: list[tuple[Node, Node]], opening: int, parent: int, depth: int) -> None:
    text = cursor.text
    cursor.pos += 1
    while True:
        _step(cursor, parent, opening)
        start = cursor.pos
        sign = text[start]
        if sign == "}":
            break
        if sign == ",":
            cursor.fail("a value is missing before the `,`", start)
        json_key = False
        if sign == "?" and cursor.blank_after(start + 1):
            cursor.pos += 1
            key = _explicit_key(cursor, opening, parent, depth)
            json_key = cursor.closed
        elif is_value_sign(cursor):
            key = Node(cursor.span(start, start))
        else:
            key = flow_node(cursor, parent, depth + 1, opening)
            json_key = cursor.closed
            _step(cursor, parent, opening)
        pairs.append((key, _value(cursor, opening, parent, depth, json_key=json_key)))
        _step(cursor, parent, opening)
        if text[cursor.pos] == "}":
            break
        if text[cursor.pos] != ",":
            not_closed(cursor, opening)
        cursor.pos += 1
    cursor.pos += 1


def flow_node(cursor: Cursor, parent: int, depth: int, opening: int) -> Node:
    """The value that begins here, inside of the brackets that open at ``opening``."""
    given = read_properties(cursor, flow=True)
    if given is not None:
        crossed = _step(cursor, parent, opening)
        if crossed and cursor.text[cursor.pos] in "&!":
            more = read_properties(cursor, flow=True)
            assert more is not None
            given = combined(cursor, given, more)
            _step(cursor, parent, opening)
    text, start = cursor.text, cursor.pos
    sign = text[start]
    cursor.closed = False
    if sign == "*":
        return alias(cursor, given)
    cursor.count(depth, start, start + 1)
    node = Node(cursor.span(start, start))
    if sign in "[{":
        if sign == "[":
            node.items = []
        else:
            node.pairs = []
        opened(cursor, node, given)
        brackets(cursor, node, parent, depth)
        close(cursor, given)
        cursor.closed = True
        return node
    cursor.closed = sign in "\"'"
    if sign == '"':
        node.style, node.text = sign, double_quoted(cursor, parent)
    elif sign == "'":
        node.style, node.text = sign, single_quoted(cursor, parent)
    elif starts_plain(cursor, flow=True):
        node.text = plain(cursor, first_line(cursor, flow=True), parent, flow=True)
    elif given is None or not (sign in ",]}" or is_value_sign(cursor)):
        cannot_begin(cursor, opening)
    node.span = cursor.span(start, cursor.pos)
    return opened(cursor, node, given)
