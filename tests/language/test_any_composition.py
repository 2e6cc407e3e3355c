"""Whatever is laid over a file, reading it ends with a report; a name that does not exist never passes."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livegraph.language import Layers, Report, check_file, check_text, render, to_data
from support.graphs import agent_files

GOOD: dict[str, Any] = {
    "version": 1,
    "inputs": {"caller": {"type": "text", "max_length": 9, "default": "x"}},
    "templates": {
        "front": {
            "params": {"level": {"type": "number", "default": 0.5, "range": [0, 1]}},
            "ports": {"audio": "gate.audio", "out": "gate.out"},
            "nodes": {"gate": {"use": "vad_gate", "threshold": "${params.level}"}},
            "edges": {},
        }
    },
    "profiles": {"p": {"nodes": {"live": {"voice": "Puck"}}}},
    "nodes": {
        "mic": {"use": "webrtc_in"},
        "ears": {"use": "front", "from": "mic", "level": 0.3},
        "live": {"use": "gemini_live", "from": "ears.out", "greeting": "Hi {{inputs.caller}}"},
        "ear": {"use": "webrtc_out", "from": "live.out"},
    },
    "edges": {"mic -> ears": {"max_frames": 3}},
}
ENVIRON = {"X": "1", "KEY": "k", "TEXT": "t", "SEED": "3"}


def look_at(report: Report) -> None:
    assert bool(report.agents) != bool(report.errors)
    render(report.diagnostics)
    json.dumps(to_data(report.diagnostics))
    for found in report.diagnostics:
        assert min(found.span.line, found.span.column) >= 1


def places_of(tree: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        found += [(tree, key), *places_of(tree[key])]
    return found


_odd = st.none() | st.booleans() | st.integers(-3, 3) | st.floats()
_odd |= st.sampled_from(
    ["", "a.b", "x -> y", "${X}", "${Y}", "${params.level}", "${file:x}", "{{inputs.caller}}"]
)
_value = st.recursive(
    _odd,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "use", "include", "nodes"]), inner, max_size=2)
    ),
)


@given(data=st.data())
@settings(deadline=None)
def test_a_right_file_with_something_else_in_one_place(data: st.DataObject) -> None:
    tree = copy.deepcopy(GOOD)
    holder, key = data.draw(st.sampled_from(places_of(tree)))
    if data.draw(st.booleans()) or isinstance(holder, list):
        holder[key] = data.draw(_value)
    else:
        holder[data.draw(st.sampled_from(["x", "agents", "include", "pipeline"]))] = holder.pop(key)
    look_at(check_text(json.dumps(tree), environ=ENVIRON))


@given(data=st.data())
@settings(deadline=None)
def test_a_name_that_does_not_exist_never_passes(data: st.DataObject) -> None:
    """Any key or name misspelt is told; texts, names that the file gives itself and their uses apart."""
    tree = copy.deepcopy(GOOD)
    free = {"version", "inputs", "caller", "templates", "front", "params", "ports", "nodes", "profiles", "p"}
    given_names = {"mic", "ears", "live", "ear", "gate", "level", "audio", "out", "edges", "default"}
    renameable = [
        (holder, key)
        for holder, key in places_of(tree)
        if isinstance(key, str) and key not in free | given_names
    ]
    holder, key = data.draw(st.sampled_from(renameable))
    at = data.draw(st.integers(0, len(key) - 1))
    holder[key[:at] + "q" + key[at:]] = holder.pop(key)
    assert check_text(json.dumps(tree), environ=ENVIRON).errors, key


@pytest.mark.parametrize(
    "value", ["front", "vad_gate", "gate.audio", "${params.level}", "mic", "ears.out", "Puck"]
)
def test_a_reference_to_what_does_not_exist_never_passes(value: str) -> None:
    for at in range(len(value.rstrip("}"))):
        wrong = value[:at] + "q" + value[at:]
        if wrong.startswith(("q${", "$q", "${q")) and value.startswith("${"):
            continue  # another text, or another variable
        text = json.dumps(GOOD).replace(f'"{value}"', f'"{wrong}"', 1)
        if f'"{wrong}": ' not in text:
            assert check_text(text, environ=ENVIRON).errors, wrong


_pieces = st.sampled_from([*'abc.="{}[]: ,', "nodes", "live", "voice", "pipeline", "null", "1", "${X}", "'"])


@given(st.lists(st.lists(_pieces, max_size=9).map("".join), max_size=3), agent_files())
@settings(deadline=None)
def test_any_settings(arguments: list[str], text: str) -> None:
    look_at(check_text(text, environ=ENVIRON, layers=Layers(settings=arguments, profile=None)))


@given(over=_value, included=_value, text=agent_files())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_overlay_and_any_included_file(tmp_path: Path, over: Any, included: Any, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text, "utf-8")
    (tmp_path / "x").write_text("text of x")
    (tmp_path / "inner.yaml").write_text(json.dumps(included))
    (tmp_path / "over.yaml").write_text(json.dumps({"version": 1, "agent": over, "include": "inner.yaml"}))
    look_at(check_file(tmp_path / "a.yaml", environ=ENVIRON, layers=Layers([tmp_path / "over.yaml"])))
