"""Texts are replaced, answered or dropped, by the first rule that says so."""

from __future__ import annotations

from typing import Any

import pytest

from livegraph.pipeline import ConfigError, TextFrame
from livegraph.processors.text_rules import TextRules
from livegraph.testing import run_processor


def run(texts: list[str], rules: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """What goes on, and what is answered."""
    run = run_processor(TextRules, [TextFrame(text) for text in texts], rules=rules)
    on, replies = (
        [frame.text for frame in run.frames(port) if isinstance(frame, TextFrame)]
        for port in ("out", "replies")
    )
    return on, replies


def test_replacements_follow_each_other() -> None:
    rules = [
        {"match": r"\bASAP\b", "replace": "as soon as possible"},
        {"match": r"(\w+) Ltd", "replace": "{1} Limited"},
    ]
    assert run(["Acme Ltd, asap!"], rules) == (["Acme Limited, as soon as possible!"], [])


def test_what_is_answered_or_dropped_goes_no_further() -> None:
    rules = [{"match": "^/help", "reply": "Just ask me."}, {"match": "spam", "drop": True}]
    assert run(["/help me", "buy spam", "Hello"], rules) == (["Hello"], ["Just ask me."])


def test_a_pattern_that_would_take_years_is_passed_over() -> None:
    text = "a" * 80 + "!"
    assert run([text], [{"match": "(a|aa)+$", "drop": True}]) == ([text], [])


@pytest.mark.parametrize(
    "rule",
    [
        {"match": "(x"},
        {"match": "x"},
        {"match": "x", "drop": True, "reply": "y"},
        {"match": "x", "replace": "{1}"},
    ],
)
def test_what_makes_no_sense_is_told_before_a_call(rule: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        run([], [rule])
