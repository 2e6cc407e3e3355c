"""What indentation holds: mappings, sequences and the values of their entries. YAML 1.2, chapter 8.

``parent`` is the column of the collection around, -1 for none; what belongs to it begins further right.
"""

from __future__ import annotations

from .complaints import cannot_begin, colon, key_without_colon, misfit, trailing
from .cursor import Cursor
from .flow import LONGEST_KEY, brackets
from .properties import Properties, alias, close, combined, opened, read_properties
from .scalars import block_scalar, double_quoted, first_line, plain, single_quoted, starts_plain
from .tree import Node

__all__ = ["block_node"]


def block_node(cursor: Cursor, parent: int, depth: int, *, compact: bool, level: bool = False) -> Node:
    """The value that follows, nothing when nothing does; the cursor moves to the beginning of a later line.

    Args:
        compact: a collection may begin on the line that the cursor is on.
        level: a sequence may begin in the column of the collection around.
    """
    after = cursor.pos
    crossed = cursor.skip()
    if crossed:
        compact = True
    if _nothing(cursor, crossed, parent, level):
        cursor.count(depth, after, after)
        return Node(cursor.span(after, after))
    outer: Properties | None = None
    given: Properties | None = None
    column, tab = cursor.column, cursor.tab
    if cursor.text[cursor.pos] in "&!":
        given = read_properties(cursor, flow=False)
        assert given is not None
        if cursor.skip() or cursor.pos >= cursor.end:
            outer, given, compact = given, None, True
            if _nothing(cursor, True, parent, level):
                cursor.count(depth, outer.start, outer.end)
                return opened(cursor, Node(cursor.span(outer.end, outer.end)), outer)
            column, tab = cursor.column, cursor.tab
            if cursor.text[cursor.pos] in "&!":
                given = read_properties(cursor, flow=False)
                if cursor.skip() or cursor.pos >= cursor.end:
                    assert given is not None
                    outer, given = combined(cursor, outer, given), None
                    if _nothing(cursor, True, parent, level):
                        return opened(cursor, Node(cursor.span(outer.end, outer.end)), outer)
                    column, tab = cursor.column, cursor.tab
    text, start = cursor.text, cursor.pos
    sign = text[start]
    if sign in "-?" and cursor.blank_after(start + 1):
        if given is not None or not compact:
            hint = (
                "a list begins in a line of its own"
                if sign == "-"
                else "text that begins with `?` goes in quotes"
            )
            cursor.fail(f"a `{sign}` cannot stand here", start, hint=hint)
        _no_tab(cursor, tab)
        return _collection(cursor, column, start, depth, outer, None)
    if sign in "|>":
        return _block_scalar(cursor, parent, depth, _both(cursor, outer, given))
    if outer is not None and outer.anchor:
        cursor.open.add(outer.anchor)
    node, is_key = _inline(cursor, parent, depth, given)
    if is_key:
        if not compact:
            colon(cursor, cursor.pos)
        _no_tab(cursor, tab)
        first = given.start if given is not None else start
        return _collection(cursor, column, first, depth, outer, node)
    close(cursor, outer)
    if outer is not None:
        if sign == "*":
            cursor.fail("an alias cannot have an anchor or a tag of its own", outer.start, cursor.pos)
        _both(cursor, outer, given)
        opened(cursor, node, outer)
        close(cursor, outer)
    ended = cursor.pos
    if not cursor.skip() and cursor.pos < cursor.end:
        trailing(cursor, start, ended)
    return node


def _nothing(cursor: Cursor, crossed: bool, parent: int, level: bool) -> bool:
    """Whether no value begins here, because the document or what is around goes on."""
    if cursor.pos >= cursor.end:
        return True
    if not cursor.fresh:
        return False
    if cursor.at_end():
        return True
    if cursor.indent_of(cursor.bol) > parent:
        return False
    if level and cursor.column == parent and cursor.text[cursor.pos] == "-":
        return not cursor.blank_after(cursor.pos + 1)
    return True


def _both(cursor: Cursor, outer: Properties | None, inner: Properties | None) -> Properties | None:
    """Properties on two lines, of one value."""
    if outer is None or inner is None:
        return outer or inner
    return combined(cursor, outer, inner)


def _no_tab(cursor: Cursor, tab: int) -> None:
    """A collection must not begin behind a tab: where it begins is its indentation."""
    if tab >= 0:
        cursor.fail("a tab cannot indent YAML", tab, hint="use spaces", kind="tab")


def _block_scalar(cursor: Cursor, parent: int, depth: int, given: Properties | None) -> Node:
    start = cursor.pos
    cursor.count(depth, start, start + 1)
    text, ended = block_scalar(cursor, parent)
    cursor.skip()
    return opened(cursor, Node(cursor.span(start, ended), text, cursor.text[start]), given)


