"""Single values: booleans, numbers, durations, text, secrets, choices and files.

Every function takes the value and its place, and returns the value as its type, or leaves a problem and
returns ``BAD``.
"""

from __future__ import annotations

import enum
import math
import numbers
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import file_contents
from ..errors import Fix, Problem
from ..options import ModuleRef, Range, Secret
from ..spelling import did_you_mean, nearest, sure
from ..units import format_duration, format_size, parse_duration, parse_frequency, parse_size
from .hints import describe, show, spelling
from .scalars import CallText, EnvText, read_scalar, trap

__all__ = [
    "BAD",
    "BaseDir",
    "Context",
    "Place",
    "Steps",
    "boolean",
    "choice",
    "file_path",
    "file_word",
    "module_ref",
    "number",
    "secret",
    "text",
]

Steps = tuple[str | int, ...]
"""Where a value stands: keys and indices from the root of the document."""

BaseDir = Path | Callable[[Steps], Path] | None
"""A folder, or what gives the folder for a place."""


class _Bad:
    """What stands for a value with a fault."""


BAD: Any = _Bad()

_API_KEY = re.compile(r"[A-Za-z0-9_\-.]{16,}")


@dataclass(frozen=True, slots=True)
class _Quantity:
    parse: Callable[[str], int]
    expected: str
    units: str
    examples: tuple[str, str]


_QUANTITIES = {
    "ns": _Quantity(
        parse_duration, "a duration such as 200ms or 1.5s", "ns, us, ms, s, min, h or d", ("ms", "s")
    ),
    "Hz": _Quantity(parse_frequency, "a rate such as 16kHz or 8000Hz", "Hz or kHz", ("Hz", "kHz")),
    "B": _Quantity(parse_size, "a size such as 500MB or 1.5GB", "B, kB, MB, GB or TB", ("MB", "GB")),
}


