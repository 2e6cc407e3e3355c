"""A faulty script never starts: every fault is reported at its place, with what was expected."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.simulator import brain_file
from livegraph.simulator.brain import Brain, BrainError, Say, default_brain, load_brain, parse_brain


def faults(text: str) -> list[str]:
    """The lines of the error that `text` is refused with."""
    with pytest.raises(BrainError) as caught:
        parse_brain(text, "my.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1:1: empty; expected a mapping with 'version: 1' and 'rules'"),
        ("rules: []", "1:1: expected 'version: 1'"),
        ("version: 2", "1:10: unknown version; expected 1"),
        ("version: 1\nrulez: []", "2:1: unknown key 'rulez'; did you mean 'rules'?"),
        ("version: 1\nrules: 3", "2:8: expected a list under 'rules'"),
        (
            "version: 1\nrules: [hello]",
            "2:9: expected a rule: a mapping with hear, say, ask, call, say_result, say_error, silent",
        ),
        ("~sey: b", "4:5: unknown key 'sey'; did you mean 'say'?"),
        ("version: 1\nrules:\n  - say: b", "3:5: expected 'hear': what the rule listens for"),
        (
            "version: 1\nrules:\n  - hear: a",
            "3:5: expected one of 'say', 'call' and 'silent': what the rule does",
        ),
        ("version: 1\nrules:\n  - hear: (a|b\n    say: b", "3:11: '(' is never closed, expected ')'"),
        (
            'version: 1\nrules:\n  - hear: "a {n:nmber}"\n    say: b',
            "3:17: no kind of slot: 'nmber'; expected text, verbatim, word, number, date, time",
        ),
        (
            "version: 1\nrules:\n  - hear: a {day}\n    say: on {dya}",
            "4:13: unknown name {dya}; did you mean 'day'?",
        ),
        (
            "version: 1\nrules:\n  - hear: ['a {day}', b]\n    say: on {day}",
            "4:13: {day} may have no value here: say what instead, as {day|something}",
        ),
        ("~say: I am {role}", "4:15: {role} may have no value here: say what instead, as {role|something}"),
        ("~say: oh {", "4:13: expected a place such as {name} or {result.price}; '{{' is a brace"),
        ("~say: b\n    say_result: c", "5:5: 'say_result' without 'call': there is no result to speak of"),
        ("~call: {name: x}", "4:12: unknown key 'name'; expected tool, args"),
        ("~silent: true\n    say: b", "4:5: 'silent: true' cannot go with 'say', 'ask' or 'call'"),
        ("~silent: maybe", "4:13: expected true or false"),
        ("~say: {day}", "4:10: expected a text, found a mapping; a text with { or [ in front needs quotes"),
        ("~hear: b\n    say: c", "4:5: 'hear' stands here twice"),
        (
            "version: 1\nrules:\n  - hear: {words: [a], all: b}\n    say: c",
            "3:24: unknown key 'all'; expected words",
        ),
        (
            "~ask: {x: {say: Which, kind: dat}}\n    say: c",
            "4:33: unknown kind of slot 'dat'; did you mean 'date'?",
        ),
        ("~call: {tool: t, args: {x: .inf}}", "4:31: expected a number that JSON can hold"),
        ("~say: true", "4:10: expected a text, found true; put it into quotes"),
        ("~say:", "4:9: expected a text, found nothing"),
        ("version: 1\ngreeting: []", "2:11: 'greeting' is empty; expected a text or a list of texts"),
        ("version: 1\n  bad: : yaml", "2:6: not YAML: a `:` cannot stand here"),
        ("version: 1\nrules: [", "2:9: not YAML: the `[` of line 2 is not closed before this"),
    ],
)
def test_a_fault_is_reported_at_its_place(text: str, fault: str) -> None:
    """File, line, column, what was expected and the nearest right spelling. The tilde is the head of a rule."""
    assert f"my.yaml:{fault}" in faults(text.replace("~", "version: 1\nrules:\n  - hear: a\n    "))


def test_all_faults_are_reported_at_once_in_order() -> None:
    """Nobody likes to mend a file one error a run."""
    text = "version: 1\nrules:\n  - hear: (a\n    sya: b\nfalback: c\n"
    assert [line.split(": ")[0] for line in faults(text)] == [
        "my.yaml:3:5",
        "my.yaml:3:11",
        "my.yaml:4:5",
        "my.yaml:5:1",
    ]


def test_a_file_is_loaded_by_its_path(tmp_path: Path) -> None:
    """Faults name the file; what is not text is refused as well."""
    path = tmp_path / "brain.yaml"
    path.write_text("version: 1\nrules:\n  - {hear: ping, say: pong}\n", "utf-8")
    assert Brain(load_brain(path)).hear("Ping!") == [Say("pong")]
    path.write_bytes(b"version: 1\n\xff")
    with pytest.raises(BrainError, match=r"brain\.yaml:2:1: not UTF-8 text"):
        load_brain(path)
    with pytest.raises(FileNotFoundError):
        load_brain(tmp_path / "missing.yaml")


def test_the_shipped_script_and_the_example_of_the_docs_are_sound() -> None:
    """The default answers; the docstring's example is a script."""
    assert default_brain().rules
    example = (brain_file.__doc__ or "").split("Example:\n")[1].split("\n``rules``")[0]
    brain = Brain(parse_brain("\n".join(line[4:] for line in example.splitlines())))
    assert brain.greet() == [Say("Hello! How can I help?")]
    assert brain.hear("Do you know anything funny?")[0] == Say(
        "Why did the scarecrow win a prize? It was outstanding in its field."
    )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_mistake_is_a_brain_error(data: st.DataObject) -> None:
    """Cutting, doubling and mistyping a script gives a script or a `BrainError`, never another error."""
    text = (
        "version: 1\ngreeting: [Hi, Hello]\nrules:\n  - hear: ['a {n:number} b', {words: [c|d]}]\n"
        "    ask: {n: {say: 'How many?', kind: number}}\n    call: {tool: t, args: {n: '{n}', x: 1}}\n"
        "    say_result: 'It is {result.n|none}'\n    silent: false\nfallback: &x none\n"
    )
    parse_brain(text)
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 6))
    put = data.draw(st.text(st.sampled_from("{}[]()|:&*x'\"-\n #!~\t1\x00"), max_size=4))
    mistyped = text[:at] + put + text[at + cut :]
    try:
        brain = Brain(parse_brain(mistyped))
    except BrainError as error:
        lines = mistyped.count("\n") + 2
        assert error.faults
        assert all(1 <= fault.line <= lines and fault.column >= 1 for fault in error.faults)
    else:
        brain.hear("a 3 b")


def test_self_containing_and_huge_files_are_refused() -> None:
    """An alias inside itself, deep nesting and a megabyte end in an error, not in a crash."""
    faults("version: 1\nrules: &r [*r]")
    faults("version: 1\nrules:\n  - hear: &h [*h]\n    say: a")
    faults("version: 1\nrules: " + "[" * 5_000)
    faults("#" * 1_000_001)
