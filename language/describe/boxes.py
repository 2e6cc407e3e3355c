"""The facts of a processor as data: one source for ``inspect``, ``list``, the schema and the docs.

Everything is read from the class: its docstring, ports, options, and the events that it declares in ``emits``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from ...pipeline.convert.hints import (
    choices_of,
    describe,
    group_fields,
    is_group,
    spelling,
    strip,
    union_members,
)
from ...pipeline.errors import ConfigError, Problem
from ...pipeline.events import Event
from ...pipeline.graph import registry
from ...pipeline.options import OptionSpec, Range, Secret, option_specs
from ...pipeline.ports import FromOption, PortSpec
from ...pipeline.processor import Processor, ages, ports_of
from ...pipeline.running.edges import EdgeStats
from .docstrings import annotated_docs, box_doc, field_docs, plain
from .names import frame_word, policy_words
from .values import quantity, yaml_value

__all__ = [
    "BoxFacts",
    "CounterFacts",
    "EventFacts",
    "OptionFacts",
    "PortFacts",
    "describe_box",
    "describe_option",
    "installed",
]


@dataclass(frozen=True, slots=True)
class PortFacts:
    """One port."""

    name: str
    direction: str
    """``in`` or ``out``."""
    types: tuple[str, ...]
    """Names of the frame classes that pass."""
    rate: str = ""
    """For audio: ``16 kHz``, ``48 kHz or 24 kHz``, ``option rate``, ``as audio`` or ``any``."""
    channels: str = ""
    """For audio, likewise."""
    required: bool = False
    feedback: bool = False
    policy: str = ""
    """What edges into it do when full, where the port says so; otherwise it depends on what flows."""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class OptionFacts:
    """One option, or one key of a group of options."""

    name: str
    type: str
    """In words: ``a duration such as 200ms``."""
    required: bool
    default: Any = None
    """As YAML writes it; means something only when the option is not required."""
    unit: str = ""
    """``ns`` (written ``200ms``), ``Hz`` (written ``16kHz``), ``B`` (written ``500MB``) or empty."""
    low: str = ""
    high: str = ""
    choices: tuple[str, ...] = ()
    secret: bool = False
    doc: str = ""
    keys: tuple[OptionFacts, ...] = ()
    """What is inside, when the option is a group."""
    renamed: tuple[str, ...] = ()
    """Names that it had before; they still work, with a warning."""
    deprecated: str = ""
    """What to do without it, when it will go away."""
    per_call: bool = False
    """Whether it may hold ``{{inputs.name}}``, which each call fills in."""
    live: bool = False
    """Whether a change reaches running calls."""
    call_file: bool = False
    """Whether it names a file that a call writes, by ``{{call.id}}`` and the like."""

    @property
    def range(self) -> str:
        """``0 to 1``, ``at least 1``; empty when nothing bounds it."""
        if self.low and self.high:
            return f"{self.low} to {self.high}"
        return f"at least {self.low}" if self.low else (f"at most {self.high}" if self.high else "")


@dataclass(frozen=True, slots=True)
class EventFacts:
    """One event that a call with this box may publish because of it."""

    name: str
    doc: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CounterFacts:
    """One counter of every edge into the box (``call.stats()``)."""

    name: str
    doc: str


@dataclass(frozen=True, slots=True)
class BoxFacts:
    """All that is to be known of a processor without reading its code."""

    name: str
    """What ``use:`` takes."""
    kind: str
    """``source``, ``sink``, ``service`` or ``processor``."""
    purpose: str
    about: tuple[str, ...]
    """Further paragraphs."""
    live: bool
    """Whether its output ages, so that edges drop it rather than keep it waiting."""
    ports: tuple[PortFacts, ...]
    options: tuple[OptionFacts, ...]
    events: tuple[EventFacts, ...]
    counters: tuple[CounterFacts, ...]
    example: str
    """Short, from the docstring, as one item of ``pipeline``."""
    defined_in: str
    """Module and class."""

    @property
    def inputs(self) -> tuple[PortFacts, ...]:
        return tuple(port for port in self.ports if port.direction == "in")

    @property
    def outputs(self) -> tuple[PortFacts, ...]:
        return tuple(port for port in self.ports if port.direction == "out")


def describe_box(name: str, cls: type[Processor]) -> BoxFacts:
    """The facts of ``cls``, which files call ``name``."""
    doc = box_doc(cls)
    ports = tuple(_port(spec) for spec in ports_of(cls).values())
    return BoxFacts(
        name=name,
        kind=cls.kind,
        purpose=doc.purpose,
        about=doc.about,
        live=ages(cls) is True,
        ports=ports,
        options=tuple(describe_option(spec) for spec in option_specs(cls).values()),
        events=tuple(_event(kind) for kind in cls.emits),
        counters=_counters() if any(port.direction == "in" for port in ports) else (),
        example=doc.example,
        defined_in=f"{cls.__module__}:{cls.__qualname__}",
    )


def installed(*, shipped_only: bool = False) -> Iterator[tuple[str, type[Processor] | Problem]]:
    """Every processor known by name, sorted, or why it does not load.

    ``shipped_only`` leaves out what other packages and this program have registered.
    """
    for name in registry.names():
        found: type[Processor] | Problem | None
        try:
            found = registry.find(name)
        except ConfigError as error:
            found = error.problems[0]
        if found is None or (shipped_only and not _is_ours(found)):
            continue
        yield name, found


def describe_option(spec: OptionSpec, doc: str = "") -> OptionFacts:
    """The facts of one option; ``doc`` where its annotation has none."""
    hint, inner_bounds, inner_unit = _scalar(spec.type)
    bounds, unit = spec.range or inner_bounds, spec.unit or inner_unit
    secret = any(strip(member)[0] is Secret for member in union_members(spec.type))
    shown = spec.default if not spec.required and not (secret and spec.default is not None) else None
    return OptionFacts(
        name=spec.name,
        type=describe(spec.type, unit),
        required=spec.required,
        default=yaml_value(shown, spec.type, unit),
        unit=unit,
        low=_bound(bounds, "low", unit),
        high=_bound(bounds, "high", unit),
        choices=tuple(
            spelling(one) for member in union_members(hint) for one in choices_of(strip(member)[0])
        ),
        secret=secret,
        doc=plain(spec.doc or doc),
        keys=tuple(_keys(spec.type)),
        renamed=tuple(former.old for former in spec.renamed),
        deprecated="" if spec.deprecated is None else plain(spec.deprecated.instead),
        per_call=spec.per_call,
        live=spec.live,
        call_file=spec.call_file is not None,
    )


def _is_ours(found: type[Processor] | Problem) -> bool:
    package = __name__.partition(".")[0]
    return isinstance(found, type) and found.__module__.partition(".")[0] == package


def _keys(hint: Any) -> Iterator[OptionFacts]:
    for member in union_members(strip(hint)[0]):
        group = strip(member)[0]
        if is_group(group):
            docs = field_docs(group) | annotated_docs(group)
            for attribute, spec in group_fields(group).values():
                yield describe_option(spec, docs.get(attribute, ""))


def _scalar(hint: Any) -> tuple[Any, Range | None, str]:
    """``hint`` without markers; range and unit also where only one member of a union has them."""
    hint, bounds, unit = strip(hint)
    for member in union_members(hint):
        _, own_bounds, own_unit = strip(member)
        bounds, unit = bounds or own_bounds, unit or own_unit
    return hint, bounds, unit


def _bound(bounds: Range | None, side: str, unit: str) -> str:
    amount = None if bounds is None else getattr(bounds, side)
    return "" if amount is None else quantity(amount, unit)


def _port(spec: PortSpec) -> PortFacts:
    rate = _count(spec.rate, spec.like, lambda value: f"{value / 1000:g} kHz")
    layouts = {1: "mono", 2: "stereo"}
    channels = _count(spec.channels, spec.like, lambda value: layouts.get(value, f"{value} channels"))
    return PortFacts(
        name=spec.name,
        direction=spec.direction,
        types=tuple(kind.__name__ for kind in spec.types),
        rate=rate if spec.carries_audio else "",
        channels=channels if spec.carries_audio else "",
        required=spec.required,
        feedback=spec.feedback,
        policy="" if spec.policy is None else policy_words(spec.policy, spec.types),
        doc=plain(spec.doc) or " or ".join(frame_word(kind) for kind in spec.types),
    )


def _count(count: Any, like: str, word: Any) -> str:
    if isinstance(count, FromOption):
        return f"option {count.name}" + (f", else as {like}" if like else "")
    if count is None:
        return f"as {like}" if like else "any"
    return " or ".join(word(value) for value in (count if isinstance(count, tuple) else (count,)))


def _event(kind: type[Event]) -> EventFacts:
    names = tuple(field.name for field in msgspec.structs.fields(kind))
    return EventFacts(kind.__name__, plain(inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0]), names)


def _counters() -> tuple[CounterFacts, ...]:
    docs = field_docs(EdgeStats)
    return tuple(CounterFacts(name, doc) for name, doc in docs.items() if name in EdgeStats.__slots__)
