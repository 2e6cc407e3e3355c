"""Tools of MCP servers, by the official package (extra ``mcp``)."""
