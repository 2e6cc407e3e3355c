"""An MCP server, by the official package, that lets a model look for and read the files of one folder.

    python files_server.py ./folder

Files are named from the folder on; what lies outside of it is not read, by whatever name or link. Texts and pictures
are given, in pieces where they are long; everything else is only listed. Needs `pip install 'livegraph[mcp]'`.
"""

from __future__ import annotations

import mimetypes
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

__all__ = ["make_server"]

_MOST_FILES = 500
_MOST_FOUND = 5
_MOST_TEXT = 8_000
"""Characters of a file that are given at once."""
_MOST_SEARCHED = 1_000_000
"""A larger file is not searched."""
_MOST_PICTURE = 4_000_000
_PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif")


class Folder:
    """The files below ``root``, and nothing else. Hidden ones are none."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve(strict=True)

    def inside(self, name: str) -> Path:
        """The path of ``name``. Raises ``ToolError`` for what lies elsewhere."""
        if "\0" in name:
            raise ToolError("a name cannot hold that")
        try:
            path = (self._root / name.strip().lstrip("/\\")).resolve()
        except (OSError, RuntimeError):
            raise ToolError(f"there is no file {name[:100]!r}") from None
        hidden = path.is_relative_to(self._root) and self._hidden(path)
        if not path.is_relative_to(self._root) or hidden:
            raise ToolError(f"{name[:100]!r} is not in the folder: ask for the list of files")
        return path

    def files(self, below: str = "") -> Iterator[Path]:
        """All of them, sorted by name."""
        start = self.inside(below)
        if not start.is_dir():
            raise ToolError(f"there is no folder {below[:100]!r}")
        for path in sorted(start.rglob("*")):
            # A link that leads out of the folder is not followed.
            if path.is_file() and path.resolve().is_relative_to(self._root) and not self._hidden(path):
                yield path

    def name(self, path: Path) -> str:
        """How the model calls it."""
        return path.relative_to(self._root).as_posix()

    def _hidden(self, path: Path) -> bool:
        return any(part.startswith(".") for part in path.relative_to(self._root).parts)


def make_server(root: Path) -> MCPServer:
    """The server for one folder. Raises ``OSError`` when there is none."""
    folder = Folder(root)
    server = MCPServer("files")

    @server.tool()
    def list_files(
        folder_name: Annotated[str, Field(description="a folder below; empty for all files")] = "",
    ) -> list[str]:
        """List the files by name."""
        found = [folder.name(path) for path in folder.files(folder_name)]
        return [*found[:_MOST_FILES], *(["and more"] if len(found) > _MOST_FILES else [])]

    @server.tool()
    def search_files(words: Annotated[str, Field(description="what to look for, a few words")]) -> list[str]:
        """Look for words in all files; gives the best places, each with the name of its file."""
        wanted = set(_words(words))
        if not wanted:
            raise ToolError("say which words to look for")
        found = [
            (_score(wanted, text, path), folder.name(path), text)
            for path in folder.files()
            if (text := _text(path, _MOST_SEARCHED)) is not None
        ]
        best = sorted((one for one in found if one[0]), key=lambda one: (-one[0], one[1]))[:_MOST_FOUND]
        return [f"{name}: {_place(wanted, text)}" for _, name, text in best]

    @server.tool(structured_output=False)
    def read_file(
        name: Annotated[str, Field(description="its name, as the list has it")],
        begin: Annotated[int, Field(ge=0, description="the character to begin at, for what is longer")] = 0,
    ) -> str | Image:
        """Read a file: its text, or the picture that it is."""
        path = folder.inside(name)
        if not path.is_file():
            raise ToolError(f"there is no file {name[:100]!r}: ask for the list of files")
        kind = mimetypes.guess_type(path.name)[0] or ""
        if kind in _PICTURES:
            if path.stat().st_size > _MOST_PICTURE:
                raise ToolError("the picture is too large")
            return Image(data=path.read_bytes(), format=kind.partition("/")[2])
        text = _text(path, 20 * _MOST_SEARCHED)
        if text is None:
            raise ToolError(f"{name[:100]} is no text")
        piece = text[begin : begin + _MOST_TEXT]
        left = len(text) - begin - len(piece)
        return f"{piece}\n[{left} more characters: begin at {begin + len(piece)}]" if left > 0 else piece

    return server


def _text(path: Path, most_bytes: int) -> str | None:
    """The text of a file; ``None`` for one that is too large or none."""
    try:
        if path.stat().st_size > most_bytes:
            return None
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return None if "\0" in text else text


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text.casefold()) if len(word) > 2]


def _score(wanted: set[str], text: str, path: Path) -> int:
    """How many of the words it has; one in its name counts twice."""
    return len(wanted & set(_words(text))) + len(wanted & set(_words(path.stem)))


def _place(wanted: set[str], text: str) -> str:
    """The paragraph with most of the words, at most 1,000 characters."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    best = max(range(len(paragraphs)), key=lambda at: len(wanted & set(_words(paragraphs[at]))), default=0)
    if paragraphs and paragraphs[best].startswith("#") and best + 1 < len(paragraphs):
        # A heading alone says nothing, and the name of the file says the same.
        best += 1
    return paragraphs[best][:1_000] if paragraphs else ""


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("say which folder: python files_server.py ./folder")
    make_server(Path(sys.argv[1])).run()
