"""Whatever is wrong with a text is told once, at the character where a person would look, in words that help."""

import contextlib

import pytest

from livegraph.yaml12 import Fault, YamlError, read_documents


def fault_of(text: str) -> Fault:
    try:
        documents = read_documents(text)
    except YamlError as error:
        return error.fault
    [fault] = [fault for document in documents for fault in document.faults]
    return fault


@pytest.mark.parametrize(
    ("text", "kind", "line", "column", "said"),
    [
        ("a: 1\n b: 2\n", "syntax", 2, 3, "a `:` cannot stand here"),
        ("a:1\nb: 2\n", "syntax", 1, 1, "a space is missing after the `:`"),
        ("b: 2\na:1\n", "syntax", 2, 1, "a space is missing after the `:`"),
        ('"a":1\n', "syntax", 1, 4, "a space is missing after the `:`"),
        ("a: 1\nb\nc: 2\n", "syntax", 2, 1, "a key without its `:`"),
        ("a: - b\n", "syntax", 1, 4, "a `-` cannot stand here"),
        ("- a\n b\n- c\n d: e\n", "syntax", 4, 3, "a `:` cannot stand here"),
        ("a:\n  - b\n c: d\n", "syntax", 3, 2, "this does not fit what is above it"),
        ("a: 'x' y\n", "syntax", 1, 8, "the text goes on after the quote that ends it"),
        ("a: [b]]\n", "syntax", 1, 7, "this `]` closes nothing"),
        ("a: {b: c]\n", "syntax", 1, 9, "the `{` of line 1 is closed by `]`"),
        ("a: [b, , c]\n", "syntax", 1, 8, "a value is missing before the `,`"),
        ("a: [b,#c\n  d]\n", "syntax", 1, 7, "a space is missing before the `#` of a comment"),
        ("a: 'b'# c\n", "syntax", 1, 7, "a space is missing before the `#` of a comment"),
        ("a: |x\n  b\n", "syntax", 1, 4, "this cannot stand behind `|`"),
        ("a: |\n    \n  b\n", "syntax", 2, 1, "this empty line is indented deeper than the text below it"),
        ('a: "\\q"\n', "syntax", 1, 5, "there is no escape `\\q`"),
        ('a: "\\u12"\n', "syntax", 1, 5, "`\\u` is not finished"),
        ("a: ,\n", "syntax", 1, 4, "a value cannot begin with `,`"),
        ("a: [-]\n", "syntax", 1, 5, "a value cannot begin with `-`"),
        ("a: &x &y b\n", "syntax", 1, 7, "a value cannot have two anchors"),
        ("a: &x b\nc: &y *x\n", "syntax", 2, 4, "an alias cannot have an anchor or a tag of its own"),
        ("a: !e!b c\n", "syntax", 1, 4, "nothing says what the tag `!e!` means"),
        ("a: &x b\n*x: c\n", "alias", 2, 1, "there is no anchor `&x:` above"),
        ("%YAML 2.0\n---\na: b\n", "syntax", 1, 1, "YAML 2.0 is not known"),
        ("%YAML 1.2\na: b\n", "syntax", 2, 1, "`---` is missing behind the directives"),
        ("a: b\n... c\n", "syntax", 2, 5, "nothing can stand behind `...`"),
        ("a:\n\t- b\n", "tab", 2, 1, "a tab cannot indent YAML"),
        ("-\t- b\n", "tab", 1, 2, "a tab cannot indent YAML"),
        ("a: [\n\tb]\n", "tab", 2, 1, "a tab cannot indent YAML"),
        ("a: |\n  b\n\t\nc: d\n", "tab", 3, 1, "a tab cannot indent YAML"),
        ("a: 'b\n  c\n", "quote", 1, 4, "this quote is not closed"),
        ("a: 'it\nb: c's\n", "quote", 1, 4, "this quote is not closed"),
        ('a: "b\n---\nc"\n', "quote", 1, 4, "this quote is not closed"),
        ("a: \x1b\n", "character", 1, 4, "the control character U+001B (escape) cannot stand in YAML"),
        ("a: b\x00c\n", "character", 1, 5, "the control character U+0000 (null) cannot stand in YAML"),
        ("a: b\x7f\n", "character", 1, 5, "the character U+007F (delete) cannot stand outside of quotes"),
        (
            "a: b\n# \ufeff\n",
            "character",
            2,
            3,
            "the character U+FEFF (byte order mark) cannot stand outside of quotes",
        ),
    ],
)
def test_a_fault_has_its_place_and_its_name(text: str, kind: str, line: int, column: int, said: str) -> None:
    fault = fault_of(text)
    assert (fault.kind, fault.span.line, fault.span.column, fault.message) == (kind, line, column, said)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("version: 1\nvoice:\xa0Kore\n", "U+00A0 (no-break space) looks like a space and is not"),
        ("version: 1\nvoice\uff1a Kore\n", "U+FF1A (fullwidth colon) looks like `:` and is not"),
        (
            "version: 1\nvoice: Kore\u2028rate: 1\n",
            "U+2028 (line separator) looks like a line break and is not",
        ),
        ("a: [b\uff0c c\n", "U+FF0C (fullwidth comma) looks like `,` and is not"),
    ],
)
def test_what_only_looks_like_yaml_is_named(text: str, hint: str) -> None:
    """The character that is taken for another one stands in the hint, by its number and its name."""
    assert fault_of(text).hint == hint


def test_lines_of_brackets_that_begin_too_far_left_are_told_with_what_mends_them() -> None:
    """YAML 1.1 took them; each is a fault of its own with its edit."""
    [document] = read_documents("a: [\nb,\n c,\n]\n")
    assert [(fault.span.line, fault.edit.text if fault.edit else "") for fault in document.faults] == [
        (2, " "),
        (4, " "),
    ]


def test_limits_are_faults() -> None:
    assert fault_of("[" * 60).kind == "too much"
    assert fault_of("- " * 60).kind == "too much"
    assert fault_of("[" + "1," * 100_001 + "]").kind == "too much"


@pytest.mark.parametrize(
    "text",
    [
        '"' + "a" * 200_000,
        "'" + "''" * 100_000,
        "a:\n" + "\n" * 200_000 + "#",
        "a: " + " " * 500_000,
        "[" + "\n" * 200_000,
        "%A" + " " * 500_000,
    ],
)
def test_reading_takes_no_longer_than_the_text_is_long(text: str) -> None:
    """A hang here is a regular expression that tries again and again."""
    with contextlib.suppress(YamlError):
        read_documents(text)
