"""Is a class that declares live options made for it? Asked once, when its ports are read."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from .options import option_specs
from .ports import FromOption, PortSpec

__all__ = ["check_tunable"]


def check_tunable(cls: type, ports: Iterable[PortSpec]) -> None:
    """Raise ``TypeError`` unless a change of every live option of ``cls`` can be told to it.

    It needs a plain method ``on_tune`` that takes all of them, and nothing else, by keyword.
    """
    specs = option_specs(cls)
    live = [name for name, spec in specs.items() if spec.live]
    if not live:
        return
    written = f"def on_tune(self, *, {', '.join(live)})"
    method = getattr(cls, "on_tune", None)
    if not callable(method) or inspect.iscoroutinefunction(method):
        raise TypeError(f"{cls.__qualname__}: live options need the plain method {written}")
    try:
        inspect.signature(method).bind(None, **dict.fromkeys(live))
    except TypeError as error:
        raise TypeError(f"{cls.__qualname__}: on_tune must be {written}: {error}") from None
    for name in live:
        if specs[name].per_call:
            raise TypeError(f"{cls.__qualname__}: the option {name!r} cannot be live and filled in per call")
        for port in ports:
            if any(
                isinstance(count, FromOption) and count.name == name for count in (port.rate, port.channels)
            ):
                raise TypeError(
                    f"{cls.__qualname__}: the option {name!r} settles the format of {port.name!r}; "
                    "it cannot change in a running call"
                )
