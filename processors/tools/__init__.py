"""Tools: functions that the model may call, from Python files and services to the router that answers it."""

from ...pipeline.frames import Media
from .context import ToolContext
from .errors import ToolError
from .function import tool
from .results import media_from_file
from .settings import Cached, Filler, Who
from .spoken import Said
from .transfer import TransferDesk

__all__ = [
    "Cached",
    "Filler",
    "Media",
    "Said",
    "ToolContext",
    "ToolError",
    "TransferDesk",
    "Who",
    "media_from_file",
    "tool",
]