@dataclass(frozen=True, slots=True)
class Context:
    """What holds for a whole conversion."""

    base_dir: BaseDir
    """Where relative files are looked for, by the place that names them; ``None`` leaves them as they are."""
    from_yaml: bool
    problems: list[Problem] = field(default_factory=list)

    def resolve(self, text: str, at: Steps) -> Path:
        """A path that is named at ``at``, relative to the file that says so, with the home directory put in."""
        path = Path(text)
        if text.startswith("~"):
            try:
                path = path.expanduser()
            except RuntimeError:  # a user whom nobody knows
                return path
        base = self.base_dir(at) if callable(self.base_dir) else self.base_dir
        return path if base is None else base / path


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, what messages call it, and what was said of it outside its type."""

    context: Context
    path: Steps
    label: str
    bounds: Range | None = None
    unit: str = ""

    def inside(self, step: str | int) -> Place:
        """The place of an element; it inherits range and unit."""
        label = f"{self.label}[{step}]" if isinstance(step, int) else f"{self.label}.{step}"
        return replace(self, path=(*self.path, step), label=label)

    def fault(
        self,
        code: str,
        message: str,
        hint: str = "",
        *,
        warning: bool = False,
        part: str = "",
        fix: Fix | None = None,
    ) -> Any:
        """Leave a problem; returns ``BAD``."""
        self.context.problems.append(
            Problem(code, message, self.path, hint=hint, warning=warning, part=part, fix=fix)
        )
        return BAD

    def wrong_type(self, hint: Any, value: Any, advice: str = "", fix: Fix | None = None) -> Any:
        """Leave the problem that ``value`` is no ``hint``; returns ``BAD``."""
        expected = describe(hint, self.unit)
        return self.fault("LG202", f"`{self.label}` takes {expected}, not {show(value)}", advice, fix=fix)


def boolean(value: Any, place: Place) -> Any:
    """``true`` or ``false``."""
    if isinstance(value, EnvText) and isinstance(read := read_scalar(value.lower()), bool):
        return read
    if isinstance(value, bool):
        return value
    advice, fix = "write true or false", None
    if isinstance(value, str) and not isinstance(value, EnvText):
        if place.context.from_yaml and (found := trap(value, "bool")):
            return _trapped(f"`{place.label}` takes true or false", found, place)
        if isinstance(read_scalar(value), bool):
            advice, fix = "remove the quotes", Fix(value)
    return place.wrong_type(bool, value, advice, fix)


def number(kind: type, value: Any, place: Place) -> Any:
    """An ``int``, which may count nanoseconds or hertz, or a ``float``."""
    if place.unit in _QUANTITIES and kind is int:
        return _quantity(_QUANTITIES[place.unit], value, place)
    read = read_scalar(value.strip()) if isinstance(value, EnvText) else value
    if not isinstance(read, numbers.Real) or isinstance(read, bool | enum.Enum):
        return _no_number(kind, value, place)
    if isinstance(read, numbers.Integral):
        try:
            return _bounded(int(read) if kind is int else float(int(read)), value, place)
        except OverflowError:
            return _bounded(math.inf, value, place)
    made = float(read)
    if kind is int:
        if made.is_integer() and not isinstance(value, EnvText):
            return place.wrong_type(kind, value, f"write `{int(made)}`", Fix(str(int(made))))
        return place.wrong_type(kind, value)
    return _bounded(made, value, place)


def text(value: Any, place: Place) -> Any:
    """A ``str``."""
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return value if isinstance(value, CallText) else str(value)
    quotable = place.context.from_yaml and isinstance(value, bool | int | float)
    # As it is written, which the value need not tell: 1.10 is 1.1.
    return place.wrong_type(
        str, value, "put it in quotes" if quotable else "", Fix(how="quote") if quotable else None
    )


def secret(value: Any, place: Place) -> Any:
    """A ``Secret``; a key that stands in the file itself is a warning."""
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        # Whatever it is, its text stays out of the message.
        return place.fault("LG202", f"`{place.label}` takes text", "such as ${GEMINI_API_KEY}")
    if place.context.from_yaml and not isinstance(value, EnvText) and _API_KEY.fullmatch(value):
        message = f"`{place.label}` looks like a key written into the file"
        place.fault("LG208", message, "keep it in the environment: ${GEMINI_API_KEY}", warning=True)
    return Secret(str(value))


def choice(choices: tuple[Any, ...], hint: Any, value: Any, place: Place) -> Any:
    """One of the values of a ``Literal`` or an ``Enum``."""
    plain = str(value) if isinstance(value, EnvText) else value
    for one in choices:
        meant = one.value if isinstance(one, enum.Enum) else one
        if plain is one or (type(meant) is type(plain) and meant == plain):
            return one
        if isinstance(value, EnvText) and spelling(one) == plain:
            return one
        if isinstance(one, enum.Enum) and not isinstance(meant, str) and one.name == plain:
            return one
    named = isinstance(value, str) and not isinstance(value, EnvText)
    spellings = [spelling(one) for one in choices] if named else []
    guess, certain = (nearest(value, spellings), sure(value, spellings)) if named else (None, None)
    expected = describe(hint)
    if len(choices) > 2:
        expected = "one of " + expected.replace(" or ", ", ")
    message = f"`{place.label}` must be {expected}, not {show(value)}"
    fix = Fix(certain) if certain else None
    return place.fault("LG206", message, f"did you mean `{guess}`?" if guess else "", fix=fix)


def file_path(value: Any, place: Place) -> Any:
    """A ``Path``, relative to the file that says it."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value or "\0" in value:
        return place.wrong_type(Path, value)
    return place.context.resolve(str(value), place.path)


def file_word(value: Any, place: Place) -> Any:
    """A word of a command: one that leads to a file is made absolute, any other stays as it is."""
    leads = isinstance(value, str) and (value in (".", "..") or value.startswith(("./", "../", "~/")))
    if not leads or "\0" in value or place.context.base_dir is None:
        return value
    return str(place.context.resolve(str(value), place.path))


