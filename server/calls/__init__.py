"""Calls of a server: who is let in, each call from its arrival to its end, and what operators see of it.

``Desk`` owns calls and knows no transport; a transport brings each caller as a ``Leg``. ``CallDesk`` is the desk that
browsers reach as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import when_used

if TYPE_CHECKING:
    from .arrival import Arrival, OnCall
    from .desk import Desk
    from .leg import Leg, LegNumbers
    from .line import Line
    from .page_messages import PageMessages
    from .reception import CallRequest
    from .served import Answered, Running, ServedAgent
    from .webrtc import CallDesk
    from .webrtc_leg import WebRTCLeg
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "arrival": ("Arrival", "OnCall"),
            "desk": ("Desk",),
            "leg": ("Leg", "LegNumbers"),
            "line": ("Line",),
            "page_messages": ("PageMessages",),
            "reception": ("CallRequest",),
            "served": ("Answered", "Running", "ServedAgent"),
            "webrtc": ("CallDesk",),
            "webrtc_leg": ("WebRTCLeg",),
        },
    )

__all__ = [
    "Answered",
    "Arrival",
    "CallDesk",
    "CallRequest",
    "Desk",
    "Leg",
    "LegNumbers",
    "Line",
    "OnCall",
    "PageMessages",
    "Running",
    "ServedAgent",
    "WebRTCLeg",
]
