"""``livegraph inspect``."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ..exits import Exit, Fault, told
from ..output import json_text
from ..terminal import Debug, Terminal, paint

if TYPE_CHECKING:
    from ...language.describe import BoxFacts, OptionFacts, PortFacts
    from ...pipeline.processor import Processor

__all__ = ["inspect"]

_WIDTH = 100


class Format(StrEnum):
    """How the facts are written."""

    TEXT = "text"
    JSON = "json"


def inspect(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A processor, as `use:` takes it: vad_gate, ./box.py:MyBox."),
    ],
    format: Annotated[
        Format, typer.Option("--format", help="Text for people, JSON for programs.")
    ] = Format.TEXT,
    debug: Debug = False,
) -> None:
    """Tell all about a processor: purpose, ports, options, events, counters, and examples to copy."""
    terminal = Terminal(debug=debug)
    with told(terminal):
        from ...language.describe import describe_box, full_example

        cls = _find(name)
        facts, whole = describe_box(name, cls), full_example(cls, name)
        if format is Format.JSON:
            import msgspec

            data = {**msgspec.to_builtins(facts), "full_example": whole}
            print(json_text(data, indent=2))
        else:
            print("\n".join(_text(facts, whole)))


def _find(name: str) -> type[Processor]:
    from ...language.finding import shipped_agents
    from ...pipeline.errors import ConfigError
    from ...pipeline.graph import registry

    try:
        return registry.load(name)
    except ConfigError as error:
        problem = error.problems[0]
        if name in shipped_agents():
            message, hint = f"`{name}` is an agent, no processor", f"livegraph graph {name} draws it"
            raise Fault(message, hint, Exit.USAGE) from None
        raise Fault(problem.message, problem.hint, Exit.USAGE) from None


def _text(facts: BoxFacts, whole: str) -> Iterator[str]:
    colour = paint(sys.stdout)
    live = ", live: what it sends ages and is dropped rather than kept waiting" if facts.live else ""
    yield f"{colour('message', facts.name)} ({facts.kind}{live})"
    yield from textwrap.wrap(facts.purpose, _WIDTH)
    for paragraph in facts.about:
        yield ""
        yield from textwrap.wrap(paragraph, _WIDTH)
    for title, ports in (("Inputs", facts.inputs), ("Outputs", facts.outputs)):
        if ports:
            yield from ("", colour("message", title))
            yield from _rows([(port.name, _port(port), port.doc) for port in ports])
    if facts.options:
        yield from ("", colour("message", "Options"))
        for option in facts.options:
            yield from _option(option)
    if facts.events:
        yield from ("", colour("message", "Events, beside those of every call"))
        yield from _rows([(event.name, ", ".join(event.fields), event.doc) for event in facts.events])
    if facts.counters:
        yield from ("", colour("message", "Counters of every edge into it, in `call.stats()`"))
        yield from _rows([(counter.name, counter.doc) for counter in facts.counters])
    yield from ("", colour("message", "Example"), textwrap.indent(facts.example or facts.name, "  "))
    if whole != facts.example and facts.options:
        yield from ("", colour("message", "Every option with its default"), textwrap.indent(whole, "  "))
    yield from ("", colour("dim", f"Defined in {facts.defined_in}"))


def _port(port: PortFacts) -> str:
    words = [" | ".join(port.types)]
    if port.rate == port.channels == "any":
        words.append("any format")
    elif port.rate:
        words.append(port.rate if port.rate == port.channels else f"{port.rate}, {_channels(port.channels)}")
    if port.direction == "in":
        words += ["required"] if port.required else ["optional"]
    words += ["feedback"] if port.feedback else []
    words += [port.policy] if port.policy else []
    return ", ".join(words)


def _channels(words: str) -> str:
    return "any channels" if words == "any" else words


def _option(option: OptionFacts, depth: int = 1) -> Iterator[str]:
    from ...language.describe.values import flow

    kind = " or ".join(option.choices) or option.type
    parts = [kind, option.range]
    parts.append("required" if option.required else f"default {flow(option.default)}")
    margin = "  " * depth
    head = f"{margin}{option.name}: " + ", ".join(part for part in parts if part)
    yield from textwrap.wrap(head, _WIDTH, subsequent_indent=margin + "    ")
    notes = [option.doc] if option.doc else []
    notes += ["may hold `{{inputs.name}}`, which each call fills in"] if option.per_call else []
    notes += ["may hold `{{call.id}}`, `{{call.time}}`, `{{inputs.name}}`"] if option.call_file else []
    notes += ["live: a change reaches running calls"] if option.live else []
    notes += [f"was called {', '.join(option.renamed)}"] if option.renamed else []
    notes += [f"will go away: {option.deprecated}"] if option.deprecated else []
    for note in notes:
        yield from textwrap.wrap(
            note, _WIDTH, initial_indent=margin + "    ", subsequent_indent=margin + "    "
        )
    for key in option.keys:
        yield from _option(key, depth + 2)


def _rows(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as they need to be, the last one wrapped; below the others where they leave no room."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    start = 2 + sum(widths) + 2 * len(widths)
    for row in rows:
        *cells, last = row
        lead = "  " + "".join(cell.ljust(width + 2) for cell, width in zip(cells, widths, strict=True))
        if start <= _WIDTH * 0.6:
            yield from _wrapped(last, lead, " " * start)
        else:
            yield "  " + "  ".join([cells[0].ljust(widths[0]), *cells[1:]]).rstrip()
            yield from _wrapped(last, " " * (4 + widths[0]), " " * (4 + widths[0]))


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=others) or [first.rstrip()]
