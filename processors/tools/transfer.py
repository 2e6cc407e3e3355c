"""The seam to whatever can hand a caller on: another persona of the agent, or a human at a telephone."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["TransferDesk"]


@runtime_checkable
class TransferDesk(Protocol):
    """Given to a call as a resource under this type. Whoever watches is told by ``TransferAsked`` as well."""

    def transfer(self, to: str, summary: str, reason: str) -> None:
        """Hand the caller to ``to``: the name of a colleague, a SIP URI, a telephone number. Returns at once."""
        ...
