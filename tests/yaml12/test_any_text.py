"""Any text is read or refused with a place in it, and what is written is read back."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.yaml12 import Node, YamlError, load, read_documents, write_flow

_PIECES = [
    "a",
    "b: ",
    "- ",
    "? ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "'",
    '"',
    "&a ",
    "*a ",
    "!t ",
    "!!str ",
    "|",
    ">",
    "-\n",
]
_PIECES += [
    "#",
    " #",
    "%",
    "---",
    "\n...\n",
    "\n",
    "\n ",
    "\n  ",
    "\t",
    "\\",
    "\\\n",
    "\\u00e9",
    "\ufeff",
    "\x85",
    "\u2028",
    "\r",
]
_texts = st.lists(st.sampled_from(_PIECES), max_size=40).map("".join) | st.text(max_size=60)


def plain(node: Node) -> Any:
    if node.items is not None:
        return [plain(item) for item in node.items]
    if node.pairs is not None:
        return {key.text: plain(value) for key, value in node.pairs}
    return node.value


@given(_texts)
@settings(deadline=None, max_examples=500)
def test_any_text_is_read_or_refused_at_a_place_in_it(text: str) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    try:
        faults = [fault for document in read_documents(text) for fault in document.faults]
    except YamlError as error:
        faults = [error.fault]
    for fault in faults:
        assert 1 <= fault.span.line <= len(lines)
        assert 1 <= fault.span.column <= len(lines[fault.span.line - 1]) + 1
        assert fault.message


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
)


@given(_values)
@settings(deadline=None)
def test_json_is_yaml(value: Any) -> None:
    """However it is laid out."""
    if "Infinity" not in json.dumps(value):
        for text in (
            json.dumps(value),
            json.dumps(value, indent=2),
            json.dumps(value, indent="\t", ensure_ascii=False),
        ):
            [document] = read_documents(text)
            assert not document.faults
            assert plain(document.root) == value


@given(_values)
@settings(deadline=None)
def test_what_is_written_is_read_back(value: Any) -> None:
    written = write_flow(value)
    assert "\n" not in written
    for text in (written, f"a: {written}", f"[{written}, 1]"):
        [document] = read_documents(text)
        made = plain(document.root)
        assert (
            made["a"] if text.startswith("a: ") else made[0] if text.startswith("[" + written) else made
        ) == value


def test_one_document_is_loaded_as_data() -> None:
    assert load("a: [1, x, 0o17, !!str 2]\n'b': {c: ~}\n") == {"a": [1, "x", 15, "2"], "b": {"c": None}}
    assert load("# nothing\n") is None


@pytest.mark.parametrize("text", ["a: 1\na: 2", "a: 1\n---\nb: 2", "[a]: 1", "!x 1", "a: *b", "a: &a [*a]"])
def test_what_is_no_single_document_is_not_loaded(text: str) -> None:
    with pytest.raises(YamlError):
        load(text)


def test_aliases_do_not_multiply_what_is_loaded() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    with pytest.raises(YamlError):
        load("\n".join(lines))
