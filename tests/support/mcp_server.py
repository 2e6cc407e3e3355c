"""An MCP server of the official package for tests: `python mcp_server.py` speaks over stdin, with a port over HTTP."""

import os
import sys
from typing import Annotated

from mcp.server.mcpserver import Context, Elicit, ElicitationResult, Image, MCPServer, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ResourceLink
from pydantic import BaseModel

server = MCPServer("kitchen")
PNG = bytes.fromhex("89504e470d0a1a0a") + bytes(16)


class Size(BaseModel):
    """What is asked of the caller."""

    guests: int


@server.tool()
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def whoami() -> str:
    """Tell the process and its environment."""
    return f"{os.getpid()} {os.environ.get('KITCHEN_KEY', '')}"


@server.tool()
def picture() -> Image:
    """Show the menu."""
    return Image(data=PNG, format="png")


@server.tool()
def recipe() -> ResourceLink:
    """Name a recipe."""
    return ResourceLink(uri="kitchen://pie", name="pie")


@server.resource("kitchen://pie")
def pie() -> str:
    """A recipe."""
    return "Apples, and dough."


@server.tool()
def burn() -> str:
    """Fail."""
    raise ToolError("it is burnt")


@server.tool()
def die() -> str:
    """End the process."""
    os._exit(3)


@server.tool()
async def cook(ctx: Context) -> str:
    """Cook, and tell how far it is."""
    await ctx.report_progress(1, 2, "half done")
    return "cooked"


async def how_many() -> Elicit[Size]:
    """Ask the caller."""
    return Elicit("For how many guests?", Size)


@server.tool()
async def reserve(size: Annotated[ElicitationResult[Size], Resolve(how_many)]) -> str:
    """Reserve a table, after asking for how many."""
    return f"reserved for {size.data.guests}" if size.action == "accept" else "not reserved"


@server.tool()
async def reserve_now(ctx: Context) -> str:
    """Reserve a table, and ask while that goes on."""
    answer = await ctx.elicit("For how many guests?", Size)
    return f"reserved for {answer.data.guests}" if answer.action == "accept" else "not reserved"


@server.tool()
async def learn(ctx: Context) -> str:
    """Learn to bake: from then on there is another tool."""

    def bake() -> str:
        """Bake."""
        return "baked"

    server.add_tool(bake)
    await ctx.notify_tools_changed()
    # By the older protocol, to whoever asks in the newer one above.
    await ctx.session.send_tool_list_changed()
    return "learnt"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
