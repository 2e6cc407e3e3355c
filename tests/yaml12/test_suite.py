"""The public test suite of YAML 1.2 is read case by case: what is valid means what it should, the rest is refused.

The suite lies beside the project; where it is not, its tests are skipped.
"""

import json
from typing import Any

import pytest

from livegraph.yaml12 import Node, YamlError, read_documents
from support.yaml_suite import INVALID, VALID, needs_suite

pytestmark = needs_suite


def plain(node: Node) -> Any:
    """What a tree says by the core schema, with keys as text."""
    if node.items is not None:
        return [plain(item) for item in node.items]
    if node.pairs is not None:
        return {key.text: plain(value) for key, value in node.pairs}
    return node.value


def meant(text: str) -> list[Any]:
    """The documents of a case, which follow each other as JSON."""
    decoder, at, made = json.JSONDecoder(), 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        made.append(value)
    return made


@pytest.mark.parametrize("case", INVALID)
def test_every_invalid_text_is_refused(case: dict[str, Any]) -> None:
    try:
        documents = read_documents(case["yaml"])
    except YamlError as error:
        lines = case["yaml"].split("\n")
        span = error.fault.span
        assert 1 <= span.line <= len(lines)
        assert 1 <= span.column <= len(lines[span.line - 1]) + 1
    else:
        assert any(document.faults for document in documents)


@pytest.mark.parametrize("case", VALID)
def test_every_valid_text_means_what_it_should(case: dict[str, Any]) -> None:
    documents = read_documents(case["yaml"])
    assert not [fault for document in documents for fault in document.faults]
    if case["json"] is not None:
        assert [plain(document.root) for document in documents] == meant(case["json"])
