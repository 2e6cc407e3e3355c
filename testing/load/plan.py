"""What a load is made of."""

from __future__ import annotations

import msgspec

__all__ = ["NOT_OURS", "UNREACHABLE", "LoadPlan"]

UNREACHABLE = "nobody answers at that address"
NOT_OURS = "what answers there is no livegraph server"
"""Why calls did not come about at all."""


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Plain data: it is sent to the processes that the callers are in.

    Args:
        url: of the page of the server, as ``http://127.0.0.1:8080/``.
        agent: who is called; the server's default where it is empty.
        calls: how many callers there are.
        ramp_per_s: how many begin in a second; fewer while the callers themselves cannot keep up (``held_back_s``).
        hold_s: how long a call lasts after it was connected.
        say: a WAV file that callers say; without one they are silent.
        interrupt: whether they say it again over the agent's answer.
        token: what callers show to be let in.
        patience_s: for how long a caller who is told to come back (``Retry-After``) does so.
        again: whether a caller whose call ends before its time calls once more at once.
        first: the number of the first caller, where several processes share the callers.
        step: how many processes do.
    """

    url: str
    agent: str = ""
    calls: int = 1
    ramp_per_s: float = 10.0
    hold_s: float = 30.0
    say: str = ""
    interrupt: bool = True
    token: str = ""
    patience_s: float = 0.0
    again: bool = False
    first: int = 0
    step: int = 1
