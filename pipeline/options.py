"""Options of a processor: the keyword arguments of its constructor, read once for every use.

YAML validation, the JSON Schema, ``livegraph inspect``, the docs and the Python API all come from
the annotations::

    def __init__(self, *, threshold: Annotated[float, Range(0, 1), Doc("speech probability")] = 0.5,
                 pre_roll: Annotated[Duration, Doc("audio kept from before the onset")] = 300 * MS): ...
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

__all__ = [
    "MISSING",
    "Bytes",
    "CallFile",
    "Deprecated",
    "Doc",
    "Duration",
    "FieldFault",
    "FileWord",
    "Hertz",
    "InputName",
    "Live",
    "ModuleRef",
    "Offered",
    "OptionSpec",
    "PerCall",
    "Range",
    "Renamed",
    "Secret",
    "Unit",
    "history",
    "live_options",
    "option_specs",
]


@dataclass(frozen=True, slots=True)
class Doc:
    """One sentence about an option, without a full stop."""

    text: str


@dataclass(frozen=True, slots=True)
class Offered:
    """Values of an option that an editor offers; others are taken too."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Inclusive bounds of a number; ``None`` leaves a side open. Durations are bounded in nanoseconds."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """What an integer counts: ``ns`` is written ``200ms`` in YAML, ``Hz`` is written ``16kHz``, ``B`` ``500MB``."""

    name: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """A name that the option had until version ``since``: it still works, with a warning and a fix."""

    old: str
    since: str


@dataclass(frozen=True, slots=True)
class Deprecated:
    """The option will go away; ``instead`` says what to do without it."""

    instead: str
    since: str


@dataclass(frozen=True, slots=True)
class PerCall:
    """Marks a text that may hold ``{{inputs.name}}``: what a caller brings along is put in when a call starts."""


@dataclass(frozen=True, slots=True)
class CallFile:
    """Marks the path of a file that a call writes.

    It may hold ``{{call.id}}``, ``{{call.time}}``, ``{{call.date}}``, ``{{call.agent}}``, ``{{call.identity}}`` and
    ``{{inputs.name}}``, which each call fills in; see ``graph.call_files``.
    """

    shared: bool = False
    """Whether calls at the same time may have the same name: they add whole lines, or number their files."""


@dataclass(frozen=True, slots=True)
class InputName:
    """Marks the name of an input of the agent whose value counts, and what type that input has to be of."""

    type: str = ""
    """``text``, ``integer``, ``number``, ``boolean``; empty where any will do."""


@dataclass(frozen=True, slots=True)
class Live:
    """Marks an option that a running call can take on: the box has a method ``on_tune`` for it."""


Duration = Annotated[int, Unit("ns")]
"""Integer nanoseconds; ``200ms`` or ``1.5s`` in YAML."""

Hertz = Annotated[int, Unit("Hz")]
"""Integer hertz; ``16kHz`` or ``16000`` in YAML."""


Bytes = Annotated[int, Unit("B")]
"""Integer bytes; ``500MB`` or ``1.5GB`` in YAML."""


@dataclass(frozen=True, slots=True)
class _ModuleRefMark:
    """Marks a string that may name a Python file relative to the agent file."""


ModuleRef = Annotated[str, _ModuleRefMark()]
"""A Python file (``./tools.py``, resolved next to the file that says it) or a module, optionally ``:name``."""


@dataclass(frozen=True, slots=True)
class _FileWordMark:
    """Marks a word of a command, which may name a file relative to the agent file."""


FileWord = Annotated[str, _FileWordMark()]
"""A word of a command: ``./server.py`` and ``../data`` lie next to the file that says it, any other word stays."""


