"""Where media enters and leaves a graph: callers in browsers, files.

The boxes load when they are first used. What they share is here as well: ``playout`` (the buffer in front of a
loudspeaker) and ``speaker`` (the same as a part of the conversation).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .file_in import FileIn
    from .file_out import FileOut
    from .webrtc.peer import Peer
    from .webrtc.webrtc_in import WebRTCIn
    from .webrtc.webrtc_out import WebRTCOut

__all__ = ["FileIn", "FileOut", "Peer", "WebRTCIn", "WebRTCOut"]

_HOMES = {
    "FileIn": "file_in",
    "FileOut": "file_out",
    "Peer": "webrtc.peer",
    "WebRTCIn": "webrtc.webrtc_in",
    "WebRTCOut": "webrtc.webrtc_out",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
