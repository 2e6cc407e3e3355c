"""Whether what happened is what was expected. Sans-IO: a timeline and how far it is complete go in, verdicts come out.

Expectations are met in order: each looks for the first thing that fits, in the moment when the one before was met or
later. Nothing meets two of them.
A verdict other than pending stands, however much is known later.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..pipeline.units import MS, format_duration
from .model import AnyOrder, Expectation, Gaps, Never, Occurs, Pattern, State, What
from .timeline import Entry, Gap, Span, Timeline, gaps, sound_spans, state_spans

__all__ = ["Verdict", "first_match", "judge"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one expectation.

    ``open`` was never tried, because one before it failed. ``at_ns`` is when it was met, or when it failed;
    ``since_ns`` is what its times were counted from; a pending one is decided by ``deadline_ns``, ``None`` is the
    end of the call.
    """

    expectation: Expectation
    outcome: Literal["met", "failed", "pending", "open"]
    at_ns: int = 0
    reason: str = ""
    since_ns: int = 0
    deadline_ns: int | None = None


def judge(
    expectations: Sequence[Expectation], timeline: Timeline, horizon_ns: int, *, over: bool = False
) -> list[Verdict]:
    """A verdict for each expectation, from the timeline up to ``horizon_ns``, where it is complete.

    ``over`` says that nothing can follow: then nothing stays pending.
    """
    return _Judge(timeline.until(horizon_ns), horizon_ns, over).all(expectations)


def first_match(what: What, timeline: Timeline, horizon_ns: int, after_ns: int = 0) -> int | None:
    """When ``what`` happened or held first, not before ``after_ns``; ``None`` when it has not yet."""
    entries = timeline.until(horizon_ns)
    if isinstance(what, Pattern):
        return next((one.time_ns for one in entries if one.time_ns >= after_ns and what.matches(one)), None)
    spans = _spans(what, entries)
    return next(
        (max(one.start_ns, after_ns) for one in spans if one.end_ns is None or one.end_ns > after_ns), None
    )


