"""Every box that is registered under our name passes the same suite: described, strict, and clean in every end."""

import asyncio
import inspect
import re
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml

from livegraph.pipeline import SECOND, Call, Processor, run_virtual
from livegraph.pipeline.convert import convert_options
from livegraph.pipeline.events import NodeFailed, Tuned
from livegraph.pipeline.graph.registry import GROUP, load
from livegraph.pipeline.options import OptionSpec, option_specs
from livegraph.pipeline.processor import ports_of
from support.conformance import HARNESSES, Feeder, Harness, plan_around
from support.leaks import no_leaks, no_tasks_left

OURS = sorted({entry.name for entry in entry_points(group=GROUP) if entry.value.startswith("livegraph.")})


def test_our_boxes_are_found() -> None:
    """The table of harnesses names only what exists."""
    assert {"resampler", "tool_router", "vad_gate"} <= set(OURS)
    assert set(HARNESSES) <= set(OURS)


# Described ---------------------------------------------------------------------------------------------


def _example(text: str) -> tuple[str, dict[str, Any]]:
    """The box that an example shows, and its options."""
    _, mark, example = text.partition("Example:\n")
    assert mark, "there is no Example in the docstring"
    ((name, options),) = yaml.safe_load(inspect.cleandoc(example)).items()
    assert isinstance(options, dict)
    return name, options


@pytest.mark.parametrize("name", OURS)
def test_a_box_says_what_it_is_for_and_shows_an_example(name: str, tmp_path: Path) -> None:
    """Purpose, ports and a YAML example in the module, purpose and example in the class; both examples are right."""
    processor = load(name)
    (tmp_path / "tools.py").write_text("def work() -> str:\n    return 'done'\n")
    module = inspect.getdoc(sys.modules[processor.__module__]) or ""
    own = inspect.getdoc(processor) or ""
    assert processor.__doc__ is not Processor.__doc__
    for text in (module, own):
        assert re.match(r"\S.*\.$", text.splitlines()[0]), "the first line is one sentence"
        shown, options = _example(text)
        # A module of two boxes shows one of them.
        assert shown == name or (text is module and load(shown).__module__ == processor.__module__)
        _, problems = convert_options(load(shown), options, base_dir=tmp_path, from_yaml=True)
        assert problems == []
    for port in ports_of(processor):
        assert f"``{port}``" in module, f"the module's docstring does not name the port {port}"


@pytest.mark.parametrize("name", OURS)
def test_ports_and_options_are_described(name: str) -> None:
    """One line each, without a full stop: `livegraph inspect` shows them."""
    processor = load(name)
    for port, spec in ports_of(processor).items():
        assert spec.doc and not spec.doc.endswith("."), f"port {port}"
    for option, told in option_specs(processor).items():
        assert told.doc and not told.doc.endswith("."), f"option {option}"


# Strict -------------------------------------------------------------------------------------------------


def _codes(name: str, **given: object) -> list[str]:
    _, problems = convert_options(load(name), given, from_yaml=True)
    required = {option for option, spec in option_specs(load(name)).items() if spec.required} - set(given)
    # A required option that is not given is another fault, and not the one in question.
    return [problem.code for problem in problems if not any(option in problem.message for option in required)]


@pytest.mark.parametrize("name", OURS)
def test_an_unknown_option_is_refused(name: str) -> None:
    """Whatever else is right."""
    assert _codes(name, no_such_option=1)


@pytest.mark.parametrize("name", OURS)
def test_values_of_a_wrong_type_are_refused(name: str) -> None:
    """No option takes whatever it is given."""
    for option in option_specs(load(name)):
        assert _codes(name, **{option: object()}), option


@pytest.mark.parametrize("name", OURS)
def test_values_out_of_range_are_refused_and_the_bounds_are_taken(name: str) -> None:
    """On both sides; the bounds themselves are right."""
    for spec in option_specs(load(name)).values():
        if spec.range is None:
            continue
        for bound, outside in (
            (spec.range.low, -1 if spec.range.low is None else spec.range.low - 1),
            (spec.range.high, 0 if spec.range.high is None else spec.range.high + 1),
        ):
            if bound is None:
                continue
            assert not _codes(name, **{spec.name: _written(spec, bound)}), spec.name
            # What is below zero cannot be written with a unit.
            if outside >= 0 or not spec.unit:
                assert _codes(name, **{spec.name: _written(spec, outside)}), spec.name


def _written(spec: OptionSpec, value: float) -> object:
    """``value`` as YAML has it."""
    return f"{int(value)}{spec.unit}" if spec.unit else value


# Alive ---------------------------------------------------------------------------------------------------

Script = Callable[[Call], Awaitable[None]]


def _live(name: str) -> dict[str, OptionSpec]:
    """The options of a box that reach running calls."""
    return {option: spec for option, spec in option_specs(load(name)).items() if spec.live}


