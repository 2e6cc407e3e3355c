"""What the YAML parser complains of, in words that help."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import yaml

from .diagnostics import Edit, Span

__all__ = ["Fault", "complaint", "shorten", "span_of"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with the text, and where."""

    code: str
    message: str
    span: Span
    hint: str = ""
    edit: Edit | None = None


def shorten(text: str) -> str:
    """Text that a message may quote."""
    return text if len(text) <= 60 else text[:57] + "..."


def span_of(start: yaml.Mark, end: yaml.Mark | None) -> Span:
    """From the parser's marks, which count from 0, to a span of at least one character."""
    line, column = start.line + 1, start.column + 1
    if end is None or (end.line, end.column) <= (start.line, start.column):
        return Span(line, column, line, column + 1)
    return Span(line, column, end.line + 1, end.column + 1)


def _glued(text: str, mark: yaml.Mark) -> Fault | None:
    """The line above a `:` that cannot be one, when it was meant to be `key: value` and lacks the space."""
    above = text[: mark.index].splitlines()[:-1]
    match = re.fullmatch(r"(\s*(?:- )?)([A-Za-z_]\w*):([^\s/].*)", above[-1]) if above else None
    if match is None:
        return None
    line, column = len(above), len(match[1]) + 1
    span = Span(line, column, line, column + len(match[2]) + 1)
    after = Span(line, span.end_column, line, span.end_column)
    hint = f"write `{match[2]}: {shorten(match[3])}`"
    return Fault("LG005", "a space is missing after the `:`", span, hint, Edit(after, " "))


def complaint(error: yaml.MarkedYAMLError, text: str) -> Fault:
    """The parser's complaint in words that help."""
    said = error.problem or "it cannot be read"
    mark, context = error.problem_mark or error.context_mark, error.context_mark
    assert mark is not None
    span = span_of(mark, None)
    if said.startswith("found character '\\t'"):
        return Fault("LG006", "a tab cannot indent YAML", span, "use spaces")
    if said == "found unexpected end of stream" and context is not None:
        hint = "close it at the end of the text"
        return Fault("LG007", "this quote is not closed", span_of(context, None), hint)
    if said == "mapping values are not allowed here":
        if glued := _glued(text, mark):
            return glued
        return Fault(
            "LG005",
            "a `:` cannot stand here",
            span,
            "text that holds `: ` goes in quotes, or a line is indented wrongly",
        )
    if said == "could not find expected ':'" and context is not None:
        return Fault(
            "LG005",
            "a key without its `:`",
            span_of(context, None),
            "write `key: value`, with a space after the colon",
        )
    if text[max(0, mark.index - 1) : mark.index + 1] == "${":
        hint = 'put the value in quotes: "${NAME}"'
        edit = _quoted(text, mark.index - 1, mark.line + 1, mark.column, r"\$\{[^{}\n]*\}(?=\s*[,}\]])")
        return Fault("LG005", "a bare `${` cannot stand inside of `{ }` or `[ ]`", span, hint, edit)
    if said.startswith("expected <block end>"):
        if text[max(0, mark.index - 1) : mark.index] in ("'", '"'):
            hint = "in single quotes an apostrophe is written twice, or put the text in double quotes"
            return Fault("LG005", "the text goes on after the quote that ends it", span, hint)
        return Fault(
            "LG005",
            "this does not fit what is above it",
            span,
            "keys of one mapping begin in the same column",
        )
    if said.startswith(("expected ',' or '}'", "expected ',' or ']'")) and context is not None:
        bracket = "{" if "}" in said else "["
        return Fault("LG005", f"the `{bracket}` of line {context.line + 1} is not closed before this", span)
    if match := re.fullmatch(r"found character '(.+)' that cannot start any token", said):
        # In a line of its own the text ends with the line; inside of brackets nobody knows.
        own = re.search(r":\s+$", text[text.rfind("\n", 0, mark.index) + 1 : mark.index])
        pattern = r"[^\n#'\"\\]+(?<!\s)(?=\s*(?:\n|$)|\s+#)"
        edit = _quoted(text, mark.index, mark.line + 1, mark.column + 1, pattern) if own else None
        return Fault("LG005", f"a value cannot begin with `{match[1]}`", span, "put it in quotes", edit)
    return Fault("LG005", f"not valid YAML: {said}", span)


def _quoted(text: str, index: int, line: int, column: int, pattern: str) -> Edit | None:
    """Quotes around what ``pattern`` finds at ``index``; ``None`` where it finds nothing."""
    match = re.compile(pattern).match(text, index)
    if match is None:
        return None
    written = match[0]
    return Edit(Span(line, column, line, column + len(written)), json.dumps(written, ensure_ascii=False))
