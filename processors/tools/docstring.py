"""What a tool's docstring says: of the function, and of each argument. Google, NumPy, reST and Epydoc style."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["read_docstring"]

# A heading of Google style, at the margin: what is indented behind it is its section.
_HEADING = re.compile(r"(?:[A-Z][a-z]+ ?){1,3}:\s*$")
# A reference of Sphinx's, whose colon would end the name of an argument: `day (:obj:`str`): ...`.
_ROLE = re.compile(r":[a-z]+(?::[a-z]+)*:`~?([^`<>]*)`")
# Without a line before it the library takes a section for a description.
_STAND_IN = "."


def read_docstring(text: str, names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """The description outside of any section, and what is said of the arguments called `names`.

    Args:
        text: a docstring without its indentation, as ``inspect.getdoc`` gives it.
        names: of the function's arguments: what stands in their section under another name, such as the second line of
            a text that has a colon, belongs to the argument before it.
    """
    from docstring_parser import DocstringStyle, ParseError, parse

    text, behind = _behind_sections(_ROLE.sub(r"\1", text))
    try:
        found = parse(f"{_STAND_IN}\n\n{text}")
        if found.style not in (DocstringStyle.GOOGLE, DocstringStyle.NUMPYDOC) and not found.params:
            # No section that it knows: all of it is description.
            return "\n\n".join(part for part in (text.strip(), behind) if part), {}
    except ParseError:
        return "\n\n".join(part for part in (text.strip(), behind) if part), {}
    known = set(names)
    documented: dict[str, str] = {}
    last = ""
    for parameter in found.params:
        said = " ".join((parameter.description or "").split())
        several = [name.strip().strip("*`") for name in parameter.arg_name.split(",")]
        if any(name in known for name in several):
            for last in several:
                documented[last] = said
        elif last:
            documented[last] = " ".join(f"{documented[last]} {parameter.arg_name}: {said}".split())
    description = found.long_description or ""
    return "\n\n".join(part for part in (description.strip(), behind) if part), documented


def _behind_sections(text: str) -> tuple[str, str]:
    """The text up to its last section of Google style, and the paragraphs at the margin behind sections.

    The library drops those: they are description too.
    """
    kept: list[str] = []
    behind: list[str] = []
    in_section = seen = False
    for line in text.splitlines():
        if _HEADING.match(line):
            in_section = seen = True
        elif line.strip() and not line[0].isspace() and in_section:
            in_section = False
        (behind if seen and not in_section else kept).append(line)
    return "\n".join(kept), "\n".join(behind).strip()
