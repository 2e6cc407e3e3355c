"""Tests of agents and of processors: for ``livegraph test``, for pytest and for programs of one's own.

Processors: ``run_processor`` runs one on the virtual clock, ``live_processor`` gives it to hold in the hand,
``check_conformance`` puts it through everything that can happen to a box; ``docs/write-a-processor.md`` shows them::

    run = run_processor(Shout, [TextFrame("hello")], mark="?")
    assert run.texts == ["HELLO?"]

Agents: ``run_tests`` runs an agent against virtual callers and yields a result for each case of its tests::

    for result in run_tests("receptionist_test.yaml"):
        assert result.outcome == "passed", result.report()

``read_cases`` turns the section ``tests`` of a file into ``Case`` objects; ``judge`` holds a ``Timeline`` against
what a case expects. The names below load when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import when_used

if TYPE_CHECKING:
    from .agents import run_tests
    from .conforming import ConformanceCase, check_conformance, conformance
    from .fake_clock import FakeClock
    from .judging import Verdict, judge
    from .leaks import no_leaks, no_tasks_left
    from .model import Case
    from .processor_run import (
        LiveProcessor,
        ProcessorRun,
        Received,
        Wait,
        audio_frames,
        live_processor,
        run_processor,
    )
    from .reading import read_cases
    from .recorded import recorded_wire
    from .result import Result
    from .scene import Scene
    from .timeline import Entry, Timeline
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "agents": ("run_tests",),
            "conforming": ("ConformanceCase", "check_conformance", "conformance"),
            "fake_clock": ("FakeClock",),
            "judging": ("Verdict", "judge"),
            "leaks": ("no_leaks", "no_tasks_left"),
            "model": ("Case",),
            "processor_run": (
                "LiveProcessor",
                "ProcessorRun",
                "Received",
                "Wait",
                "audio_frames",
                "live_processor",
                "run_processor",
            ),
            "reading": ("read_cases",),
            "recorded": ("recorded_wire",),
            "result": ("Result",),
            "scene": ("Scene",),
            "timeline": ("Entry", "Timeline"),
        },
    )

__all__ = [
    "Case",
    "ConformanceCase",
    "Entry",
    "FakeClock",
    "LiveProcessor",
    "ProcessorRun",
    "Received",
    "Result",
    "Scene",
    "Timeline",
    "Verdict",
    "Wait",
    "audio_frames",
    "check_conformance",
    "conformance",
    "judge",
    "live_processor",
    "no_leaks",
    "no_tasks_left",
    "read_cases",
    "recorded_wire",
    "run_processor",
    "run_tests",
]
