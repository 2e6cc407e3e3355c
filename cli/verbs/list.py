"""``livegraph list``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from ..output import json_text
from ..terminal import Debug, Terminal, paint

__all__ = ["list_all"]


class Kind(StrEnum):
    """What there is to list."""

    SOURCE = "source"
    SINK = "sink"
    SERVICE = "service"
    PROCESSOR = "processor"
    AGENT = "agent"
    MODEL = "model"


class Format(StrEnum):
    """How the list is written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class _Entry:
    """One agent or processor; ``more`` is for programs only."""

    name: str
    kind: str
    purpose: str
    more: dict[str, Any]
    fault: str = ""


def list_all(
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="Only these; `processor` is what is none of the others.")
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", help="Text for people, JSON for programs.")
    ] = Format.TEXT,
    debug: Debug = False,
) -> None:
    """List the agents that ship with livegraph, and the processors that a graph can use."""
    Terminal(debug=debug)
    if kind is Kind.MODEL:
        models = _models()
        if format is Format.JSON:
            print(json_text({"models": [_data(entry) for entry in models]}, indent=2))
        else:
            _print_rows("Live models (model: NAME)", [(entry.name, entry.purpose) for entry in models])
        return
    agents = _agents() if kind in (None, Kind.AGENT) else []
    boxes = [entry for entry in _processors() if kind is None or entry.kind == kind or entry.fault]
    if kind is Kind.AGENT:
        boxes = []
    if format is Format.JSON:
        data = {"agents": [_data(entry) for entry in agents], "processors": [_data(entry) for entry in boxes]}
        print(json_text(data, indent=2))
        return
    rows: list[tuple[str, ...]]
    if agents:
        rows = [(entry.name, entry.purpose or entry.fault) for entry in agents]
        _print_rows("Agents (livegraph run NAME, livegraph call NAME, livegraph graph NAME)", rows)
    if agents and boxes:
        print()
    if boxes:
        rows = [(entry.name, entry.kind, entry.purpose or entry.fault) for entry in boxes]
        _print_rows("Processors (use: NAME, livegraph inspect NAME)", rows)


def _agents() -> list[_Entry]:
    from ...language.finding import shipped_agents
    from ...language.load import check_file

    entries = []
    for name, path in shipped_agents().items():
        # Without the environment, an agent that wants a variable is still described by what its text says.
        agent = check_file(path).agent
        purpose, title = (agent.description, agent.title) if agent else ("", "")
        fault = "" if agent else f"does not load: see livegraph check {name}"
        entries.append(_Entry(name, "agent", purpose, {"title": title, "file": str(path)}, fault))
    return entries


def _models() -> list[_Entry]:
    """What is known of each model, and how well: its entry falls back on its family's where nothing else is."""
    from dataclasses import asdict

    from ...liveapi.evidence import EVIDENCE
    from ...liveapi.models import capabilities, known_models
    from ...processors.gemini_live.prices import PRICES

    entries = []
    for name in known_models():
        can, listed = capabilities(name), PRICES.get(capabilities(name).name)
        known = [one for one in EVIDENCE if one.model == name]
        money = f"prices: {listed.told}" if listed is not None else "prices: not known"
        kinds = (
            ", ".join(sorted({f"{one.kind} {one.date}" for one in known}))
            or "unverified, as others of its kind"
        )
        purpose = f"answers in {' or '.join(sorted(can.modalities))}; what it can do: {kinds}; {money}"
        told = [
            {
                "field": one.field,
                "value": _plain(one.value),
                "kind": one.kind,
                "source": one.source,
                "date": one.date,
            }
            for one in known
        ]
        prices = None
        if listed is not None:
            prices = {
                **asdict(listed.prices),
                "source": listed.source,
                "date": listed.date,
                "verified": listed.verified,
            }
        entries.append(_Entry(name, "model", purpose, {"evidence": told, "prices": prices}))
    return entries


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _processors() -> list[_Entry]:
    from ...language.describe import describe_box, installed
    from ...pipeline.errors import Problem

    entries = []
    for name, found in installed():
        if isinstance(found, Problem):
            entries.append(_Entry(name, "", "", {}, f"does not load: {found.message}"))
            continue
        facts = describe_box(name, found)
        more = {
            "inputs": [port.name for port in facts.inputs],
            "outputs": [port.name for port in facts.outputs],
            "options": [option.name for option in facts.options],
            "defined_in": facts.defined_in,
        }
        entries.append(_Entry(name, facts.kind, facts.purpose, more))
    return entries


def _data(entry: _Entry) -> dict[str, Any]:
    told = {"name": entry.name, "kind": entry.kind, "purpose": entry.purpose, **entry.more}
    return told | ({"fault": entry.fault} if entry.fault else {})


def _print_rows(title: str, rows: list[tuple[str, ...]]) -> None:
    colour = paint(sys.stdout)
    print(colour("message", title))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for name, *others, text in rows:
        cells = [colour("place", name.ljust(widths[0]))]
        cells += [colour("dim", cell.ljust(width)) for cell, width in zip(others, widths[1:], strict=True)]
        print(f"  {'  '.join([*cells, text])}".rstrip())
