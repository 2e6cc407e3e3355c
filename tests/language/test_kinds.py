"""A file that lies beside agents and is none is told by what it is, with the command for it; one fault is enough."""

import pytest

from livegraph.language import check_text


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "desk.brain.yaml",
            "version: 1\nrules: [{hear: a, say: b}]\n",
            "livegraph simulate --brain desk.brain.yaml",
        ),
        ("any.yaml", "version: 1\nfallback: What?\n", "livegraph simulate --brain any.yaml"),
        ("any.yaml", "version: 1\nscenes: []\n", "livegraph simulate --scenario any.yaml"),
        ("desk_test.yaml", "version: 1\nagent: desk.yaml\ntests: []\n", "livegraph test desk_test.yaml"),
        ("desk_test.yaml", "version: 1\ntests: []\n", "livegraph test desk_test.yaml"),
        ("any.yaml", "version: 1\nagent: desk.yaml\ntests: []\n", "they are of `desk.yaml`"),
    ],
)
def test_another_kind_of_file_is_told_by_its_name(file: str, text: str, said: str) -> None:
    [found] = check_text(text, file=file).diagnostics
    assert found.problem.code == "LG113"
    assert file in found.problem.message
    assert said in found.problem.hint


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nagent: {instructions: x}\ntests: [{name: a, expect: [{transcript: {role: agent}}]}]\n",
        "version: 1\nagent:\nsimulator: {}\n",
        "version: 1\nagent: 5\n",
        "version: 1\n",
        "- a\n",
    ],
)
def test_what_is_meant_to_be_an_agent_is_read_as_one(text: str) -> None:
    assert "LG113" not in [found.problem.code for found in check_text(text).diagnostics]