def module_ref(value: Any, place: Place) -> Any:
    """A Python file, made absolute, or a module; optionally with ``:name``."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        return place.wrong_type(ModuleRef, value)
    file, name = _split_reference(str(value))
    context = place.context
    is_file = file.endswith(".py") or file.startswith(("./", "../", "/", "~/"))
    if not is_file or context.base_dir is None:
        return str(value)
    found = context.resolve(file, place.path)
    try:
        missing = not file_contents.is_file(found)
        siblings = (
            [entry.name for entry in found.parent.iterdir() if entry.suffix == ".py"] if missing else []
        )
    except OSError:
        missing, siblings = True, []
    if missing:
        shown = f"`{value.written}`" if isinstance(value, EnvText) else f"`{file}`"
        hint = did_you_mean(found.name, siblings) or f"looked in {found.parent}"
        certain = None if isinstance(value, EnvText) else sure(found.name, siblings)
        place.fault(
            "LG209",
            f"`{place.label}` names a file that does not exist: {shown}",
            hint,
            part=found.name if certain else "",
            fix=Fix(certain) if certain else None,
        )
    # One that is missing was reported, and hides nothing that is wrong with the others.
    return f"{found}:{name}" if name else str(found)


def _split_reference(reference: str) -> tuple[str, str]:
    file, colon, name = reference.rpartition(":")
    return (file, name) if colon and file and name.isidentifier() else (reference, "")


def _no_number(kind: type, value: Any, place: Place) -> Any:
    if isinstance(value, str) and not isinstance(value, EnvText):
        if place.context.from_yaml and (found := trap(value, "number")):
            return _trapped(f"`{place.label}` takes {describe(kind)}", found, place)
        if _is_number(read_scalar(value)):
            return place.wrong_type(kind, value, "remove the quotes", Fix(value))
    return place.wrong_type(kind, value)


def _trapped(expected: str, found: tuple[str, str, str], place: Place) -> Any:
    why, hint, written = found
    return place.fault("LG207", f"{expected}: {why}", hint, fix=Fix(written) if written else None)


def _quantity(quantity: _Quantity, value: Any, place: Place) -> Any:
    if isinstance(value, EnvText) and place.unit == "Hz" and isinstance(read_scalar(value), int):
        return _bounded(int(value), value, place)
    if isinstance(value, str):
        try:
            return _bounded(quantity.parse(value), value, place)
        except (ValueError, OverflowError):
            bare = _is_number(read_scalar(value.strip()))
            advice = f"add a unit: {quantity.units}" if bare else f"units: {quantity.units}"
            return place.fault(
                "LG205", f"`{place.label}` takes {quantity.expected}, not {show(value)}", advice
            )
    if not isinstance(value, numbers.Real) or isinstance(value, bool | enum.Enum):
        return place.wrong_type(int, value)
    # Nothing is nothing in any unit.
    clear = place.unit == "Hz" or not place.context.from_yaml or value == 0
    if clear and isinstance(value, numbers.Integral):
        return _bounded(int(value), value, place)
    if not place.context.from_yaml:
        return place.fault(
            "LG205", f"`{place.label}` takes a whole number of {place.unit}, not {show(value)}"
        )
    message = f"`{place.label}` takes {quantity.expected}: {show(value)} has no unit"
    digits = show(value).strip("`")
    meant = [f"{digits}{unit}" for unit in quantity.examples if _within(quantity, f"{digits}{unit}", place)]
    hint = " or ".join(f"`{one}`" for one in meant)
    fix = Fix(meant[0]) if len(meant) == 1 else None
    return place.fault("LG205", message, f"write {hint}" if meant else "", fix=fix)


def _within(quantity: _Quantity, written: str, place: Place) -> bool:
    """Whether ``written`` could be meant: what is out of range was not."""
    try:
        made = quantity.parse(written)
    except (ValueError, OverflowError):
        return False
    bounds = place.bounds or Range()
    return (bounds.low is None or made >= bounds.low) and (bounds.high is None or made <= bounds.high)


def _bounded(made: Any, value: Any, place: Place) -> Any:
    if isinstance(made, float) and not math.isfinite(made):
        return place.fault("LG203", f"`{place.label}` takes a finite number, not {show(value)}")
    low, high = (place.bounds.low, place.bounds.high) if place.bounds is not None else (None, None)
    if (low is None or made >= low) and (high is None or made <= high):
        return made
    if low is not None and high is not None:
        span = f"between {_measure(low, place.unit)} and {_measure(high, place.unit)}"
    elif low is not None:
        span = f"at least {_measure(low, place.unit)}"
    else:
        span = f"at most {_measure(high, place.unit)}"
    shown = show(value) if isinstance(value, EnvText) else f"`{_measure(made, place.unit)}`"
    return place.fault("LG203", f"`{place.label}` must be {span}, not {shown}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _measure(amount: Any, unit: str) -> str:
    if unit == "ns" and amount >= 0:
        return format_duration(int(amount))
    if unit == "B" and amount >= 0:
        return format_size(int(amount))
    if isinstance(amount, int) and abs(amount) > 10**18:
        return "a huge number"
    digits = f"{amount:g}" if isinstance(amount, float) else str(amount)
    return f"{digits} {unit}" if unit else digits
