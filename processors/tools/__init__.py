"""Tools: functions that the model may call, from Python files to the router that answers it."""

from .function import ToolError, tool

__all__ = ["ToolError", "tool"]
