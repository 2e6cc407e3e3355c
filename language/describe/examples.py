"""Examples of a processor: the short one of its docstring, and one with every option and its default."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from ...pipeline.options import OptionSpec, option_specs
from ...pipeline.processor import Processor
from ..source import parse_document
from .boxes import OptionFacts, describe_option
from .docstrings import box_doc
from .values import flow, sample

__all__ = ["example_options", "full_example", "option_note", "short_example"]

_WIDEST = 100


def short_example(cls: type[Processor], name: str = "") -> str:
    """The YAML of the docstring, as one item of ``pipeline``; ``name`` alone where there is none."""
    return box_doc(cls).example or name


def full_example(cls: type[Processor], name: str) -> str:
    """Every option with its default, what it takes as a comment, as one item of ``pipeline``.

    Options that have no default take their value from the short example; those that will go away are left out.
    """
    values = example_options(cls)
    facts = [describe_option(spec) for option, spec in option_specs(cls).items() if option in values]
    if not facts:
        return name
    lines = [f"{fact.name}: {flow(values[fact.name])}" for fact in facts]
    margin = max((len(line) for line in lines if len(line) <= 40), default=0)
    written = [f"{name}:"]
    for fact, line in zip(facts, lines, strict=True):
        note = option_note(fact)
        beside = f"  {line.ljust(margin)}  # {note}"
        if not note:
            written.append(f"  {line}")
        elif len(beside) <= _WIDEST:
            written.append(beside)
        else:
            written += [f"  # {part}" for part in textwrap.wrap(note, _WIDEST - 4)]
            written.append(f"  {line}")
    return "\n".join(written)


def example_options(cls: type[Processor]) -> dict[str, Any]:
    """Every option with its default, or with some value that it takes, as YAML would give it."""
    given = _given(cls)
    return {name: _value(spec, given) for name, spec in option_specs(cls).items() if spec.deprecated is None}


def option_note(fact: OptionFacts) -> str:
    """What an option means and takes, on one line: ``speech probability that opens the gate; 0 to 1``."""
    takes = f"one of {', '.join(fact.choices)}" if fact.choices else fact.range
    keys = ", ".join(key.name for key in fact.keys)
    parts = ["required" if fact.required else "", fact.doc, takes, f"keys: {keys}" if keys else ""]
    return "; ".join(part for part in parts if part)


def _value(spec: OptionSpec, given: Mapping[str, Any]) -> Any:
    if not spec.required:
        return describe_option(spec).default
    return given.get(spec.name, sample(spec.type, spec.unit, spec.range))


def _given(cls: type[Processor]) -> dict[str, Any]:
    """The options of the docstring's example."""
    example = parse_document(box_doc(cls).example or "{}").data
    options = next(iter(example.values()), None) if isinstance(example, dict) else None
    return options if isinstance(options, dict) else {}
