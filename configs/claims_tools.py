"""Tools of the claims line: claims that are kept in memory, for as long as the server runs."""

from __future__ import annotations

import itertools
import threading

__all__ = ["claim_status", "report_claim"]

_numbers = itertools.count(1043)
# One insurer, one book of claims, whoever calls; tools run in threads.
_claims: dict[int, str] = {1042: "approved"}
_lock = threading.Lock()


def report_claim(what: str, when: str) -> dict[str, str]:
    """Report a claim.

    Args:
        what: what happened, in a few words.
        when: the day on which it happened.
    """
    with _lock:
        number = next(_numbers)
        _claims[number] = "being looked at"
    return {"output": f"Your claim has the number {number}"}


def claim_status(number: int) -> dict[str, str]:
    """Tell how a claim stands.

    Args:
        number: the number of the claim.
    """
    with _lock:
        status = _claims.get(number)
    if status is None:
        return {"error": f"there is no claim {number}"}
    return {"output": f"Claim {number} is {status}"}
