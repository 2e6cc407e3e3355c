"""What a colleague is told who takes over: the history as it is to be known, and the first prompt. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..dialogue.history import History, HistoryEntry
from .desk import HandOver
from .persona import Kept, Persona

__all__ = ["briefing", "passed_on", "takes_over", "told", "told_since"]

_LAST_WORDS = 6
"""Entries that stand for a summary where nobody wrote one."""


def told(persona: Persona, entries: Sequence[HistoryEntry], handed: HandOver) -> list[HistoryEntry]:
    """What ``persona`` is told of ``entries``, oldest first."""
    wanted = persona.history
    if wanted == "all":
        return list(entries)
    if wanted == "none":
        return []
    spoken = [entry for entry in entries if entry.role in ("user", "agent")]
    if wanted == "spoken":
        return spoken
    if isinstance(wanted, Kept):
        return _kept(wanted, entries)
    if handed.summary.strip():
        return [HistoryEntry("context", f"[What was said before, in short: {handed.summary.strip()}]")]
    return spoken[-_LAST_WORDS:]


def briefing(persona: Persona, before: str, handed: HandOver, *, knows: bool = False) -> str:
    """The prompt with which ``persona`` begins to speak. ``knows``: it is the same session that goes on."""
    parts = []
    if persona.greeting:
        parts.append(f'Greet the caller now. Say exactly: "{_line(persona.greeting)}"')
    else:
        parts.append("Greet the caller now, in one short sentence, and go on with what they want.")
    parts.append(f"You have just taken over this call from your colleague {before}.")
    if knows:
        parts.append("Your instructions have changed: go by the new ones.")
    if handed.reason:
        parts.append(f"The reason: {_plain(handed.reason)}.")
    if handed.summary and persona.history != "summary":
        parts.append(f"Your colleague says: {_plain(handed.summary)}.")
    return " ".join(parts)


def takes_over(name: str, before: str, handed: HandOver) -> HistoryEntry:
    """How a hand-over stands in the history."""
    why = f": {_plain(handed.reason)}" if handed.reason else ""
    return HistoryEntry("context", f"[{before} handed the call over to {name}{why}.]")


def told_since(persona: Persona, handed: HandOver, place: int, history: History) -> list[HistoryEntry]:
    """What a new session of ``persona`` is told: what it is to know of all before ``place``, and all since."""
    entries = history.entries
    before = max(0, len(entries) - (history.place - place))
    return [*told(persona, entries[:before], handed), *entries[before:]]


def passed_on(to: str, *, leaves: bool) -> str:
    """What the agent is told whose call goes to the human ``to``; ``leaves``: it hangs up after that."""
    then = "and say goodbye" if leaves else "and ask the caller to hold on"
    return f"The call is being passed on to {to}. Say so in one short sentence, {then}."


def _kept(wanted: Kept, entries: Sequence[HistoryEntry]) -> list[HistoryEntry]:
    found = [
        entry
        for entry in entries
        if (not wanted.roles or entry.role in wanted.roles)
        and not (entry.role == "tool" and entry.name in wanted.without)
    ]
    return found if wanted.last is None else found[-wanted.last :]


def _line(text: str) -> str:
    """On one line, without double quotes, which mark what is to be said word for word."""
    return " ".join(text.split()).replace('"', "'")


def _plain(text: str) -> str:
    """The same without its full stop."""
    return _line(text).rstrip(".")
