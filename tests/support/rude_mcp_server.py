"""An MCP server for tests that misbehaves as its first argument says."""

import os
import sys
import time

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

how = sys.argv[1]
if how == "slow":
    time.sleep(1.5)
if how == "dies":
    sys.exit(3)
server = MCPServer("rude")


@server.tool()
def rubbish() -> str:
    """Print what is no message."""
    os.write(1, b'DEBUG: loading\n{"jsonrpc": \n\xff\xfe\n\n[]\n')
    return "after the rubbish"


@server.tool()
def flood() -> str:
    """Give far too much."""
    return "word " * 1_000_000


@server.tool()
def half() -> str:
    """End in the middle of an answer."""
    os.write(1, b'{"jsonrpc": "2.0", "id": 1, "resu')
    os._exit(4)


@server.tool()
def leak() -> str:
    """Tell a key."""
    raise ToolError(f"no such key {os.environ['RUDE_KEY']}")


@server.tool()
def hang() -> str:
    """Never answer."""
    time.sleep(30)
    return "late"


if __name__ == "__main__":
    if how == "shouts":
        os.write(1, b"Welcome to the rude server!\n")
    if how == "version":
        # Whatever is asked: an answer of a version that nobody knows.
        for line in sys.stdin:
            import json

            asked = json.loads(line)
            if "id" in asked:
                told = {
                    "protocolVersion": "1999-01-01",
                    "capabilities": {},
                    "serverInfo": {"name": "x", "version": "1"},
                }
                print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": told}), flush=True)
    server.run()
