"""Files that calls write: each call has its own, and nothing that a caller says leads out of the folder."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import AudioFrame, ConfigError, In, Out, Processor
from livegraph.pipeline.graph.call_files import CallFacts, fill_call_file, fixed_folder, tells_calls_apart
from livegraph.pipeline.graph.graph import Graph
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.pipeline.graph.plan import make_plan
from livegraph.pipeline.options import CallFile
from livegraph.pipeline.units import SECOND

AT = round(datetime(2026, 11, 28, 21, 45, tzinfo=UTC).timestamp()) * SECOND
FACTS = CallFacts("call-7", AT, "desk", "ada@example.org", {"caller": "Ada Lovelace", "vip": True, "age": 36})


class Caller(Processor):
    """Where a caller comes in."""

    at_once = True
    audio: Out[AudioFrame] = Out(rate=16_000)


class Writer(Processor):
    """Notes the file that it was given."""

    audio: In[AudioFrame] = In()

    def __init__(
        self, *, path: Annotated[Path, CallFile()], other: Annotated[Path | None, CallFile()] = None
    ) -> None:
        self.path = path

    def on_audio(self, frame: AudioFrame) -> None:
        pass


def graph(*paths: str, source: type[Processor] = Caller) -> Graph:
    made = Graph("desk")
    made.add("caller", source)
    for number, path in enumerate(paths):
        made.add(f"writer{number}", Writer, path=Path(path))
        made.connect("caller.audio", f"writer{number}.audio")
    return made


@pytest.mark.parametrize(
    ("written", "filled"),
    [
        ("a/{{call.id}}.wav", "a/call-7.wav"),
        ("{{ call.time }}-{{call.agent}}.wav", "20261128T214500Z-desk.wav"),
        ("{{call.date}}/{{inputs.caller}}.wav", "2026-11-28/Ada_Lovelace.wav"),
        ("{{inputs.vip}}{{inputs.age}}.wav", "true36.wav"),
        ("{call_id}-{caller}-{time}.jsonl", "call-7-ada@example.org-20261128T214500Z.jsonl"),
        ("plain.wav", "plain.wav"),
    ],
)
def test_each_call_fills_them_in(written: str, filled: str) -> None:
    """The present form, and the older one of `save_history`."""
    assert fill_call_file(Path(written), FACTS) == Path(filled)


def test_nobody_in_particular() -> None:
    assert fill_call_file(Path("{{call.identity}}.wav"), CallFacts("c", 0)) == Path("unknown.wav")


@given(st.text(max_size=300))
def test_what_a_caller_says_is_part_of_one_name(said: str) -> None:
    """No folder, nothing hidden, no name that is too long, whatever it is."""
    facts = CallFacts(said, 0, inputs={"x": said}, identity=said)
    for name in ("call.id", "call.identity", "inputs.x"):
        made = fill_call_file(Path(f"/kept/{{{{{name}}}}}.wav"), facts)
        assert made.parent == Path("/kept") and made == Path(*made.parts)
        assert not made.name.startswith(".") and len(made.name.encode()) <= 100
        assert "\0" not in str(made) and str(made).isprintable()


def test_values_are_not_read_as_names_themselves() -> None:
    facts = CallFacts("secret", 0, inputs={"x": "{{call.id}}"})
    assert fill_call_file(Path("{{inputs.x}}.wav"), facts) == Path("_call.id_.wav")


def test_the_folder_that_must_be_there() -> None:
    assert fixed_folder(Path("/a/b/{{call.date}}/c/{{call.id}}.wav")) == Path("/a/b")
    assert fixed_folder(Path("/a/b/x.wav")) == Path("/a/b")
    assert fixed_folder(Path("{{call.id}}.wav")) == Path()


def test_a_box_is_given_the_file_of_its_call() -> None:
    """Two calls of one plan have two files, without anybody naming them."""
    plan = make_plan(graph("x-{{call.id}}-{{inputs.who}}.wav"), inputs={"who": InputSpec()})
    calls = [plan.call(inputs={"who": "A/b"}) for _ in range(2)]
    paths = [call._checked.nodes["writer0"].options["path"] for call in calls]
    assert paths == [Path(f"x-{call.id}-A_b.wav") for call in calls]
    assert len(set(paths)) == 2


def test_ids_differ_between_processes() -> None:
    """A file of yesterday's first call is not written over by today's."""
    assert not tells_calls_apart(Path("{{call.time}}.wav"))
    call = make_plan(graph("x-{{call.id}}.wav")).call()
    number, token = call.id.removeprefix("call-").split("-")
    assert number.isdigit() and len(token) == 6


def codes(made: Graph) -> list[str]:
    return [problem.code for problem in make_plan(made).warnings]


def test_calls_at_once_that_share_a_file_are_a_warning() -> None:
    assert codes(graph("x.wav")) == ["LG311"] == codes(graph("{{call.date}}-{{call.identity}}.wav"))
    assert codes(graph("{{call.id}}.wav")) == []


def test_a_graph_of_one_call_at_a_time_may_write_one_file() -> None:
    class File(Processor):
        """A source that is no caller."""

        audio: Out[AudioFrame] = Out(rate=16_000)

    assert codes(graph("x.wav", source=File)) == []


@pytest.mark.parametrize(
    ("paths", "code"),
    [
        (["a-{{call.id}}.wav", "a-{call_id}.wav"], "LG312"),
        (["{{call.nr}}.wav"], "LG174"),
        (["{{call.id.wav"], "LG174"),
        (["{user}.wav"], "LG174"),
        (["{{call.id}}-{{inputs.who}}.wav"], "LG171"),
    ],
)
def test_a_wrong_name_is_no_plan(paths: list[str], code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_plan(graph(*paths))
    assert [problem.code for problem in caught.value.problems if not problem.warning] == [code]
