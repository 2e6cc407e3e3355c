"""Where media enters and leaves a graph: callers in browsers, files, and records of calls.

The boxes load when they are first used. What they share is here as well: ``playout`` (the buffer in front of a
loudspeaker) and ``speaker`` (the same as a part of the conversation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import when_used

if TYPE_CHECKING:
    from .file_in import FileIn
    from .file_out import FileOut
    from .record.recorder import Recorder
    from .telephone.telephone_in import TelephoneIn
    from .telephone.telephone_out import TelephoneOut
    from .webrtc.peer import Peer
    from .webrtc.webrtc_in import WebRTCIn
    from .webrtc.webrtc_out import WebRTCOut
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "file_in": ("FileIn",),
            "file_out": ("FileOut",),
            "record.recorder": ("Recorder",),
            "telephone.telephone_in": ("TelephoneIn",),
            "telephone.telephone_out": ("TelephoneOut",),
            "webrtc.peer": ("Peer",),
            "webrtc.webrtc_in": ("WebRTCIn",),
            "webrtc.webrtc_out": ("WebRTCOut",),
        },
    )

__all__ = ["FileIn", "FileOut", "Peer", "Recorder", "TelephoneIn", "TelephoneOut", "WebRTCIn", "WebRTCOut"]
