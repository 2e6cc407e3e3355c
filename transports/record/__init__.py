"""Records of calls: both sides on one clock as they were heard, and all that happened beside.

``recorder`` is the box. ``timeline`` lays the sides beside each other and ``consent`` understands a yes, both without
I/O; ``writer``, ``retention`` and ``upload`` run in the record's thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import when_used

if TYPE_CHECKING:
    from .consent import Consent
    from .recorder import RecordChanged, Recorder
    from .upload import Upload
    from .writer import FinishedRecord
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "consent": ("Consent",),
            "recorder": ("RecordChanged", "Recorder"),
            "upload": ("Upload",),
            "writer": ("FinishedRecord",),
        },
    )

__all__ = ["Consent", "FinishedRecord", "RecordChanged", "Recorder", "Upload"]