def _inline(
    cursor: Cursor, parent: int, depth: int, given: Properties | None, *, key: bool = False
) -> tuple[Node, bool]:
    """The value that begins here, and whether it is the key of a ``:``, which the cursor then stands at.

    ``key`` says that it has to be one.
    """
    text, start = cursor.text, cursor.pos
    sign = text[start]
    if sign == "*":
        node = alias(cursor, given)
    else:
        cursor.count(depth, start, start + 1)
        node = Node(cursor.span(start, start + 1))
        if sign in "[{":
            if sign == "[":
                node.items = []
            else:
                node.pairs = []
            opened(cursor, node, given)
            brackets(cursor, node, parent, depth)
            close(cursor, given)
        else:
            if sign == '"':
                node.style, node.text = sign, double_quoted(cursor, parent)
            elif sign == "'":
                node.style, node.text = sign, single_quoted(cursor, parent)
            elif starts_plain(cursor, flow=False):
                _plain(cursor, node, parent, key)
            elif not (sign == ":" and cursor.blank_after(start + 1)):
                cannot_begin(cursor)
            node.span = cursor.span(start, cursor.pos)
            opened(cursor, node, given)
    stop = cursor.pos
    while text[stop : stop + 1] in (" ", "\t"):
        stop += 1
    if text[stop : stop + 1] != ":" or not cursor.blank_after(stop + 1):
        return node, False
    if text.find("\n", start, stop) >= 0:
        colon(cursor, stop)
    if stop - start > LONGEST_KEY:
        cursor.fail(f"a key longer than {LONGEST_KEY} characters", start, stop, "write `? ` before it")
    cursor.pos = stop
    return node, True


def _plain(cursor: Cursor, node: Node, parent: int, key: bool) -> None:
    end = stop = first_line(cursor, flow=False)
    text = cursor.text
    while text[stop : stop + 1] in (" ", "\t"):
        stop += 1
    if text[stop : stop + 1] == ":":
        node.text = text[cursor.pos : end]
        cursor.pos = end
    elif key:
        key_without_colon(cursor, cursor.pos, end)
    else:
        node.text = plain(cursor, end, parent, flow=False)


def _collection(
    cursor: Cursor, column: int, start: int, depth: int, given: Properties | None, key: Node | None
) -> Node:
    """The sequence or mapping that begins here; ``key`` is its first key when that was read already."""
    node = Node(cursor.span(start, start + 1))
    cursor.count(depth, start, start + 1)
    if key is None and cursor.text[start] == "-":
        node.items = []
        opened(cursor, node, given)
        _sequence(cursor, node.items, column, depth + 1)
    else:
        node.pairs = []
        opened(cursor, node, given)
        _mapping(cursor, node.pairs, column, depth + 1, key)
    close(cursor, given)
    return node


def _sequence(cursor: Cursor, items: list[Node], column: int, depth: int) -> None:
    text = cursor.text
    while True:
        cursor.pos += 1
        items.append(block_node(cursor, column, depth, compact=True))
        if not _another(cursor, column):
            return
        if text[cursor.pos] != "-" or not cursor.blank_after(cursor.pos + 1):
            # What is around goes on in this column, or nothing does.
            return


def _mapping(
    cursor: Cursor, pairs: list[tuple[Node, Node]], column: int, depth: int, key: Node | None
) -> None:
    text = cursor.text
    while True:
        explicit = key is None and text[cursor.pos] == "?" and cursor.blank_after(cursor.pos + 1)
        if explicit:
            cursor.pos += 1
            key = block_node(cursor, column, depth, compact=True, level=True)
        elif key is None:
            key = _key(cursor, column, depth)
        if not explicit or (
            not cursor.at_end()
            and cursor.column == column
            and text[cursor.pos] == ":"
            and cursor.blank_after(cursor.pos + 1)
        ):
            if explicit:
                _no_tab(cursor, cursor.tab)
            cursor.pos += 1
            value = block_node(cursor, column, depth, compact=explicit, level=True)
        else:
            value = Node(key.span)
        pairs.append((key, value))
        key = None
        if not _another(cursor, column):
            return


def _another(cursor: Cursor, column: int) -> bool:
    """Whether an entry of the collection in ``column`` may follow."""
    if cursor.at_end() or (cursor.column < column and cursor.tab < 0):
        return False
    if cursor.column != column or cursor.tab >= 0:
        misfit(cursor)
    return True


def _key(cursor: Cursor, column: int, depth: int) -> Node:
    start = cursor.pos
    if cursor.text[start] == "-" and cursor.blank_after(start + 1):
        misfit(cursor)
    given = read_properties(cursor, flow=False) if cursor.text[start] in "&!" else None
    if given is not None and (cursor.skip() or cursor.pos >= cursor.end):
        key_without_colon(cursor, start, given.end)
    node, is_key = _inline(cursor, column, depth, given, key=True)
    if not is_key:
        key_without_colon(cursor, start, cursor.pos)
    return node
