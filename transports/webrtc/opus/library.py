"""libopus, found and bound once for the process.

The system's and the one that lies in the PyAV wheel are looked at, and the newer is taken: Debian's 1.3 takes up to
twice the CPU of 1.6 for the same packets. The bindings are the documented C API of libopus (``opus.h``,
``opus_defines.h``); a library without it is passed over.
"""

from __future__ import annotations

import ctypes.util
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from ....pipeline.errors import TransportError
from .abi import DECLARATIONS, ffi

__all__ = ["OpusError", "OpusLibrary", "load_libopus", "opus_library"]

_USED = re.findall(r"opus_\w+", DECLARATIONS)
_LACKS = (
    "bit rate, FEC and complexity that change during a call",
    "lost packets given back from the next one (in-band FEC)",
    "lost packets concealed by the codec",
)


class OpusError(TransportError):
    """A packet that cannot be decoded, or an encoder or decoder that cannot be made."""


class OpusLibrary:
    """What encodes and decodes in this process.

    ``bound`` is libopus with its functions, see ``abi``; ``None`` where there is none.
    """

    def __init__(self, bound: Any, version: str, path: str) -> None:
        self.bound = bound
        self.version = version
        """Such as ``libopus 1.3.1``, or ``PyAV``."""
        self.path = path
        """Where it was found; empty for PyAV."""

    @property
    def lacks(self) -> tuple[str, ...]:
        """What this library cannot do, in words for people; empty for libopus."""
        return () if self.bound is not None else _LACKS


@lru_cache(maxsize=1)
def opus_library() -> OpusLibrary:
    """The library of this process; found at the first call."""
    return load_libopus() or OpusLibrary(None, "PyAV", "")


def load_libopus() -> OpusLibrary | None:
    """The newest libopus of the system and of the PyAV wheel; ``None`` when neither is there."""
    found = []
    for path in _candidates():
        try:
            bound = ffi.dlopen(path)
            if not all(hasattr(bound, name) for name in _USED):
                continue
        except OSError:
            continue
        found.append(OpusLibrary(bound, ffi.string(bound.opus_get_version_string()).decode(), path))
    return max(found, key=lambda library: _release(library.version), default=None)


def _release(version: str) -> tuple[int, ...]:
    """(1, 3, 1) of ``libopus 1.3.1``."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _candidates() -> list[str]:
    found = ctypes.util.find_library("opus")
    return [*([found] if found else []), *(str(path) for path in _in_wheel())]


def _in_wheel() -> list[Path]:
    """What wheel repair tools put beside PyAV on Linux, macOS and Windows."""
    import av

    package = Path(av.__file__).parent
    patterns = (
        (package.parent / "av.libs", "libopus-*.so*"),
        (package / ".dylibs", "libopus*.dylib"),
        (package.parent / "av.libs", "*opus*.dll"),
    )
    return [path for folder, pattern in patterns for path in sorted(folder.glob(pattern))]
