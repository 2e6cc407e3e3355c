"""Every code has a page with a wrong and a right example, and both are what they say."""

import contextlib
import re
from pathlib import Path

import pytest

from livegraph.cli.examining import Checked, examine
from livegraph.language.codes import Code, catalogue, page, page_name
from livegraph.pipeline.errors import ConfigError
from support.agent_files import UPDATE, checked, codes_of, rendered

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = (
    "pipeline",
    "audio",
    "liveapi",
    "language",
    "processors",
    "transports",
    "simulator",
    "testing",
    "server",
    "cli",
)
_CODES = list(catalogue().values())
_IDS = list(catalogue())


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def _codes(code: Code, example: str, folder: Path) -> list[str]:
    if code.language == "yaml":
        return codes_of(checked(example, folder, code.files, env=code.env))
    if code.language == "shell":
        return codes_of(_of_command(code, example, folder))
    try:
        exec(compile(example, code.code, "exec"), {"__name__": "__main__"})
    except ConfigError as error:
        return [problem.code for problem in error.problems]
    return []


@pytest.mark.parametrize("code", _CODES, ids=_IDS)
def test_the_wrong_example_gets_exactly_this_code(code: Code, tmp_path: Path) -> None:
    assert _codes(code, code.wrong, tmp_path) == [code.code]


@pytest.mark.parametrize("code", _CODES, ids=_IDS)
def test_the_right_example_has_no_fault(code: Code, tmp_path: Path) -> None:
    assert _codes(code, code.right, tmp_path) == []


@pytest.mark.parametrize("code", _CODES, ids=_IDS)
def test_the_page_is_current(code: Code, tmp_path: Path) -> None:
    """It shows what is really said. `LIVEGRAPH_UPDATE=1 pytest tests/docs` writes the pages anew."""
    said = ""
    if code.language == "yaml":
        said = rendered(checked(code.wrong, tmp_path, code.files, env=code.env), tmp_path)
    elif code.language == "shell":
        said = rendered(_of_command(code, code.wrong, tmp_path), tmp_path)
    _is_current(_ROOT / page_name(code.code), page(code, said))


def _of_command(code: Code, command: str, folder: Path) -> Checked:
    for name, content in code.files.items():
        (folder / name).write_text(content, "utf-8")
    with contextlib.chdir(folder):
        return examine(command.split()[-1])


def test_the_index_is_current() -> None:
    lines = [
        "# What `livegraph check` says",
        "",
        "Each fault has a code, and each code a page. `livegraph check --explain LG201` prints one.",
        "",
        "| code | meaning |",
        "| --- | --- |",
        *(f"| [{code.code}]({code.code}.md) | {code.title} |" for code in _CODES),
    ]
    _is_current(_ROOT / "docs/errors/README.md", "\n".join(lines) + "\n")


def test_no_page_is_left_of_a_code_that_is_gone() -> None:
    pages = {path.stem for path in (_ROOT / "docs/errors").glob("LG*.md")}
    assert pages == set(catalogue())


def test_every_code_of_the_program_is_in_the_catalogue_and_no_other() -> None:
    used: set[str] = set()
    for package in _PACKAGES:
        for module in (_ROOT / package).rglob("*.py"):
            # What a docstring tells of is no use of it.
            used |= set(re.findall(r"[\"'](LG\d{3})[\"']", module.read_text("utf-8")))
    used.discard("LG100")  # the first that is no fault of the text, for comparisons
    used.discard("LG300")
    assert used == set(catalogue())


def _is_current(path: Path, text: str) -> None:
    if UPDATE:
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text, (
        f"{path.name} is not current: LIVEGRAPH_UPDATE=1 pytest tests/docs"
    )
