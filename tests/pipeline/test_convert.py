"""Options become their declared types; what is wrong is a problem with code, place and advice, never an exception."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.convert import convert, convert_group, convert_options
from livegraph.pipeline.convert.scalars import EnvText
from livegraph.pipeline.options import (
    MISSING,
    Doc,
    Duration,
    Hertz,
    ModuleRef,
    OptionSpec,
    Range,
    Secret,
    option_specs,
)
from livegraph.pipeline.turns.controller import TurnPolicy
from livegraph.pipeline.units import MS, SECOND


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Mood(enum.StrEnum):
    CALM = "calm"


@dataclass(frozen=True)
class Window:
    size_ns: int = 20 * MS
    overlap: Annotated[float, Range(0, 1)] = 0.5

    def __post_init__(self) -> None:
        if self.size_ns == 13:
            raise ValueError("an unlucky size")


class Place(msgspec.Struct):
    city: str
    window: Window = Window()


class Everything:
    def __init__(
        self,
        *,
        flag: bool = False,
        count: Annotated[int, Range(1, 10)] = 1,
        level: Annotated[float, Range(low=0)] = 0.0,
        word: str = "",
        wait: Annotated[Duration, Range(0, 2 * SECOND), Doc("how long")] = 0,
        rate: Hertz | None = None,
        mode: Literal["gate", "report", 3, True] = "gate",
        colour: Colour = Colour.RED,
        mood: Mood = Mood.CALM,
        key: Secret | None = None,
        file: Path | None = None,
        module: ModuleRef = "",
        tools: Sequence[ModuleRef | Callable[..., Any]] = (),
        numbers: list[Annotated[int, Range(0, 9)]] | None = None,
        pair: tuple[int, str] = (0, ""),
        tags: frozenset[str] = frozenset(),
        table: dict[int, Hertz] | None = None,
        place: Place | None = None,
        limit: Literal["none"] | int = "none",
        either: int | str = 0,
        anything: Any = None,
    ) -> None:
        pass


def one(name: str, value: Any, **how: Any) -> Any:
    """The converted value of an option, which must be without problems."""
    made, problems = convert_options(Everything, {name: value}, **how)
    assert not problems
    return made[name]


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("flag", True, True),
        ("count", 3, 3),
        ("level", 2, 2.0),
        ("level", 2.5, 2.5),
        ("word", "012", "012"),
        ("wait", "200ms", 200 * MS),
        ("wait", "1.5s", 1_500 * MS),
        ("wait", 0, 0),
        ("rate", "16kHz", 16_000),
        ("rate", 44_100, 44_100),
        ("rate", None, None),
        ("mode", "report", "report"),
        ("mode", 3, 3),
        ("mode", True, True),
        ("colour", 2, Colour.BLUE),
        ("colour", "BLUE", Colour.BLUE),
        ("mood", "calm", Mood.CALM),
        ("tools", ["a.b", "a.b:c"], ["a.b", "a.b:c"]),
        ("numbers", [1, 2], [1, 2]),
        ("pair", [1, "a"], (1, "a")),
        ("tags", ["a", "a"], frozenset({"a"})),
        ("table", {"1": "8kHz"}, {1: 8_000}),
        ("place", {"city": "Oslo"}, Place("Oslo")),
        ("place", {"city": "Oslo", "window": {"size": "10ms"}}, Place("Oslo", Window(10 * MS))),
        ("limit", 3, 3),
        ("limit", "none", "none"),
        ("either", "3", "3"),
        ("either", 3, 3),
        ("anything", {"a": [1, "b", None]}, {"a": [1, "b", None]}),
    ],
)
def test_yaml_values(name: str, written: Any, value: Any) -> None:
    """A right value becomes exactly its type, and converting it again changes nothing."""
    made = one(name, written, from_yaml=True)
    assert made == value
    assert type(made) is type(value)
    assert one(name, made) == made


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("flag", "TRUE", True),
        ("count", " 3 ", 3),
        ("level", "2.5", 2.5),
        ("word", "3", "3"),
        ("wait", "1s", SECOND),
        ("rate", "16000", 16_000),
        ("rate", "", None),
        ("mode", "3", 3),
        ("mode", "true", True),
        ("colour", "BLUE", Colour.BLUE),
        ("mood", "calm", Mood.CALM),
        ("limit", "3", 3),
        ("either", "3", 3),
        ("either", "a", "a"),
        ("anything", "3", "3"),
    ],
)
def test_text_of_the_environment_becomes_what_the_option_asks_for(name: str, text: str, value: Any) -> None:
    made = one(name, EnvText(text, "${X}"), from_yaml=True)
    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    ("name", "written", "code", "message", "hint"),
    [
        (
            "flag",
            "no",
            "LG207",
            "`flag` takes true or false: `no` is text in YAML 1.2, not a boolean",
            "write `false`",
        ),
        (
            "flag",
            "On",
            "LG207",
            "`flag` takes true or false: `On` is text in YAML 1.2, not a boolean",
            "write `true`",
        ),
        ("flag", "true", "LG202", "`flag` takes true or false, not the text `true`", "remove the quotes"),
        ("flag", 1, "LG202", "`flag` takes true or false, not `1`", "write true or false"),
        ("count", 11, "LG203", "`count` must be between 1 and 10, not `11`", ""),
        ("count", 2.0, "LG202", "`count` takes a whole number, not `2.0`", "write `2`"),
        ("count", True, "LG202", "`count` takes a whole number, not `true`", ""),
        ("count", "2", "LG202", "`count` takes a whole number, not the text `2`", "remove the quotes"),
        (
            "count",
            "012",
            "LG207",
            "`count` takes a whole number: `012` is not a number: it has a leading zero (octal in YAML 1.1)",
            "write `12`",
        ),
        (
            "count",
            "12:30",
            "LG207",
            "`count` takes a whole number: `12:30` is text, not a number (YAML 1.1 would have read it in base 60)",
            "write the number out, or a duration such as 90s",
        ),
        (
            "count",
            "1_0",
            "LG207",
            "`count` takes a whole number: `1_0` is text: numbers have no underscores here",
            "write `10`",
        ),
        (
            "count",
            "0b101",
            "LG207",
            "`count` takes a whole number: `0b101` is text: of other bases only `0x` and `0o` are numbers",
            "write `5`",
        ),
        ("level", -0.5, "LG203", "`level` must be at least 0, not `-0.5`", ""),
        ("level", float("nan"), "LG203", "`level` takes a finite number, not `nan`", ""),
        ("level", 10**400, "LG203", "`level` takes a finite number, not a huge number", ""),
        ("level", None, "LG202", "`level` takes a number, not null", ""),
        ("word", 12, "LG202", "`word` takes text, not `12`", "put it in quotes"),
        ("word", ["a"], "LG202", "`word` takes text, not a list", ""),
        (
            "wait",
            200,
            "LG205",
            "`wait` takes a duration such as 200ms or 1.5s: `200` has no unit",
            "write `200ms`",
        ),
        (
            "wait",
            "200",
            "LG205",
            "`wait` takes a duration such as 200ms or 1.5s, not the text `200`",
            "add a unit: ns, us, ms, s, min, h or d",
        ),
        (
            "wait",
            "2 weeks",
            "LG205",
            "`wait` takes a duration such as 200ms or 1.5s, not the text `2 weeks`",
            "units: ns, us, ms, s, min, h or d",
        ),
        ("wait", "3s", "LG203", "`wait` must be between 0s and 2s, not `3s`", ""),
        ("wait", True, "LG202", "`wait` takes a duration such as 200ms, not `true`", ""),
        (
            "rate",
            "16 k",
            "LG205",
            "`rate` takes a rate such as 16kHz or 8000Hz, not the text `16 k`",
            "units: Hz or kHz",
        ),
        (
            "mode",
            "gait",
            "LG206",
            "`mode` must be one of `gate`, `report`, `3`, `true`, not the text `gait`",
            "did you mean `gate`?",
        ),
        ("colour", "RD", "LG206", "`colour` must be `1` or `2`, not the text `RD`", ""),
        ("key", 123456, "LG202", "`key` takes text", "such as ${GEMINI_API_KEY}"),
        (
            "tools",
            "a.b",
            "LG202",
            "`tools` takes a list of Python modules or functions, not the text `a.b`",
            "write `[a.b]`",
        ),
        ("numbers", [1, 10], "LG203", "`numbers[1]` must be between 0 and 9, not `10`", ""),
        ("pair", [1], "LG202", "`pair` takes 2 values, not 1", ""),
        ("table", {"x": 8000}, "LG202", "`key of table` takes a whole number, not the value of `x`", ""),
        ("place", {}, "LG204", "`place` needs the key `city`", "it takes text"),
        ("place", "Oslo", "LG202", "`place` takes a mapping, not the text `Oslo`", ""),
        (
            "place",
            {"city": "O", "cty": 1},
            "LG201",
            "unknown key `cty` for `place`",
            "did you mean `city`? keys: city, window",
        ),
        (
            "limit",
            "nine",
            "LG202",
            "`limit` takes `none` or a whole number, not the text `nine`",
            "did you mean `none`?",
        ),
    ],
)
def test_faults(name: str, written: Any, code: str, message: str, hint: str) -> None:
    """Each fault says what is expected and what was found, and how to mend it where that is known."""
    made, problems = convert_options(Everything, {name: written}, path=("nodes", "n"), from_yaml=True)
    assert made == {}
    assert [(problem.code, problem.message, problem.hint) for problem in problems] == [(code, message, hint)]
    assert problems[0].path[:3] == ("nodes", "n", name)


def test_places_of_nested_faults() -> None:
    given = {"numbers": [1, 99], "place": {"city": 3, "window": {"size": 1, "overlap": 2}}}
    _, problems = convert_options(Everything, given, path=("p",), from_yaml=True)
    assert [(problem.code, *problem.path) for problem in problems] == [
        ("LG203", "p", "numbers", 1),
        ("LG202", "p", "place", "city"),
        ("LG205", "p", "place", "window", "size"),
        ("LG203", "p", "place", "window", "overlap"),
    ]


def test_unknown_and_missing_options() -> None:
    class Box:
        def __init__(self, *, threshold: float, pre_roll: Annotated[Duration, Doc("sound kept")]) -> None:
            pass

    made, problems = convert_options(Box, {"treshold": 1}, path=("n",), from_yaml=True, label="vad_gate")
    assert made == {}
    assert [
        (problem.code, problem.message, problem.path, problem.key, problem.hint) for problem in problems
    ] == [
        (
            "LG201",
            "unknown option `treshold` for `vad_gate`",
            ("n", "treshold"),
            True,
            "did you mean `threshold`? options: threshold, pre_roll",
        ),
        ("LG204", "`vad_gate` needs the option `pre_roll`", ("n",), True, "it is sound kept"),
    ]


def test_a_box_without_options_says_so() -> None:
    class Box:
        pass

    _, [problem] = convert_options(Box, {"a": 1})
    assert (problem.code, problem.hint) == ("LG201", "`Box` has no options")


def test_a_key_in_the_file_is_a_warning_and_is_not_repeated() -> None:
    text = "AIzaSyNotARealKey_0123456789"
    made, [problem] = convert_options(Everything, {"key": text}, from_yaml=True)
    assert made == {"key": Secret(text)}
    assert (problem.code, problem.warning) == ("LG208", True)
    assert text not in str(problem)
    assert one("key", EnvText(text, "${KEY}"), from_yaml=True) == Secret(text)


def test_no_message_shows_what_the_environment_holds() -> None:
    hidden = "s3cret-value"
    for name in option_specs(Everything):
        _, problems = convert_options(Everything, {name: EnvText(hidden, "${X}")}, from_yaml=True)
        assert hidden not in " ".join(f"{problem.message} {problem.hint}" for problem in problems)


def test_a_missing_variable_is_not_reported_again() -> None:
    missing = EnvText("", "${X}", missing=True)
    given: dict[str, Any] = dict.fromkeys(option_specs(Everything), missing)
    given |= {"numbers": [missing], "place": {"city": missing}, "table": {"1": missing}}
    assert convert_options(Everything, given, from_yaml=True) == ({}, [])


def test_files_are_beside_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "tools.py").touch()
    there = str(tmp_path / "tools.py")
    given = {"file": "a/b.wav", "module": "tools.py:main", "tools": ["./tools.py", there, "pkg.tools"]}
    made, problems = convert_options(Everything, given, base_dir=tmp_path, from_yaml=True)
    assert not problems
    assert made["file"] == tmp_path / "a/b.wav"
    assert made["module"] == f"{there}:main"
    assert made["tools"] == [there, there, "pkg.tools"]

    _, [problem] = convert_options(Everything, {"module": "./tols.py"}, base_dir=tmp_path, from_yaml=True)
    assert (problem.code, problem.hint) == ("LG209", "did you mean `tools.py`?")
    assert "`./tols.py`" in problem.message


def test_programs_give_values_as_they_are() -> None:
    """What is right already comes back as the very same object."""
    given: dict[str, Any] = {
        "wait": 5,
        "key": Secret("x"),
        "file": Path("x"),
        "tools": [len, "a.b"],
        "numbers": [1, 2],
        "pair": (1, "a"),
        "table": {1: 8_000},
        "place": Place("Oslo"),
        "colour": Colour.BLUE,
    }
    made, problems = convert_options(Everything, given)
    assert not problems
    assert all(made[name] is value for name, value in given.items())


def test_a_function_cannot_be_written_in_yaml() -> None:
    class Box:
        def __init__(self, *, hook: Callable[[], None]) -> None:
            pass

    _, [problem] = convert_options(Box, {"hook": "print"}, from_yaml=True)
    assert (problem.code, problem.hint) == ("LG202", "only a program can give it")
    assert convert_options(Box, {"hook": print}) == ({"hook": print}, [])


def test_groups_write_nanoseconds_as_durations() -> None:
    made, problems = convert_group(TurnPolicy, {"confirm": "1s", "barge_in": False}, label="turns")
    assert (made, problems) == (TurnPolicy(barge_in=False, confirm_ns=SECOND), [])
    made, [problem] = convert_group(TurnPolicy, {"confirm_ns": 1}, path=("turns",), label="turns")
    assert (made, problem.code, problem.path) == (None, "LG201", ("turns", "confirm_ns"))
    made, [problem] = convert_group(Window, {"size": "13ns"}, label="window")
    assert (made, problem.message) == (None, "`window`: an unlucky size")


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=3)
    | st.builds(EnvText, st.text(max_size=8), st.just("${X}"))
    | st.sampled_from(
        [
            "no",
            "012",
            "12:30",
            "1s",
            "16kHz",
            "gate",
            "./x.py",
            "~nobody/x",
            Colour.RED,
            Secret("x"),
            object(),
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(value=_values, from_yaml=st.booleans())
def test_no_value_raises_and_converting_twice_is_converting_once(value: Any, from_yaml: bool) -> None:
    for name, spec in option_specs(Everything).items():
        made, problems = convert(spec, value, from_yaml=from_yaml, base_dir=Path("/nowhere"))
        if any(not problem.warning for problem in problems) or made is None:
            continue
        again, more = convert_options(Everything, {name: made})
        assert not more
        assert again[name] == made or made != made


@given(value=_values)
def test_groups_never_raise(value: Any) -> None:
    convert_group(TurnPolicy, value)
    convert_group(Window, {"size": value, "overlap": value})
    convert(OptionSpec("x", Place, MISSING), value)