class Secret:
    """A value that no log, trace, page or error may show. ``reveal()`` is the only way to its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


class FieldFault(ValueError):
    """Raised by the own check of a dataclass that holds options.

    ``path`` leads to the field at fault, as YAML calls it, or inside of it.
    """

    def __init__(self, path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        super().__init__(message)
        self.path, self.hint = path, hint


class _Missing:
    """The default of an option that has none."""

    def __repr__(self) -> str:
        return "<required>"


MISSING: Any = _Missing()


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One option of a processor."""

    name: str
    type: Any
    """The annotation without our markers, such as ``float`` or ``list[str]``; nested ones keep theirs."""
    default: Any = MISSING
    doc: str = ""
    range: Range | None = None
    unit: str = ""
    """``ns``, ``Hz``, ``B`` or empty."""
    renamed: tuple[Renamed, ...] = ()
    """The names that it had before."""
    deprecated: Deprecated | None = None
    per_call: bool = False
    """Whether ``{{inputs.name}}`` may stand in it."""
    live: bool = False
    """Whether a change reaches running calls."""
    offered: tuple[str, ...] = ()
    """Values that an editor offers, beside others that are taken too."""
    call_file: CallFile | None = None
    """Set when it names a file that a call writes, by ``{{call.id}}`` and the like."""
    input_name: InputName | None = None
    """Set when it names an input of the agent."""

    @property
    def required(self) -> bool:
        return self.default is MISSING


_specs: weakref.WeakKeyDictionary[type, dict[str, OptionSpec]] = weakref.WeakKeyDictionary()


def option_specs(cls: type) -> dict[str, OptionSpec]:
    """The options of ``cls`` by name, in the order of its constructor.

    Raises ``TypeError`` when an argument has no annotation or cannot be given by keyword.
    """
    specs = _specs.get(cls)
    if specs is None:
        specs = _specs[cls] = _read_specs(cls)
    return specs


def live_options(cls: type, options: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every live option of ``cls``: what ``options`` say, else its default."""
    return {name: options.get(name, spec.default) for name, spec in option_specs(cls).items() if spec.live}


def _read_specs(cls: type) -> dict[str, OptionSpec]:
    init = cls.__init__  # type: ignore[misc]  # the class itself is asked, not an instance
    if init is object.__init__:
        return {}
    hints = get_type_hints(init, include_extras=True)
    specs: dict[str, OptionSpec] = {}
    for name, parameter in list(inspect.signature(init).parameters.items())[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY or name not in hints:
            raise TypeError(
                f"{cls.__qualname__}: option {name!r} needs an annotation and must be given by keyword"
            )
        default = MISSING if parameter.default is parameter.empty else parameter.default
        specs[name] = _spec(name, hints[name], default)
    return specs


def _spec(name: str, hint: Any, default: Any) -> OptionSpec:
    doc, bounds, unit = "", None, ""
    marks: tuple[Any, ...] = ()
    # Annotated flattens nested Annotated, so Annotated[Duration, Doc(...)] arrives as one.
    if get_origin(hint) is Annotated:
        base, *marks_list = get_args(hint)
        marks = tuple(marks_list)
        kept = tuple(mark for mark in marks if isinstance(mark, _ModuleRefMark))
        hint = Annotated[base, *kept] if kept else base
    for mark in marks:
        if isinstance(mark, Doc):
            doc = mark.text
        elif isinstance(mark, Range):
            bounds = mark
        elif isinstance(mark, Unit):
            unit = mark.name
    renamed, deprecated = history(marks)
    per_call = any(isinstance(mark, PerCall) for mark in marks)
    live = any(isinstance(mark, Live) for mark in marks)
    offered = tuple(value for mark in marks if isinstance(mark, Offered) for value in mark.values)
    return OptionSpec(
        *(name, hint, default, doc, bounds, unit, renamed, deprecated, per_call, live),
        offered=offered,
        call_file=next((mark for mark in marks if isinstance(mark, CallFile)), None),
        input_name=next((mark for mark in marks if isinstance(mark, InputName)), None),
    )


def history(marks: Iterable[Any]) -> tuple[tuple[Renamed, ...], Deprecated | None]:
    """What the markers of an annotation say of the past and the end of an option."""
    found = list(marks)
    renamed = tuple(mark for mark in found if isinstance(mark, Renamed))
    return renamed, next((mark for mark in found if isinstance(mark, Deprecated)), None)
