"""What a server and its callers say to each other while a call runs: every message, typed.

It is one protocol on whatever carries it: a data channel, a WebSocket. Each message is a JSON object whose ``type`` is
the tag of a struct here. A type that a side does not know is ignored, and so is a field, so either side may learn new
ones first; ``PROTOCOL_VERSION`` changes when one loses its meaning. The server's first message, ``ready``, tells it.

Another dialect (RTVI, say) is a ``Dialect``: it says the same things in other words.
"""

from ...pipeline.end_reason import EndReason
from .dialect import (
    Dialect,
    Native,
    to_json,
)
from .from_caller import (
    Ask,
    FromCaller,
    HangUp,
    Keys,
    Mute,
    Playout,
    Text,
    ToolAnswer,
    Tune,
    Watch,
    fault_of,
    read_message,
)
from .from_server import (
    Confirmed,
    End,
    Error,
    Flow,
    FromServer,
    Graph,
    Happened,
    Interrupted,
    LineNumbers,
    LiveOption,
    Message,
    Muted,
    Persona,
    Ready,
    Reply,
    RunTool,
    Service,
    Speech,
    State,
    Thought,
    ToolCall,
    ToolCancelled,
    ToolProgress,
    ToolResult,
    Transcript,
    Transfer,
    Usage,
    Waited,
)
from .on_sockets import (
    SocketFromCaller,
    SocketFromServer,
)
from .wire import (
    PROTOCOL_VERSION,
    Json,
)

__all__ = [
    "PROTOCOL_VERSION",
    "Ask",
    "Confirmed",
    "Dialect",
    "End",
    "EndReason",
    "Error",
    "Flow",
    "FromCaller",
    "FromServer",
    "Graph",
    "HangUp",
    "Happened",
    "Interrupted",
    "Json",
    "Keys",
    "LineNumbers",
    "LiveOption",
    "Message",
    "Mute",
    "Muted",
    "Native",
    "Persona",
    "Playout",
    "Ready",
    "Reply",
    "RunTool",
    "Service",
    "SocketFromCaller",
    "SocketFromServer",
    "Speech",
    "State",
    "Text",
    "Thought",
    "ToolAnswer",
    "ToolCall",
    "ToolCancelled",
    "ToolProgress",
    "ToolResult",
    "Transcript",
    "Transfer",
    "Tune",
    "Usage",
    "Waited",
    "Watch",
    "fault_of",
    "read_message",
    "to_json",
]
