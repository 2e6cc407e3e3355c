"""Text becomes data with exact places, by the rules of YAML 1.2; bad text is a fault at its line and column."""

import math
from pathlib import Path

import pytest

from livegraph.language.source import MAX_BYTES, parse_document, read_document


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("012", "012"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("0x1f", 31),
        ("0o17", 15),
        ("0X1f", "0X1f"),
        ("0b11", "0b11"),
        ("-0x1f", "-0x1f"),
        ("2026-01-01", "2026-01-01"),
        ("-.inf", -math.inf),
        (".Inf", math.inf),
        (".iNF", ".iNF"),
        ("! 12", "12"),
        ("!!map {}", {}),
        ("1.2.3", "1.2.3"),
        ('"12"', "12"),
        ("'true'", "true"),
        ("!!str 12", "12"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(written: str, value: object) -> None:
    """Nothing but `true` and `false` is a boolean, and nothing that looks like a time or a date is a number."""
    document = parse_document(f"a: {written}")
    assert not document.faults
    assert document.data == {"a": value}
    assert type(document.data["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("", "LG004", 1, 1),
        ("# only a comment\n", "LG004", 1, 1),
        ("a: [1, 2\nb: 3\n", "LG005", 2, 2),
        ("a: {b: 1\n", "LG005", 2, 1),
        ("a: b: c", "LG005", 1, 5),
        ("a: @home", "LG005", 1, 4),
        ("a: {b: ${C}}", "LG005", 1, 9),
        ("a:\n - 1\n b: 2\n", "LG005", 3, 2),
        ('a: "\\UFFFFFFFF"', "LG005", 1, 7),
        ("a:\n  b: 1\n\tc: 2\n", "LG006", 3, 1),
        ("a: 1\nb: 'open\nc: 2\n", "LG007", 2, 4),
        ('a: "open', "LG007", 1, 4),
        ("a: 1\nb: 2\na: 3\n", "LG008", 3, 1),
        ("a: {b: 1, b: 2}", "LG008", 1, 11),
        ("a: " + "[" * 60, "LG009", 1, 54),
        ("a: *nobody", "LG010", 1, 4),
        ("a: &x [*x]", "LG010", 1, 8),
        ("a:\n  <<: 3\n", "LG010", 2, 3),
        ("a: !!python/name:os.system 1", "LG011", 1, 4),
        ("a: !file x.md", "LG011", 1, 4),
        ("a: 1\n---\nb: 2\n", "LG012", 2, 1),
        ("a: 1\n[b]: 2\n", "LG013", 2, 1),
        ("a: 1\n'': 2\n", "LG013", 2, 1),
        ("a: 1\nb: \x07\n", "LG003", 2, 4),
        ('a: "\\ud800"', "LG003", 1, 4),
    ],
)
def test_each_fault_has_its_code_and_place(text: str, code: str, line: int, column: int) -> None:
    """One fault, at the character where a person would look."""
    found = [
        (fault.problem.code, fault.span.line, fault.span.column) for fault in parse_document(text).faults
    ]
    assert found == [(code, line, column)]


@pytest.mark.parametrize(
    ("raw", "line", "column"),
    [(b"a: 1\nb: \xff\n", 2, 4), (b"\xff\xfea\x00", 1, 1), ("a: é".encode("latin-1"), 1, 4)],
)
def test_bytes_that_are_not_utf_8_are_named(raw: bytes, line: int, column: int) -> None:
    [fault] = parse_document(raw).faults
    assert (fault.problem.code, fault.span.line, fault.span.column) == ("LG003", line, column)
    assert "UTF-8" in fault.problem.message


def test_a_byte_order_mark_shifts_nothing() -> None:
    document = parse_document(b"\xef\xbb\xbfa: *nobody")
    assert [(fault.span.line, fault.span.column) for fault in document.faults] == [(1, 4)]


def test_a_file_over_the_limit_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    [fault] = read_document(path).faults
    assert fault.problem.code == "LG002"


def test_what_cannot_be_opened_is_a_fault(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        [fault] = read_document(path).faults
        assert (fault.problem.code, fault.span.line) == ("LG001", 1)


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    """Nine levels of nine aliases would be 400 million values."""
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    document = parse_document("\n".join(lines))
    assert document.data is None
    assert [fault.problem.code for fault in document.faults] == ["LG010"]


def test_a_bomb_of_merges_does_not_go_off() -> None:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 12)]
    assert [fault.problem.code for fault in parse_document("\n".join(lines)).faults] == ["LG010"]


def test_a_long_chain_of_merges_is_too_deep() -> None:
    lines = ["a0: &a0 {x: 1}"] + [f"a{i}: &a{i} {{<<: *a{i - 1}}}" for i in range(1, 2000)]
    assert [fault.problem.code for fault in parse_document("\n".join(lines)).faults] == ["LG010"]


def test_aliases_and_merges_give_what_they_stand_for() -> None:
    """What a mapping says itself counts more than what it merges."""
    document = parse_document("base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\nlist: [*b]\n")
    assert not document.faults
    assert document.data == {"base": {"x": 1, "y": 2}, "mine": {"x": 1, "y": 3}, "list": [{"x": 1, "y": 2}]}


def test_keys_are_text_as_written() -> None:
    """`on:` and `1:` are keys like any other, not a boolean and a number."""
    assert parse_document("on: 1\n1: 2\nnull: 3\n").data == {"on": 1, "1": 2, "null": 3}


def test_places_lead_to_keys_and_values() -> None:
    text = "version: 1\nnodes:\n  gate:\n    use: vad_gate\n    list: [a, {b: c}]\n"
    document = parse_document(text)

    def place(*path: str | int, key: bool = False) -> tuple[int, int, int]:
        span = document.span_of(path, key=key)
        return span.line, span.column, span.end_column

    assert place("version") == (1, 10, 11)
    assert place("version", key=True) == (1, 1, 8)
    assert place("nodes", "gate", "use") == (4, 10, 18)
    assert place("nodes", "gate") == (3, 3, 7), "a mapping is shown by its key"
    assert place("nodes", "gate", "list", 1, "b") == (5, 19, 20)
    assert place("nodes", "gate", "nothing") == (3, 3, 7), "what is not there is shown by what is around it"


def test_lines_are_those_of_yaml_1_2() -> None:
    """Three line breaks make a line of the excerpt, and no other character does."""
    for line_break in ("\n", "\r\n", "\r"):
        document = parse_document(f"a: 1{line_break}b: 2{line_break}a: 3")
        [fault] = document.faults
        assert (fault.span.line, fault.excerpt) == (3, "a: 3")
    for separator in ("\x85", "\u2028", "\u2029"):
        assert parse_document(f"a: x{separator}y\nb: 1").data == {"a": f"x{separator}y", "b": 1}
