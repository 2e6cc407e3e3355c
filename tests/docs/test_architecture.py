"""What `docs/architecture.md` names is there: files, and what is said to happen in them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
PACKAGES = (
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
FILES = sorted(set(re.findall(r"`((?:\w+/)*\w+\.(?:py|js|yaml))`", TEXT)))
METHODS = sorted(set(re.findall(r"`([A-Z]\w+\.\w+)`", TEXT)))


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_named_exists(name: str) -> None:
    """By its whole path; or, after a folder was named in the same paragraph, by its name there."""
    if "/" in name:
        assert (ROOT / name).is_file()
        return
    paragraph = next(part for part in TEXT.split("\n\n") if f"`{name}`" in part)
    folders = re.findall(r"`((?:\w+/)+)(?:\w+\.py)?`", paragraph)
    assert any((ROOT / folder / name).is_file() for folder in folders), folders


@pytest.mark.parametrize("name", METHODS)
def test_a_method_that_is_named_exists(name: str) -> None:
    owner, method = name.split(".")
    sources = [path.read_text("utf-8") for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    homes = [source for source in sources if re.search(rf"^class {owner}\b", source, re.MULTILINE)]
    assert any(re.search(rf"\bdef {method}\b|^    {method}: ", home, re.MULTILINE) for home in homes), len(
        homes
    )