def live(name: str, folder: Path, script: Script, *, endless: bool = False) -> str:
    """A call around the box, from its start to its end by ``script``; nothing may be left behind."""
    harness = HARNESSES.get(name, Harness())
    if harness.elsewhere:
        pytest.skip(harness.elsewhere)
    if endless and harness.endless:
        pytest.skip("it is fed by a program, which ends it: tests/processors/test_app.py")
    plan = plan_around(load(name), harness.options(folder))

    async def main() -> str:
        async with harness.resources() as resources, no_tasks_left():
            call = plan.call(resources=resources)
            await script(call)
        return call.reason

    # What a box loads once for the process (weights, libraries) is there before the counting begins.
    run_virtual(_once(plan, harness))
    with no_leaks():
        return run_virtual(main())


async def _once(plan: Any, harness: Harness) -> None:
    async with harness.resources() as resources, plan.call(resources=resources):
        await asyncio.sleep(0)


@pytest.mark.parametrize("name", [name for name in OURS if _live(name)])
def test_it_is_tuned_while_it_is_busy(name: str, tmp_path: Path) -> None:
    """Every live option, to every bound or choice that it has, between frames; the stream goes on."""

    async def script(call: Call) -> None:
        took: list[Tuned] = []
        failed: list[NodeFailed] = []
        call.events.subscribe(Tuned, took.append)
        call.events.subscribe(NodeFailed, failed.append)
        async with call:
            for option, spec in _live(name).items():
                for value in _values(spec):
                    await asyncio.sleep(0.053)
                    changed = call.tune({"box": {option: value}})
                    await asyncio.sleep(0)
                    assert changed in ({}, {"box": (option,)})
                    assert bool(changed) == bool(took)
                    took.clear()
            await asyncio.sleep(0.2)
        assert not failed

    assert live(name, tmp_path, script) in ("left", "completed")


def _values(spec: OptionSpec) -> list[Any]:
    """Some that the option takes, its default last."""
    if spec.range is not None:
        return [bound for bound in (spec.range.low, spec.range.high) if bound is not None] + [spec.default]
    if spec.type is bool:
        return [not spec.default, spec.default]
    raise LookupError(f"conformance has no values for the live option {spec.name}: add some")


def feeders(call: Call) -> list[Feeder]:
    """All that feeds the box."""
    nodes = [name.partition(".")[0] for name in call.stats()]
    return [call.processor(node, Feeder) for node in dict.fromkeys(nodes) if node.startswith("feed_")]


@pytest.mark.parametrize("name", OURS)
def test_it_starts_and_stops(name: str, tmp_path: Path) -> None:
    """Before anything has come."""

    async def script(call: Call) -> None:
        async with call:
            pass

    assert live(name, tmp_path, script) in ("left", "completed")


@pytest.mark.parametrize("name", OURS)
def test_it_stops_while_it_is_busy(name: str, tmp_path: Path) -> None:
    """In the middle of a stream, within its deadline."""

    async def script(call: Call) -> None:
        async with call:
            await asyncio.sleep(0.5)
            ended_ns = call.clock.now_ns()
        assert call.clock.now_ns() - ended_ns <= 3 * SECOND

    assert live(name, tmp_path, script) in ("left", "completed")


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("after_s", [0, 0.001, 0.33])
def test_it_is_cancelled(name: str, after_s: float, tmp_path: Path) -> None:
    """While it starts or runs: cancellation wins."""

    async def script(call: Call) -> None:
        running = asyncio.create_task(call.run())
        await asyncio.sleep(after_s)
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()

    assert live(name, tmp_path, script) in ("cancelled", "")


@pytest.mark.parametrize("name", OURS)
def test_it_is_interrupted_and_goes_on(name: str, tmp_path: Path) -> None:
    """Also twice, for turns that it never saw, and while it is busy with one."""

    async def script(call: Call) -> None:
        async with call:
            turns = call.processor("box", Processor).call.turns
            for turn in (0, 1, 1, 3):
                await asyncio.sleep(0.11)
                turns.interrupted(turn)
            await asyncio.sleep(0.3)
            assert call.reason in ("", "completed")

    assert live(name, tmp_path, script) in ("left", "completed")


@pytest.mark.parametrize("name", OURS)
def test_it_ends_with_its_streams(name: str, tmp_path: Path) -> None:
    """When all that feeds it has ended it hands on what it has and ends too: the call completes."""

    async def script(call: Call) -> None:
        async with call:
            await asyncio.sleep(0.5)
            for feeder in feeders(call):
                feeder.over = True
            await asyncio.wait_for(call.finished(), 90)

    assert live(name, tmp_path, script, endless=True) == "completed"


@pytest.mark.parametrize("name", OURS)
def test_it_ends_with_streams_that_were_empty(name: str, tmp_path: Path) -> None:
    """Nothing came, and then the end."""

    async def script(call: Call) -> None:
        async with call:
            for feeder in feeders(call):
                feeder.over = True
            await asyncio.wait_for(call.finished(), 90)

    assert live(name, tmp_path, script, endless=True) == "completed"


@pytest.mark.parametrize("name", OURS)
def test_it_stops_when_another_node_does_not_start(name: str, tmp_path: Path) -> None:
    """Started, never run."""

    async def script(call: Call) -> None:
        async def end_it() -> None:
            await asyncio.sleep(0)
            call.end("never mind")

        ending = asyncio.create_task(end_it())
        await call.run()
        await ending

    assert live(name, tmp_path, script) == "never mind"
