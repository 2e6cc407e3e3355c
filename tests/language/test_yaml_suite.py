"""An agent file is YAML 1.2: what the public suite calls a mapping is read, and what it calls invalid is refused."""

import json
from typing import Any

import pytest

from livegraph.language.source import parse_document
from support.yaml_suite import INVALID, VALID, needs_suite

pytestmark = needs_suite

NOT_TEXT = "a key is text, and not empty: it names something"
A_TAG = "a value has the type that its option asks for, not one that a tag gives it"
DIFFERENT = {
    "2JQS": NOT_TEXT,
    "2XXW": A_TAG,
    "565N": A_TAG,
    "6M2F": NOT_TEXT,
    "74H7": A_TAG,
    "7FWL": A_TAG,
    "CFD4": NOT_TEXT,
    "CUP7": A_TAG,
    "FRK4": NOT_TEXT,
    "L94M": A_TAG,
    "M5C3": A_TAG,
    "M5DY": NOT_TEXT,
    "NHX3": NOT_TEXT,
    "S3PD": NOT_TEXT,
    "UGM3": A_TAG,
    "UKK6/00": NOT_TEXT,
    "WZ62": NOT_TEXT,
    "Z67P": A_TAG,
}
"""What the suite calls valid and the language refuses, with the reason."""


def _mapping(case: dict[str, Any]) -> Any:
    try:
        found = json.loads(case["json"] or "")
    except ValueError:  # none, or several documents
        return None
    return found if isinstance(found, dict) else None


@pytest.mark.parametrize("case", INVALID)
def test_invalid_text_is_a_fault_with_a_place(case: dict[str, Any]) -> None:
    document = parse_document(case["yaml"])
    assert document.faults
    for fault in document.faults:
        assert 1 <= fault.span.line <= len(document.lines)
        assert fault.problem.message


@pytest.mark.parametrize("case", VALID)
def test_mappings_are_read(case: dict[str, Any]) -> None:
    wanted = _mapping(case)
    document = parse_document(case["yaml"])
    codes = {fault.problem.code for fault in document.faults}
    if case["id"] in DIFFERENT:
        assert codes
    elif wanted is not None:
        assert (codes, document.data) == (set(), wanted)
    else:
        assert "LG005" not in codes
