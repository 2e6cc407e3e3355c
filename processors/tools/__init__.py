"""Tools: functions that the model may call, from Python files to the router that answers it."""

from ...pipeline.frames import Media
from .function import ToolError, tool
from .results import media_from_file

__all__ = ["Media", "ToolError", "media_from_file", "tool"]
