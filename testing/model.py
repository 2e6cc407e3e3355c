"""Tests as they were read: what is fed to an agent, and what is expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..pipeline.convert import Steps
from ..pipeline.frames import Frame
from ..pipeline.units import SECOND, format_duration
from .checks import Check
from .timeline import Entry

__all__ = [
    "AnyOrder",
    "Case",
    "Disconnect",
    "Expectation",
    "Gaps",
    "Mock",
    "Never",
    "Occurs",
    "Outcome",
    "Pattern",
    "Play",
    "Press",
    "Say",
    "Send",
    "Skip",
    "State",
    "Step",
    "Trigger",
    "When",
]

DEFAULT_TIMEOUT_NS = 120 * SECOND


# What is looked for


@dataclass(frozen=True, slots=True)
class Pattern:
    """An event, or a frame at one of ``places`` (``node.port``), by its name and fields."""

    kind: Literal["event", "frame"]
    name: str
    """Empty for frames of any type."""
    fields: Mapping[str, Check] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    at: str = ""
    """The place as it was written."""

    def matches(self, entry: Entry) -> bool:
        """Whether ``entry`` is what is looked for."""
        return (
            entry.kind == self.kind
            and self.name in ("", entry.name)
            and (not self.places or entry.place in self.places)
            and all(name in entry.fields and check(entry.fields[name]) for name, check in self.fields.items())
        )

    def __str__(self) -> str:
        fields = ", ".join(f"{name.removesuffix('_ns')}: {check}" for name, check in self.fields.items())
        name = self.name or "frame"
        if self.kind == "frame":
            name = f"frame {self.name} at {self.at}" if self.name else f"a frame at {self.at}"
        return f"{name} {{{fields}}}" if fields else name


@dataclass(frozen=True, slots=True)
class State:
    """Something that holds for a time: a state of the conversation, or sound or silence at an output."""

    kind: Literal["state", "sound", "silence"]
    value: str
    """The state, or the node."""

    def __str__(self) -> str:
        return f"state {self.value}" if self.kind == "state" else f"{self.kind} at {self.value}"


What = Pattern | State


# What is expected


@dataclass(frozen=True, slots=True)
class When:
    """Times of an expectation, from ``since``: a name, empty for what was met before."""

    within_ns: int | None = None
    not_before_ns: int = 0
    for_ns: int = 0
    since: str = ""

    def __str__(self) -> str:
        parts = [f"for {format_duration(self.for_ns)}"] if self.for_ns else []
        parts += [f"not before {format_duration(self.not_before_ns)}"] if self.not_before_ns else []
        parts += [f"within {format_duration(self.within_ns)}"] if self.within_ns is not None else []
        parts += [f"since {self.since}"] if self.since else []
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One item of ``expect``. ``path`` leads to where it is written."""

    path: Steps = ()
    when: When = field(default_factory=When)
    name: str = ""

    @property
    def text(self) -> str:
        """What is expected, for people."""
        when = str(self.when)
        return f"{self._what()} {when}" if when else self._what()

    def _what(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Occurs(Expectation):
    """It happens, or holds."""

    what: What = Pattern("event", "")

    def _what(self) -> str:
        return str(self.what)


@dataclass(frozen=True, slots=True)
class Never(Expectation):
    """It does not happen."""

    what: What = Pattern("event", "")

    def _what(self) -> str:
        return f"never {self.what}"


@dataclass(frozen=True, slots=True)
class Gaps(Expectation):
    """No gap in the sound of an output is longer than ``longest_ns``."""

    node: str = ""
    longest_ns: int = 0

    def _what(self) -> str:
        return f"no gap longer than {format_duration(self.longest_ns)} at {self.node}"


@dataclass(frozen=True, slots=True)
class AnyOrder(Expectation):
    """Several, in whatever order."""

    items: tuple[Occurs, ...] = ()

    def _what(self) -> str:
        return "in any order: " + "; ".join(item.text for item in self.items)


# What is fed


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a step begins: at a time of the call, ``wait_ns`` after something happened, or after the step before."""

    at_ns: int | None = None
    after: What | None = None
    wait_ns: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One item of ``feed``. ``to`` is a node or ``node.port``; empty for the only one that fits."""

    path: Steps = ()
    trigger: Trigger = field(default_factory=Trigger)
    name: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class Say(Step):
    """Text spoken by a synthetic voice."""

    text: str = ""
    voice: str = ""
    length_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Play(Step):
    """An audio file."""

    file: Path = Path()
    length_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Send(Step):
    """A frame; it is sent with the time of its sending."""

    frame: Frame = field(default_factory=Frame)


@dataclass(frozen=True, slots=True)
class Press(Step):
    """Keys of a telephone, one after the other; ``to`` is the input that takes them as frames, if there is one."""

    keys: str = ""


@dataclass(frozen=True, slots=True)
class Skip(Step):
    """Time in which the caller does nothing."""

    length_ns: int = 0


@dataclass(frozen=True, slots=True)
class Disconnect(Step):
    """The connection to the model breaks; with a ``code`` the server closes it."""

    code: int = 0
    reason: str = ""


# What is put in the place of the world


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a mocked tool does: after ``delay_ns`` it gives ``value``, fails with ``error``, or never answers."""

    value: Any = None
    error: str | None = None
    delay_ns: int = 0
    hang: bool = False


@dataclass(frozen=True, slots=True)
class Mock:
    """A tool whose calls have these outcomes, one after another; the last one stays. ``node`` may be empty."""

    node: str
    tool: str
    outcomes: tuple[Outcome, ...]
    path: Steps = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One test."""

    name: str
    feed: tuple[Step, ...] = ()
    expect: tuple[Expectation, ...] = ()
    mocks: tuple[Mock, ...] = ()
    brain: Path | Mapping[str, Any] | None = None
    scenario: Path | Mapping[str, Any] | None = None
    live: Path | None = None
    timeout_ns: int = DEFAULT_TIMEOUT_NS
    skip: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """What the caller brings along, by the name of the agent's input."""
    path: Steps = ()