@dataclass(slots=True)
class _Judge:
    entries: list[Entry]
    horizon_ns: int
    over: bool
    at_ns: int = 0
    """When the expectation before was met."""
    used: set[int] = field(default_factory=set)
    """The entries that expectations were met by: each counts once."""
    names: dict[str, int] = field(default_factory=dict)

    def all(self, expectations: Sequence[Expectation]) -> list[Verdict]:
        self._name_steps()
        verdicts: list[Verdict] = []
        for number, expectation in enumerate(expectations):
            verdict = self._one(expectation)
            verdicts.append(verdict)
            # What must not happen says nothing of what comes next.
            if isinstance(expectation, Occurs | AnyOrder) and verdict.outcome != "met":
                rest: Literal["open", "pending"] = "open" if verdict.outcome == "failed" else "pending"
                verdicts += [Verdict(one, rest) for one in expectations[number + 1 :]]
                break
        return verdicts

    def _name_steps(self) -> None:
        for entry in self.entries:
            if entry.kind == "feed" and entry.name:
                name = entry.name if entry.place == "began" else f"{entry.name}.end"
                self.names.setdefault(name, entry.time_ns)

    def _one(self, expectation: Expectation) -> Verdict:
        base_ns = self._base(expectation)
        if base_ns is None:
            return self._missing_base(expectation)
        if isinstance(expectation, Never):
            return self._never(expectation, base_ns)
        if isinstance(expectation, Gaps):
            return self._gaps(expectation, base_ns)
        if isinstance(expectation, AnyOrder):
            return self._any_order(expectation, base_ns)
        assert isinstance(expectation, Occurs)
        verdict = self._occurs(expectation, base_ns)
        if verdict.outcome == "met":
            self.at_ns = verdict.at_ns
        return verdict

    def _base(self, expectation: Expectation) -> int | None:
        since = expectation.when.since
        return self.names.get(since) if since else self.at_ns

    def _missing_base(self, expectation: Expectation) -> Verdict:
        if not self.over:
            return Verdict(expectation, "pending")
        return Verdict(expectation, "failed", self.horizon_ns, f"`{expectation.when.since}` never came")

    # What happens or holds

    def _occurs(self, expected: Occurs, base_ns: int) -> Verdict:
        index = None
        if isinstance(expected.what, State):
            found, short = self._held(expected, expected.what, max(self.at_ns, base_ns))
        else:
            index, short = self._find(expected.what, base_ns), ""
            found = None if index is None else self.entries[index].time_ns
        verdict = self._in_time(expected, base_ns, found, short)
        if verdict.outcome == "met":
            if index is not None:
                self.used.add(index)
            if expected.name:
                self.names[expected.name] = verdict.at_ns
        return verdict

    def _find(self, what: Pattern, base_ns: int) -> int | None:
        """What fits first. Of one moment the order is nobody's concern."""
        start_ns = max(self.at_ns, base_ns)
        first = bisect.bisect_left(self.entries, start_ns, key=lambda entry: entry.time_ns)
        for index in range(first, len(self.entries)):
            if index not in self.used and what.matches(self.entries[index]):
                return index
        return None

    def _held(self, expected: Occurs, what: State, after_ns: int) -> tuple[int | None, str]:
        """When the state began that holds for long enough, and what is said of those that did not."""
        longest = -1
        for span in _spans(what, self.entries):
            if span.end_ns is not None and span.end_ns <= after_ns:
                continue
            start_ns = max(span.start_ns, after_ns)
            end_ns = self.horizon_ns if span.end_ns is None else span.end_ns
            if end_ns - start_ns >= expected.when.for_ns:
                return start_ns, ""
            if span.end_ns is not None or self.over:
                longest = max(longest, end_ns - start_ns)
        return None, f"it held for {_shown(longest)} at most" if longest >= 0 else ""

    def _in_time(self, expected: Occurs, base_ns: int, found_ns: int | None, short: str) -> Verdict:
        when = expected.when
        deadline_ns = None if when.within_ns is None else base_ns + when.within_ns
        if found_ns is not None:
            waited = _shown(found_ns - base_ns)
            if found_ns < base_ns + when.not_before_ns:
                return Verdict(expected, "failed", found_ns, f"it came too early, after {waited}", base_ns)
            if deadline_ns is None or found_ns <= deadline_ns:
                return Verdict(expected, "met", found_ns, "", base_ns)
            return Verdict(expected, "failed", deadline_ns, f"it came too late, after {waited}", base_ns)
        # A state that began in time may still turn out to last.
        complete_ns = None if deadline_ns is None else deadline_ns + when.for_ns
        if self.over or (complete_ns is not None and self.horizon_ns >= complete_ns):
            at_ns = self.horizon_ns if deadline_ns is None else min(deadline_ns, self.horizon_ns)
            return Verdict(expected, "failed", at_ns, short or "it did not happen", base_ns)
        return Verdict(expected, "pending", 0, "", base_ns, complete_ns)

    def _any_order(self, group: AnyOrder, base_ns: int) -> Verdict:
        verdicts: list[Verdict] = []
        for item in group.items:
            item_base = self._base(item) if item.when.since else base_ns
            verdict = self._missing_base(item) if item_base is None else self._occurs(item, item_base)
            if verdict.outcome == "failed":
                return Verdict(group, "failed", verdict.at_ns, f"{item.text}: {verdict.reason}", base_ns)
            verdicts.append(verdict)
        pending = [verdict.deadline_ns for verdict in verdicts if verdict.outcome == "pending"]
        if pending:
            deadlines = [deadline_ns for deadline_ns in pending if deadline_ns is not None]
            return Verdict(group, "pending", 0, "", base_ns, max(deadlines) if deadlines else None)
        self.at_ns = max(verdict.at_ns for verdict in verdicts)
        return Verdict(group, "met", self.at_ns, "", base_ns)

    # What must not happen

    def _never(self, expected: Never, base_ns: int) -> Verdict:
        start = max(base_ns, self.at_ns)
        if isinstance(expected.what, State):
            spans = _spans(expected.what, self.entries)
            times = [
                max(span.start_ns, start) for span in spans if span.end_ns is None or span.end_ns > start
            ]
            broken = times[0] if times else None
        else:
            index = self._find(expected.what, base_ns)
            broken = None if index is None else self.entries[index].time_ns
        return self._unbroken(expected, base_ns, broken, "it happened")

    def _gaps(self, expected: Gaps, base_ns: int) -> Verdict:
        start = max(base_ns, self.at_ns)
        found: Gap | None = next(
            (
                gap
                for gap in gaps(self.entries, expected.node)
                if gap.end_ns > start and gap.end_ns - gap.start_ns > expected.longest_ns
            ),
            None,
        )
        if found is None:
            return self._unbroken(expected, base_ns, None, "")
        length = _shown(found.end_ns - found.start_ns)
        # Known when the sound goes on.
        return self._unbroken(expected, base_ns, found.end_ns, f"there was a gap of {length}")

    def _unbroken(self, expected: Expectation, base_ns: int, broken_ns: int | None, reason: str) -> Verdict:
        within_ns = expected.when.within_ns
        deadline_ns = None if within_ns is None else base_ns + within_ns
        if broken_ns is not None and (deadline_ns is None or broken_ns <= deadline_ns):
            return Verdict(expected, "failed", broken_ns, reason, base_ns)
        if self.over or (deadline_ns is not None and self.horizon_ns >= deadline_ns):
            at_ns = self.horizon_ns if deadline_ns is None else deadline_ns
            return Verdict(expected, "met", at_ns, "", base_ns)
        return Verdict(expected, "pending", 0, "", base_ns, deadline_ns)


def _spans(what: State, entries: list[Entry]) -> list[Span]:
    if what.kind == "state":
        return state_spans(entries, what.value)
    return sound_spans(entries, what.value, what.kind == "sound")


def _shown(duration_ns: int) -> str:
    """To the millisecond: what was measured is no rounder than that."""
    return format_duration(round(duration_ns / MS) * MS)
