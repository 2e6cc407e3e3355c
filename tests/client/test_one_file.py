"""``/client.js``: the library's modules as one file, without a bundler, and without a difference."""

import re
import shutil
import subprocess
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
