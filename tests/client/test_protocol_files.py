"""One protocol, written down once: what others read of it is made from its types."""

import os
from pathlib import Path

import pytest

from support.protocol_files import protocol_files


@pytest.mark.parametrize("path", protocol_files(), ids=lambda path: Path(path).name)
def test_what_is_made_from_the_protocol_is_up_to_date(path: Path) -> None:
    """The library's list of messages, its types, the JSON Schema and the page say what the types say."""
    text = protocol_files()[path]
    if os.environ.get("LIVEGRAPH_UPDATE"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "run with LIVEGRAPH_UPDATE=1"
