"""Values of options as YAML writes them: the way back from what ``convert`` made."""

from __future__ import annotations

import collections.abc
import enum
from pathlib import Path
from typing import Any, get_args, get_origin

from ...pipeline.convert.hints import choices_of, group_fields, is_group, strip, union_members
from ...pipeline.options import Range, Secret
from ...pipeline.units import format_duration, format_size
from ...yaml12 import write_flow

__all__ = ["flow", "inner_hint", "quantity", "sample", "yaml_value"]

_HIDDEN = "***"


def yaml_value(value: Any, hint: Any = Any, unit: str = "") -> Any:
    """``value`` as plain data that YAML reads back as the same: ``300000000`` of a duration is ``300ms``.

    A secret becomes ``***``.
    """
    hint, _, own_unit = strip(hint)
    unit = own_unit or unit
    if isinstance(value, Secret):
        return _HIDDEN
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, int) and unit:
        return quantity(value, unit)
    if isinstance(value, int | float):
        return value
    group: Any = type(value)
    if is_group(group):
        return {
            shown: yaml_value(getattr(value, attribute), spec.type, spec.unit)
            for shown, (attribute, spec) in group_fields(group).items()
        }
    inner = inner_hint(hint)
    if isinstance(value, collections.abc.Mapping):
        return {str(key): yaml_value(item, inner, unit) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [yaml_value(item, inner, unit) for item in items]
    return str(value)


def quantity(amount: int | float, unit: str) -> str:
    """``300ms``, ``16kHz``, ``7``: an amount with its unit, the shortest exact way."""
    if unit == "ns":
        sign = "-" if amount < 0 else ""
        return sign + format_duration(abs(int(amount)))
    if unit == "Hz":
        return f"{amount / 1000:g}kHz" if amount >= 1000 and amount % 100 == 0 else f"{int(amount)}Hz"
    if unit == "B":
        return format_size(int(amount))
    return f"{amount:g}" if isinstance(amount, float) else str(amount)


def sample(hint: Any, unit: str = "", bounds: Range | None = None) -> Any:
    """Some value that an option of this type takes, for examples, as plain data."""
    hint, own_bounds, own_unit = strip(hint)
    bounds, unit = own_bounds or bounds, own_unit or unit
    member = next((one for one in union_members(hint) if one is not type(None)), type(None))
    member, inner_bounds, inner_unit = strip(member)
    bounds, unit = inner_bounds or bounds, inner_unit or unit
    if choices := choices_of(member):
        return yaml_value(choices[0])
    if member is bool:
        return False
    if member in (int, float):
        low = bounds.low if bounds is not None else None
        high = bounds.high if bounds is not None else None
        amount = low if low is not None else (high if high is not None else 1)
        return quantity(amount, unit) if unit else member(amount)
    if member is Secret:
        return "${SECRET}"
    base = get_origin(member) or member
    if base in (dict, collections.abc.Mapping) or is_group(base):
        return {}
    if isinstance(base, type) and issubclass(base, collections.abc.Iterable) and base not in (str, Path):
        return []
    return "text"


def flow(value: Any) -> str:
    """Plain data as YAML on one line."""
    return write_flow(value)


def inner_hint(hint: Any) -> Any:
    """The type of the elements of a list, or of the values of a mapping; ``Any`` when nothing is said."""
    for member in union_members(hint):
        args = [arg for arg in get_args(strip(member)[0]) if arg is not Ellipsis]
        if args:
            return args[-1]
    return Any
