"""What every processor must survive: a graph is built around it from its ports, and it is put through its life.

::

    check_conformance(Shout, mark="?")                                   # all of it, or

    @pytest.mark.parametrize("case", conformance(Shout, {"mark": "?"}), ids=str)
    def test_shout_conforms(case: ConformanceCase) -> None:
        case()                                                            # one by one

The box starts and stops, stops while it is busy, is cancelled while it starts and while it runs, is interrupted, tuned,
starved, and comes to the end of its streams; no task, thread, file or process may be left behind. It is also asked
whether it says what it is for, and whether it refuses options that are wrong.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..pipeline import SECOND, Call, Frame, Plan, Processor
from ..pipeline.clock import run_virtual
from ..pipeline.convert import convert_options
from ..pipeline.end_reason import EndReason
from ..pipeline.events import NodeFailed, Tuned
from ..pipeline.graph.hops import works_async
from ..pipeline.options import OptionSpec, option_specs
from ..pipeline.processor import ports_of
from ..yaml12 import load
from .fed_box import fed_plan, starve
from .leaks import no_leaks, no_tasks_left
from .sample_frames import SampleMaker

__all__ = ["ConformanceCase", "check_conformance", "conformance"]

Resources = Callable[[], AbstractAsyncContextManager[Mapping[type, Any]]]
Options = Mapping[str, Any] | Callable[[Path], Mapping[str, Any]]
Script = Callable[[Call], Awaitable[None]]

_ENDED = ("left", "completed")


@dataclass(frozen=True)
class ConformanceCase:
    """One thing that is asked of a box. Calling it raises ``AssertionError``, or what the box raised."""

    name: str
    check: Callable[[], None] = field(repr=False)
    alive: bool = False
    """Whether the box is started for it."""

    def __call__(self) -> None:
        self.check()

    def __str__(self) -> str:
        return self.name


def check_conformance(
    processor: type[Processor],
    options: Options | None = None,
    *,
    resources: Resources | None = None,
    samples: Mapping[type[Frame], SampleMaker] | None = None,
    endless: bool = False,
) -> None:
    """Put a processor through everything. Raises ``AssertionError`` that names every case which failed, and why.

    The arguments are those of ``conformance``.
    """
    failed: list[str] = []
    cases = conformance(processor, options, resources=resources, samples=samples, endless=endless)
    for case in cases:
        try:
            case()
        except Exception as error:
            text = "\n    ".join(str(error).splitlines() or [""])
            failed.append(f"{case.name}: {type(error).__name__}: {text}")
    if failed:
        told = "\n  ".join(failed)
        raise AssertionError(f"{processor.__name__} fails {len(failed)} of {len(cases)}:\n  {told}")


def conformance(
    processor: type[Processor],
    options: Options | None = None,
    *,
    resources: Resources | None = None,
    samples: Mapping[type[Frame], SampleMaker] | None = None,
    endless: bool = False,
) -> list[ConformanceCase]:
    """Everything that is asked of ``processor``, each to be called on its own.

    Args:
        options: what it needs to be made; the rest stays at its defaults. A function is given a folder for files, which
            is gone afterwards.
        resources: opens what its calls bring along, by type: an async context manager's function.
        samples: makes frames of kinds of your own, where their fields do not tell what they may hold.
        endless: whether it goes on when all that feeds it has ended, as a source of its own does.
    """
    found = Conformance(processor, options or {}, resources, dict(samples or {}), endless)
    names = [
        name for name in vars(Conformance) if name.startswith("it_") and not found.does_not_concern(name)
    ]
    alive = names.index("it_starts_and_stops")
    return [ConformanceCase(name, getattr(found, name), at >= alive) for at, name in enumerate(names)]


class Conformance:
    """The suite for one processor: every method ``it_...`` is a case."""

    def __init__(
        self,
        processor: type[Processor],
        options: Options,
        resources: Resources | None,
        samples: dict[type[Frame], SampleMaker],
        endless: bool,
    ) -> None:
        self.processor = processor
        self.options = options
        self._resources = resources
        self._samples = samples
        self._endless = endless

    def does_not_concern(self, case: str) -> bool:
        """Whether a box of this kind need not be asked."""
        if case == "it_is_tuned_while_it_is_busy":
            return not any(spec.live for spec in option_specs(self.processor).values())
        return self._endless and case.startswith("it_ends_with_")

    # Described -----------------------------------------------------------------------------------

    def it_says_what_it_is_for(self) -> None:
        """A sentence of its own, and a word on every port and option: ``livegraph inspect`` shows them."""
        text = inspect.cleandoc(self.processor.__doc__ or "")
        assert text and self.processor.__doc__ != Processor.__doc__, "the class has no docstring"
        assert text.splitlines()[0].endswith("."), "the first line of the docstring is one sentence"
        for port, spec in ports_of(self.processor).items():
            assert spec.doc and not spec.doc.endswith("."), (
                f"port {port}: doc= says in a few words what it is"
            )
        for option, told in option_specs(self.processor).items():
            assert told.doc and not told.doc.endswith("."), f"option {option}: Doc(...) says what it is"

    def it_shows_a_right_example(self) -> None:
        """``Example:`` in the docstring, one box in YAML whose options are right."""
        _, mark, example = inspect.cleandoc(self.processor.__doc__ or "").partition("Example:\n")
        assert mark, "there is no Example: in the docstring"
        shown = load(inspect.cleandoc(example))
        given = next(iter(shown.values())) if isinstance(shown, dict) else {}
        _, problems = convert_options(self.processor, given or {}, from_yaml=True)
        assert not problems, "; ".join(map(str, problems))

    # Strict --------------------------------------------------------------------------------------

    def it_refuses_unknown_options(self) -> None:
        """Whatever else is right."""
        assert self._codes(no_such_option=1), "an unknown option is taken"

    def it_refuses_values_of_a_wrong_type(self) -> None:
        """No option takes whatever it is given."""
        for option in option_specs(self.processor):
            assert self._codes(**{option: object()}), f"option {option} takes anything"

    def it_refuses_values_out_of_range(self) -> None:
        """On both sides; the bounds themselves are right."""
        for spec in option_specs(self.processor).values():
            if spec.range is None:
                continue
            for bound, step in ((spec.range.low, -1), (spec.range.high, 1)):
                if bound is None:
                    continue
                assert not self._codes(**{spec.name: _written(spec, bound)}), f"{spec.name} refuses its bound"
                # What is below zero cannot be written with a unit.
                if bound + step >= 0 or not spec.unit:
                    outside = _written(spec, bound + step)
                    assert self._codes(**{spec.name: outside}), f"{spec.name} takes {outside}"

    def _codes(self, **given: object) -> list[str]:
        _, problems = convert_options(self.processor, given, from_yaml=True)
        specs = option_specs(self.processor)
        lacking = {option for option, spec in specs.items() if spec.required} - set(given)
        # A required option that is not given is another fault, and not the one in question.
        return [problem.code for problem in problems if not any(each in problem.message for each in lacking)]

    # Alive ---------------------------------------------------------------------------------------

    def it_starts_and_stops(self) -> None:
        """Before anything has come."""

        async def script(call: Call) -> None:
            async with call:
                pass

        self._live(script, _ENDED)

    def it_stops_while_it_is_busy(self) -> None:
        """In the middle of a stream, within its deadline."""

        async def script(call: Call) -> None:
            async with call:
                await asyncio.sleep(0.5)
                ended_ns = call.clock.now_ns()
            assert call.clock.now_ns() - ended_ns <= 3 * SECOND, "it takes more than 3 s to stop"

        self._live(script, _ENDED)

    def it_is_cancelled(self) -> None:
        """While it starts, while it begins, while it runs: cancellation wins."""
        for after_s in (0.0, 0.001, 0.33):

            async def script(call: Call, after_s: float = after_s) -> None:
                running = asyncio.create_task(call.run())
                await asyncio.sleep(after_s)
                running.cancel()
                await asyncio.wait({running})
                assert running.cancelled(), "the call survives its cancellation"

            self._live(script, ("cancelled", ""))

    def it_is_interrupted_and_goes_on(self) -> None:
        """Also twice, for turns that it never saw, and while it is busy with one."""

        async def script(call: Call) -> None:
            async with call:
                conversation = call.processor("box", self.processor).call.conversation
                for turn in (0, 1, 1, 3):
                    await asyncio.sleep(0.11)
                    conversation.interrupted(turn)
                await asyncio.sleep(0.3)
                assert call.reason in ("", "completed"), f"an interruption ends the call: {call.reason}"

        self._live(script, _ENDED)

    def it_is_tuned_while_it_is_busy(self) -> None:
        """Every live option, to every bound or choice that it has, between frames; the stream goes on."""

        async def script(call: Call) -> None:
            took: list[Tuned] = []
            failed: list[NodeFailed] = []
            call.events.subscribe(Tuned, took.append)
            call.events.subscribe(NodeFailed, failed.append)
            async with call:
                for option, spec in option_specs(self.processor).items():
                    for value in _values(spec) if spec.live else ():
                        await asyncio.sleep(0.053)
                        changed = call.tune({"box": {option: value}})
                        await asyncio.sleep(0)
                        assert changed in ({}, {"box": (option,)})
                        # A box whose handlers wait takes it before its next frame.
                        at_once = bool(changed) == bool(took)
                        assert at_once or works_async(self.processor), f"{option} is not taken at once"
                        took.clear()
                await asyncio.sleep(0.2)
            assert not failed, failed[0].message

        self._live(script, _ENDED)

    def it_stops_when_the_call_never_begins(self) -> None:
        """Started, never run, because another node did not start."""

        async def script(call: Call) -> None:
            async def end_it() -> None:
                await asyncio.sleep(0)
                call.end("never mind")

            ending = asyncio.create_task(end_it())
            await call.run()
            await ending

        self._live(script, (EndReason.ENDED_BY_AGENT,))

    def it_ends_with_its_streams(self) -> None:
        """When all that feeds it has ended it hands on what it has and ends too: the call completes."""

        async def script(call: Call) -> None:
            async with call:
                await asyncio.sleep(0.5)
                await starve(call, self.processor)

        self._live(script, ("completed",))

    def it_ends_with_streams_that_were_empty(self) -> None:
        """Nothing came, and then the end."""

        async def script(call: Call) -> None:
            async with call:
                await starve(call, self.processor)

        self._live(script, ("completed",))

    def _live(self, script: Script, reasons: tuple[str, ...]) -> None:
        """A call around the box, from its start to its end by ``script``; nothing may be left behind."""
        with TemporaryDirectory() as folder:
            options = self.options(Path(folder)) if callable(self.options) else self.options
            self._run(fed_plan(self.processor, options, self._samples), script, reasons)

    def _run(self, plan: Plan, script: Script, reasons: tuple[str, ...]) -> None:
        async def main() -> str:
            async with self._open() as resources, no_tasks_left():
                call = plan.call(resources=resources)
                await script(call)
            return call.reason

        async def once() -> None:
            async with self._open() as resources, plan.call(resources=resources):
                await asyncio.sleep(0)

        # What a box loads once for the process (weights, libraries) is there before the counting begins.
        run_virtual(once())
        with no_leaks():
            reason = run_virtual(main())
        assert reason in reasons, f"the call ended as {reason!r}, not {' or '.join(map(repr, reasons))}"

    def _open(self) -> AbstractAsyncContextManager[Mapping[type, Any]]:
        return self._resources() if self._resources is not None else nullcontext({})


def _written(spec: OptionSpec, value: float) -> object:
    """``value`` as YAML has it."""
    return f"{int(value)}{spec.unit}" if spec.unit else value


def _values(spec: OptionSpec) -> list[Any]:
    """Some that a live option takes, its default last."""
    if spec.range is not None:
        return [bound for bound in (spec.range.low, spec.range.high) if bound is not None] + [spec.default]
    if spec.type is bool:
        return [not spec.default, spec.default]
    return [spec.default]
