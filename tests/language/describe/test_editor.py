"""In an editor: what yaml-language-server offers and underlines with our schemas. It is installed from npm."""

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from livegraph.language.describe import json_schema
from livegraph.liveapi.models import VOICES
from livegraph.simulator.script_schema import brain_schema, scenario_schema
from livegraph.testing.schema import file_schema, suite_schema
from livegraph.yaml12 import load
from support.editor import Editor, language_server
from support.judges import Unavailable
from support.node_packages import missing

_CONFIGS = Path(str(resources.files("livegraph.configs")))
_TESTS = file_schema()
SCHEMAS = {
    "v1": json_schema(shipped_only=True, tests=suite_schema()),
    "tests-v1": _TESTS,
    "brain-v1": brain_schema(),
    "scenario-v1": scenario_schema(),
}


@pytest.fixture(scope="module", params=["1.25.0", "latest"])
def editor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    try:
        command = language_server(request.config.cache.mkdir("node"), request.param)  # type: ignore[union-attr]
    except Unavailable as why:
        missing(str(why))
    folder = tmp_path_factory.mktemp("editor")
    patterns = {
        "v1": "*.agent.yaml",
        "tests-v1": "*_test.yaml",
        "brain-v1": "*.brain.yaml",
        "scenario-v1": "*.scenario.yaml",
    }
    files: dict[Path, list[str]] = {}
    for name, schema in SCHEMAS.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(schema))
        files[path] = [patterns[name]]
    with Editor(command, folder, files) as opened:
        # It answers before it has read its settings.
        ready = (opened.offers("a.agent.yaml", "version: 1\nagent:\n  \u2038\n") for _ in range(100))
        assert any(ready), "it offers nothing"
        yield opened


BOXES = {"webrtc_in", "vad_gate", "gemini_live", "tool_router", "webrtc_out"}


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("name", "text", "offered"),
    [
        ("a.agent.yaml", "version: 1\nagent:\n  \u2038\n", {"instructions", "voice", "vad", "live", "tools"}),
        ("a.agent.yaml", "version: 1\npipeline:\n  - \u2038\n", BOXES),
        ("a.agent.yaml", "version: 1\npipeline:\n  - webrtc_in\n  - \u2038\n", BOXES),
        ("a.agent.yaml", "version: 1\nagent:\n  voice: \u2038\n", set(VOICES)),
        ("a.agent.yaml", "version: 1\npipeline:\n  - gemini_live:\n      voice: \u2038\n", set(VOICES)),
        ("a.agent.yaml", "version: 1\nagent:\n  model: \u2038\n", {"gemini-3.8-live"}),
        ("a.agent.yaml", "version: 1\nnodes:\n  a:\n    use: \u2038\n", BOXES),
        ("a.agent.yaml", "version: 1\nnodes:\n  a: {use: \u2038}\n", BOXES),
        ("a.agent.yaml", "version: 1\nnodes:\n  a: {use: vad_gate, t\u2038}\n", {"threshold"}),
        ("a_test.yaml", "version: 1\ntests:\n  - name: x\n    \u2038\n", {"expect", "feed", "mock"}),
        ("a.brain.yaml", "version: 1\nrules:\n  - hear: x\n    \u2038\n", {"say", "call", "ask"}),
        (
            "a.scenario.yaml",
            "version: 1\nscenes:\n  - when: connect\n    do:\n      - \u2038\n",
            {"say", "reset"},
        ),
    ],
)
def test_an_editor_offers_what_may_stand_there(
    editor: Editor, name: str, text: str, offered: set[str]
) -> None:
    assert offered <= editor.offers(name, text)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("box", sorted(SCHEMAS["v1"]["$defs"]["use"]["anyOf"][0]["enum"]))
def test_an_editor_offers_every_option_of_every_box(editor: Editor, box: str) -> None:
    options = set(SCHEMAS["v1"]["$defs"][f"box.{box}"]["properties"])
    text = f"version: 1\npipeline:\n  - {box}:\n      \u2038\n"
    assert options <= editor.offers("a.agent.yaml", text)


@pytest.mark.timeout(180)
def test_an_editor_underlines_nothing_in_what_ships(editor: Editor) -> None:
    endings = {"_test": "x_test.yaml", ".brain": "x.brain.yaml"}
    for path in sorted(_CONFIGS.glob("*.yaml")):
        name = next((name for end, name in endings.items() if path.stem.endswith(end)), "x.agent.yaml")
        text = "\n".join(line for line in path.read_text("utf-8").splitlines() if "$schema=" not in line)
        assert editor.faults(name, text) == [], path.name


def test_no_default_is_null() -> None:
    """An editor stumbles over it, and offers nothing more."""

    def walk(schema: object) -> Iterator[object]:
        if isinstance(schema, dict):
            if "default" in schema and isinstance(schema.get("description", ""), str):
                yield schema["default"]
            for value in schema.values():
                yield from walk(value)
        elif isinstance(schema, list):
            for value in schema:
                yield from walk(value)

    assert None not in list(walk(SCHEMAS["v1"]))


@pytest.mark.parametrize("name", SCHEMAS)
def test_shipped_schemas_are_up_to_date(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    kind = {"v1": "--shipped"}.get(name, f"--of {name.removesuffix('-v1')}")
    shipped = json.loads((_CONFIGS / "schema" / f"{name}.json").read_text("utf-8"))
    assert shipped == SCHEMAS[name], f"run: livegraph schema {kind} --out configs/schema/{name}.json"


@pytest.mark.parametrize(("pattern", "name"), [("*.brain.yaml", "brain-v1"), ("*_test.yaml", "tests-v1")])
def test_what_ships_is_valid_by_its_schema(pattern: str, name: str) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMAS[name])
    for path in _CONFIGS.glob(pattern):
        assert not [error.message for error in validator.iter_errors(load(path.read_text("utf-8")))], (
            path.name
        )
