"""Files mended: the changes that diagnostics carry are made where that is safe, and nothing else is touched.

A change is kept when the text stays readable; comments, layout and line ends stay as they are. A mended fault may
show another one (the options of a box whose name was misspelt), so it takes several rounds.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from .diagnostics import Diagnostic
from .edits import apply

__all__ = ["MIGRATIONS", "Mended", "mend", "write"]

MIGRATIONS = frozenset({"LG105", "LG210"})
"""Codes whose changes bring a file up to date: they change how something is said, not what."""

_ROUNDS = 8
_BOM = "\ufeff"

Examine = Callable[[str], Iterable[Diagnostic]]


@dataclass(frozen=True, slots=True)
class Mended:
    """A text after its mending."""

    text: str
    fixed: tuple[Diagnostic, ...] = ()
    """What was mended, placed as it stood when its turn came."""


def mend(text: str, file: str, examine: Examine, codes: Collection[str] | None = None) -> Mended:
    """``text`` with every change that ``examine`` finds for it; with ``codes``, only those of these codes.

    ``file`` is what diagnostics call it: those of files that it includes change nothing here.

    Mending the result again changes nothing.
    """
    fixed: list[Diagnostic] = []
    start, text = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    for _ in range(_ROUNDS):
        found = list(examine(text))
        # What stands in a file that this one includes is mended there.
        own = [one for one in found if one.edit and not one.related]
        offered = [one for one in own if codes is None or one.problem.code in codes]
        before, kept = text, [one for one in offered if _safe(text, [one], found, examine)]
        together = apply(text, [one.edit for one in kept if one.edit])
        if _safe(text, kept, found, examine):
            text = together
            fixed += kept
        elif kept:
            # Each is right on its own, together they are not: the first goes ahead.
            text = apply(text, [kept[0].edit] if kept[0].edit else [])
            fixed.append(kept[0])
        if text == before:
            break
    return Mended(start + text, tuple(fixed))


def write(path: Path, text: str) -> None:
    """Replace a file at once, keeping its permissions: whoever reads it sees the old text or the new one."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        made.chmod(target.stat().st_mode & 0o7777)
        made.replace(target)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def _safe(text: str, offered: list[Diagnostic], found: list[Diagnostic], examine: Examine) -> bool:
    """Whether the changes mend what they are for and break nothing that could be read before."""
    changed = apply(text, [one.edit for one in offered if one.edit])
    if changed == text:
        return False
    after = list(examine(changed))
    unreadable = {_kind(one) for one in after if one.problem.code < "LG100"}
    gone = {_kind(one) for one in offered} - {_kind(one) for one in after}
    return bool(gone) and unreadable <= {_kind(one) for one in found}


def _kind(diagnostic: Diagnostic) -> tuple[str, str]:
    return diagnostic.problem.code, diagnostic.problem.message
