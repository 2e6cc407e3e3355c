"""What one caller may use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ...pipeline.units import parse_duration
from ..arguments import WrongArgument

__all__ = ["CallerLimits", "limits_of"]

_DURATIONS = ("call_duration", "idle")


class CallerLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one caller; ``None`` is no limit. Durations are nanoseconds here and ``10min`` in YAML."""

    calls: int | None = 4
    """Calls of one identity at a time, or of one address where nobody is identified."""
    pending: int | None = 16
    """Offers of one address that are answered and have not connected."""
    offers_per_minute: float | None = 240
    """Offers of one address, and of one identity, in the long run; half a minute's worth at once."""
    call_duration: int | None = None
    """How long one call may be."""
    idle: int | None = None
    """How long nobody may say anything."""
    tokens: int | None = None
    """Tokens of a call, both ways."""
    cost_usd: float | None = None
    """What a call may cost, where its model's prices are known."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                unit = "; durations are nanoseconds, as `10 * 60 * SECOND`" if name in _DURATIONS else ""
                raise WrongArgument(
                    f"{name} is {value!r:.60}; it is a number above 0, or None for no limit{unit}"
                )
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` is more than 0, or not there")


def limits_of(written: Mapping[str, Any]) -> CallerLimits:
    """Limits as YAML and tickets have them (``{calls: 2, call_duration: 10min}``). Raises ``ValueError``."""
    made = dict(written)
    for name in _DURATIONS:
        if isinstance(made.get(name), str):
            made[name] = parse_duration(made[name])
    try:
        return msgspec.convert(made, CallerLimits)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
