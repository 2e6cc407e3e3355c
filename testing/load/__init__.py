"""Load on a server: real callers over WebRTC, as many as it takes, and what became of them.

``livegraph load`` is made of it. A ``LoadCaller`` is one caller, cheap enough for a hundred in a process; a ``Crowd``
has those of one process; ``run_load`` spreads them over processes and adds up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import when_used

if TYPE_CHECKING:
    from .caller import LoadCaller
    from .crowd import Crowd
    from .numbers import Figures, LoadReport
    from .plan import LoadPlan
    from .running import run_load
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "caller": ("LoadCaller",),
            "crowd": ("Crowd",),
            "numbers": ("Figures", "LoadReport"),
            "plan": ("LoadPlan",),
            "running": ("run_load",),
        },
    )

__all__ = ["Crowd", "Figures", "LoadCaller", "LoadPlan", "LoadReport", "run_load"]
