"""``/client.js``: the library's modules as one file, without a bundler, and without a difference."""

import json
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

import livegraph
from livegraph.server.client_file import client_file

_CLIENT = Path(livegraph.__file__).parent / "client"
_MODULES = sorted(path.name for path in _CLIENT.glob("*.js"))


def exported(text: str) -> set[str]:
    """The names that an index exports."""
    return {
        name.strip()
        for names in re.findall(r"^export \{([^}]*)\}", text, re.MULTILINE)
        for name in names.split(",")
    }


def test_the_file_exports_what_the_index_does() -> None:
    """And imports nothing: it stands alone."""
    text = client_file()
    assert exported(text) == exported((_CLIENT / "index.js").read_text(encoding="utf-8"))
    assert re.findall(r"^(?:import .*|export \w+ )", text, re.MULTILINE) == []


def test_every_module_is_in_it_once() -> None:
    """A module that nothing needs has no place in the folder."""
    parts = re.findall(r"^// ---- (.*)$", client_file(), re.MULTILINE)
    assert sorted(parts) == [name for name in _MODULES if name != "index.js"]


def test_no_two_modules_use_a_name_at_their_top() -> None:
    """They share one scope in the file."""
    names = re.findall(r"^(?:async )?(?:const|let|class|function) (\w+)", client_file(), re.MULTILINE)
    assert [name for name in names if names.count(name) > 1] == []


def test_types_name_what_is_exported() -> None:
    """Whoever writes TypeScript sees every name, and none that is not there."""
    types = (_CLIENT / "index.d.ts").read_text(encoding="utf-8")
    declared = set(re.findall(r"^export (?:class|function|const) (\w+)", types, re.MULTILINE))
    assert declared == exported((_CLIENT / "index.js").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("kind", "module"), [("Call", "call.js"), ("CallProblem", "problems.js"), ("LivegraphCall", "element.js")]
)
def test_what_the_types_promise_of_an_object_is_there(kind: str, module: str) -> None:
    """Methods and properties of one class, in its module."""
    types = (_CLIENT / "index.d.ts").read_text(encoding="utf-8")
    declared = types.split(f"export class {kind} ")[1].split("\n}")[0]
    promised = re.findall(r"^  (?:readonly )?(\w+)\??(?:<[^>]*>)?[(:]", declared, re.MULTILINE)
    made = (_CLIENT / module).read_text(encoding="utf-8").split(f"export class {kind} ")[1].split("\n}\n")[0]
    there = re.findall(r"^  (?:get |set |async )?(\w+)(?:\(| =)|^    this\.(\w+) =", made, re.MULTILINE)
    assert promised and set(promised) <= {name for pair in there for name in pair}


def test_events_are_those_of_the_types() -> None:
    """Whoever listens for an event of the types hears it, and none is told that they lack."""
    types = (_CLIENT / "index.d.ts").read_text(encoding="utf-8")
    declared = types.split("export interface CallEvents {")[1].split("\n}")[0]
    call = (_CLIENT / "call.js").read_text(encoding="utf-8")
    told = set(re.findall(r'emitter\.emit\("(\w+)"', call))
    passed_on = call.split("case FromServer.GRAPH:")[1].split("this.#emitter.emit(message.type")[0]
    told |= {"graph", *(name.lower() for name in re.findall(r"FromServer\.(\w+)", passed_on))}
    assert told == set(re.findall(r"^  (\w+):", declared, re.MULTILINE))


def test_the_package_is_whole() -> None:
    """The version of the server that it goes with, the licence's text, every path that it names; and a bare import of
    it keeps the element, which bundlers leave out where its modules are said to do nothing by themselves."""
    package = json.loads((_CLIENT / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == livegraph.__version__
    assert (_CLIENT / "LICENSE").read_text() == (_CLIENT.parent / "LICENSE").read_text()
    ways = [
        way
        for each in package["exports"].values()
        for way in ([each] if isinstance(each, str) else each.values())
    ]
    for way in [*ways, *package["sideEffects"], package["main"], package["types"]]:
        name = way.removeprefix("./")
        assert (_CLIENT / name).is_file()
        assert name == "package.json" or any(fnmatch(name, each) for each in package["files"])
    assert {"./index.js", "./element.js"} <= set(package["sideEffects"])


def test_every_problem_and_label_has_words_in_every_language() -> None:
    """The same keys, and the same places for values, in each."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node on this machine: the words are not compared")
    script = """
        const { speak, words, languages } = await import(process.argv[1]);
        const shape = (value) => Array.isArray(value) ? value.length
          : typeof value === "string" ? [...value.matchAll(/\\{\\w+\\}/g)].map(String).sort()
          : Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shape(each)]));
        const all = languages().map((tag) => { speak(tag); return JSON.stringify(shape(words())); });
        if (all.length < 3 || new Set(all).size !== 1) throw new Error("the languages differ: " + all.join("\\n"));
    """
    command = [node, "--input-type=module", "-e", script, (_CLIENT / "words.js").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_codes_of_problems_are_the_same_in_words_kinds_and_types() -> None:
    """A code without words would be a fault where a person needs help."""
    kinds = set(
        re.findall(r"^  (\w+): \{", (_CLIENT / "problems.js").read_text(encoding="utf-8"), re.MULTILINE)
    )
    english = (
        (_CLIENT / "words.js").read_text(encoding="utf-8").split("problems: {")[1].split("},\n    ends")[0]
    )
    types = (
        (_CLIENT / "index.d.ts")
        .read_text(encoding="utf-8")
        .split("export type ProblemCode =")[1]
        .split(";")[0]
    )
    assert (
        kinds
        == set(re.findall(r"^      (\w+): \[", english, re.MULTILINE))
        == set(re.findall(r'"(\w+)"', types))
    )


def test_what_is_left_open_may_be_undefined() -> None:
    """As frameworks give properties that are not set; what is none of the ways to call is named."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node on this machine: no call is made")
    script = """
        globalThis.Audio = class {};
        globalThis.document = { baseURI: "http://localhost/" };
        const { Call } = await import(process.argv[1]);
        const open = ["server", "agent", "inputs", "token", "transport", "iceServers", "tools"];
        new Call(Object.fromEntries(open.map((name) => [name, undefined])));
        try {
          new Call({ transport: "pigeon" });
        } catch (error) {
          console.log(error.name, error.message);
        }
    """
    command = [node, "--input-type=module", "-e", script, (_CLIENT / "index.js").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "TypeError transport is one of auto, webrtc, websocket, not pigeon\n"
