"""What a package exports loads its module when it is first used, so that to import one is never to import all."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

__all__ = ["when_used"]


def when_used(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package whose names are in ``homes``, by the module below it that has them.

    A type checker reads the same names from imports of its own::

        if TYPE_CHECKING:
            from .gain import Gain
        else:
            __getattr__, __dir__ = when_used(__name__, {"gain": ("Gain",)})
    """
    home_of = {name: module for module, names in homes.items() for name in names}
    held = vars(sys.modules[package])

    def load(name: str) -> object:
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(f".{home}", package), name)
        held[name] = value
        return value

    def names() -> list[str]:
        return sorted({*held, *home_of})

    return load, names
