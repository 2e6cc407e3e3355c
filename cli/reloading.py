"""``livegraph run`` takes its agent files anew: what is right counts for new calls, what is wrong changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..pipeline.errors import NotFoundError
from ..pipeline.running.threads import DaemonThreads, outcome_of
from .composing import Chosen
from .exits import Fault
from .prepared import Prepared, Source, agent_files, check_names, read_sources
from .routes import Live
from .terminal import Terminal
from .watching import Look, Watch, look

if TYPE_CHECKING:
    from ..server.calls import Running

__all__ = ["Reloader", "told_changes"]

_READ_WITHIN_S = 150.0
"""An import that takes longer than two minutes is ended and named, where that can be done."""

Exchange = Callable[[Sequence[Source]], Awaitable[Mapping[str, "Running"]]]
"""Puts the agents of these into service; how their running calls took it."""


class Reloader:
    """The agent files of one server.

    Args:
        what, live: what the command line chose.
        sources: as they were read first, all without a fault.
        exchange: puts agents into service in the place of those before.
    """

    def __init__(
        self, what: Chosen, live: Live, terminal: Terminal, sources: Sequence[Source], exchange: Exchange
    ) -> None:
        self._what = what
        self._live = live
        self._terminal = terminal
        self._sources = {source.path: source for source in sources}
        self._exchange = exchange
        self._watch = Watch()
        self._watch.loaded(self._files(), {})

    async def changed(self) -> bool:
        """Whether some file that has a part in the agents was changed and has come to rest."""
        return self._watch.settled(await asyncio.to_thread(self._look))

    async def reload(self) -> None:
        """Read all files anew; print what came of it."""
        # In a thread: calls are under way, and must not wait for files and for modules that are imported.
        seen = await asyncio.to_thread(self._look)
        try:
            async with asyncio.timeout(_READ_WITHIN_S):
                # A thread that nobody waits for: a file may be imported that never comes to its end.
                fresh = await outcome_of(DaemonThreads("reload"), self._read)
        except TimeoutError:
            self._reject(f"the files were not read after {_READ_WITHIN_S:.0f} s; everything stays as it was")
            self._watch.loaded(self._files(), seen)
            return
        except (Fault, NotFoundError) as fault:
            self._terminal.error(str(fault), fault.remedy)
            self._reject("everything stays as it was")
            self._watch.loaded(self._files(), seen)
            return
        await self._take(fresh)
        self._watch.loaded(self._files(), seen)

    async def _take(self, fresh: Sequence[Source]) -> None:
        before = self._prepared()
        known = self._sources
        for source in fresh:
            self._tell(source, known.get(source.path))
        # A file that is wrong keeps what it gave when it was right; it is watched as it is.
        self._sources = {
            source.path: _kept(known.get(source.path), source) if source.fault else source for source in fresh
        }
        after = self._prepared()
        try:
            check_names(after)
            if not after:
                raise Fault("no agent is left")
        except Fault as fault:
            self._sources = {
                path: _kept(known.get(path), source) for path, source in self._sources.items()
            } | {path: source for path, source in known.items() if path not in self._sources}
            self._terminal.error(str(fault), fault.remedy)
            self._reject("everything stays as it was")
            return
        wrong = [source.path.name for source in fresh if source.fault]
        running = await self._exchange(list(self._sources.values()))
        changes = told_changes(before, after, running)
        if wrong:
            self._reject(f"{', '.join(wrong)}; what it gave before stays")
        if changes or not wrong:
            good = self._terminal.paint("good", "reloaded")
            self._terminal.say(f"{good}: {'; '.join(changes) or 'nothing has changed'}")

    def _tell(self, source: Source, before: Source | None) -> None:
        if source.fault is not None:
            if isinstance(source.fault, Fault):
                self._terminal.error(str(source.fault), source.fault.remedy)
            else:
                self._terminal.report(str(source.fault))
        elif before is None or before.remarks != source.remarks:
            for remark in source.remarks:
                self._terminal.report(remark)

    def _reject(self, what: str) -> None:
        self._terminal.say(f"{self._terminal.paint('error', 'not reloaded')}: {what}")

    def _prepared(self) -> list[Prepared]:
        return [one for source in self._sources.values() for one in source.prepared]

    def _files(self) -> set[Path]:
        return {file for source in self._sources.values() for file in source.files}

    def _look(self) -> Look:
        files = self._files()
        # An agent file that is gone is known, and is missed.
        with suppress(NotFoundError):
            files.update(agent_files(self._what))
        return look(files, self._watch.last)

    def _read(self) -> list[Source]:
        from ..pipeline.graph.modules import forget_changed

        forget_changed()
        return read_sources(self._what, self._live, self._terminal)


def _kept(before: Source | None, source: Source) -> Source:
    """The agents of ``before`` with the files of ``source`` as well, which may mend it."""
    if before is None:
        return Source(source.path, source.files)
    files = source.files | before.files
    return Source(source.path, files, before.prepared, before.remarks, contents=before.contents)


def told_changes(
    before: Sequence[Prepared], after: Sequence[Prepared], running: Mapping[str, Running]
) -> list[str]:
    """What is different, for people, and what running calls have of it: one piece for each agent that changed."""
    old = {one.agent.name: one for one in before}
    new = {one.agent.name: one for one in after}
    told = [f"{name} is new" for name in new if name not in old]
    for name, one in old.items():
        calls = running.get(name)
        tuned, kept = (0, 0) if calls is None else (calls.tuned, calls.kept)
        if name not in new:
            told.append(f"{name} is gone{_calls(kept, ' goes on', ' go on')}")
        elif change := _change(one, new[name], tuned, kept):
            told.append(f"{name}: {change}")
        if name in new and one.agent.resources != new[name].agent.resources:
            told.append(f"{name}: `resources` count from the next start on")
    return told


def _change(before: Prepared, after: Prepared, tuned: int, kept: int) -> str:
    from ..pipeline.graph.differences import compare

    found = compare(before.plan, after.plan)
    fixed = [*found.fixed, *_beside(before, after)]
    if not found and not fixed:
        return ""
    if found.fixed:
        return f"{', '.join((*fixed, *found.shown))} for new calls{_calls(kept, ' keeps its plan', ' keep theirs')}"
    took = _calls(tuned, " took it", " took it") if found else ""
    # Calls that began with a plan before the last.
    older = _calls(kept, " keeps an older plan", " keep older plans")
    return ", ".join((*found.shown, *fixed)) + took + older


def _beside(before: Prepared, after: Prepared) -> list[str]:
    """What differs and is no part of the plan."""
    one, other = before.agent, after.agent
    found = [name for name in ("title", "description") if getattr(one, name) != getattr(other, name)]
    found += ["model"] if before.route.label != after.route.label else []
    return found + (["simulator"] if before.script != after.script else [])


def _calls(count: int, singular: str, plural: str) -> str:
    if not count:
        return ""
    return f" (1 running call{singular})" if count == 1 else f" ({count} running calls{plural})"
