"""The handbook of the help desk as an MCP server: what stands in a folder of Markdown files, to be read only.

    python -m livegraph.configs.helpdesk_files [FOLDER]

Needs the extra `mcp`. Spoken to over stdin and stdout; FOLDER is the handbook that ships along where none is given.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

__all__ = ["serve"]

_MOST_CHARACTERS = 4_000


def serve(folder: Path) -> MCPServer:
    """A server of the files in ``folder``, and of nothing below or beside it."""
    server = MCPServer("handbook")

    def pages() -> dict[str, Path]:
        return {file.stem: file for file in sorted(folder.glob("*.md")) if file.is_file()}

    @server.tool()
    def list_pages() -> list[str]:
        """The names of the handbook's pages."""
        return list(pages())

    @server.tool()
    def read_page(name: str) -> str:
        """Read a page of the handbook by its name."""
        # Looked up, not joined to the folder: no name leads outside.
        file = pages().get(name.removesuffix(".md"))
        if file is None:
            raise ToolError(f"there is no page of that name; there are {', '.join(pages())}")
        return file.read_text("utf-8")[:_MOST_CHARACTERS]

    return server


if __name__ == "__main__":
    serve(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "handbook").run()
