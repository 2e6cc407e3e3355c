"""The catalogue of codes: what each means, with a file that gets it and one that does not. Data in ``codes.yaml``."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType
from typing import Any

__all__ = ["Code", "catalogue", "page", "page_name"]


@dataclass(frozen=True, slots=True)
class Code:
    """One code."""

    code: str
    """``LG`` and three digits; never used for anything else, once published."""
    title: str
    about: str
    """What it means and what to do, in a few sentences of Markdown."""
    wrong: str
    right: str
    language: str = "yaml"
    """``yaml`` for agent files; of others a test knows how to try them."""
    files: Mapping[str, str] = field(default_factory=dict)
    """What lies beside the examples."""
    env: bool = False
    """Whether only ``check --env`` finds it."""


@functools.cache
def catalogue() -> Mapping[str, Code]:
    """Every code there is, in order."""
    # Read with the parser at hand: the language of agent files is enough for it.
    from .source import parse_document

    text = resources.files(__package__).joinpath("codes.yaml").read_text("utf-8")
    data: dict[str, dict[str, Any]] = parse_document(text, "codes.yaml").data
    return MappingProxyType({name: Code(name, **entry) for name, entry in sorted(data.items())})


def page_name(code: str) -> str:
    """Where the documentation of a code is, from the root of the repository."""
    return f"docs/errors/{code}.md"


def page(code: Code, said: str = "") -> str:
    """The page of a code in Markdown; ``said`` is what ``check`` prints for the wrong example."""
    parts = [f"# {code.code}: {code.title}", code.about.strip()]
    for name, text in code.files.items():
        parts.append(
            f"Beside the examples lies `{name}`:\n\n{_block(text, name.rpartition('.')[2], f' {name}')}"
        )
    mark = f" {code.code}" if code.language == "yaml" else ""
    parts.append(f"Wrong:\n\n{_block(code.wrong, code.language, mark)}")
    if said:
        parts.append(f"What is said:\n\n{_block(said, 'text')}")
    parts.append(f"Right:\n\n{_block(code.right, code.language)}")
    return "\n\n".join(parts) + "\n"


def _block(text: str, language: str, mark: str = "") -> str:
    names = {"py": "python", "yml": "yaml"}
    return f"```{names.get(language, language)}{mark}\n{text.rstrip()}\n```"
