"""The engine: frames, ports, processors, graphs, plans, calls, turns, events, and the clock.

Knows no codec, no network, no model and no YAML. The names below are what programs use, all of them described in
``docs/api.md``; what a module beneath has besides is the engine's own affair.
"""

from .clock import Clock, SystemClock, VirtualClock, VirtualDeadlockError, clock_of_loop, run_virtual
from .errors import (
    ConfigError,
    LivegraphError,
    NotFoundError,
    Problem,
    ProcessorError,
    ServiceError,
    StalledError,
    StartError,
    TransportError,
)
from .events import (
    CallEnded,
    CallStarted,
    EdgeStalled,
    Event,
    EventBus,
    Interrupted,
    NodeFailed,
    NodeSlow,
    ServiceChanged,
    SpeechChanged,
    StateChanged,
    ToolCalled,
    ToolCancelled,
    ToolFinished,
    Transcript,
    Tuned,
    Usage,
)
from .formats import AudioFormat
from .frames import (
    AudioFrame,
    DtmfFrame,
    EndFrame,
    Frame,
    InterruptFrame,
    Marker,
    Media,
    MessageFrame,
    SpeechEndFrame,
    SpeechStartFrame,
    TextFrame,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
    TranscriptFrame,
    Turn,
    TurnEndFrame,
    TurnStartFrame,
    UsageFrame,
    VideoFrame,
)
from .functions import processor
from .graph.graph import Graph
from .graph.plan import Plan
from .graph.registry import register
from .graph.subgraph import SubGraph
from .options import (
    CallFile,
    Deprecated,
    Doc,
    Duration,
    Hertz,
    Live,
    ModuleRef,
    PerCall,
    Range,
    Renamed,
    Secret,
)
from .policy import Policy
from .ports import EdgeEnd, FromOption, In, Ins, Out, Outs, Room
from .processor import Emitted, OptionFault, Processor
from .running.call import Call
from .running.call_log import LogPolicy
from .running.changing import CallChange
from .running.context import CallContext
from .running.edges import EdgeStats
from .running.limits import CallLimits
from .running.offload import OffloadError
from .running.taps import Tap
from .turns.controller import TurnPolicy, TurnState
from .turns.conversation import Conversation, Playout
from .units import MS, SECOND, US, DurationLike, ms, seconds

__all__ = [
    "MS",
    "SECOND",
    "US",
    "AudioFormat",
    "AudioFrame",
    "Call",
    "CallChange",
    "CallContext",
    "CallEnded",
    "CallFile",
    "CallLimits",
    "CallStarted",
    "Clock",
    "ConfigError",
    "Conversation",
    "Deprecated",
    "Doc",
    "DtmfFrame",
    "Duration",
    "DurationLike",
    "EdgeEnd",
    "EdgeStalled",
    "EdgeStats",
    "Emitted",
    "EndFrame",
    "Event",
    "EventBus",
    "Frame",
    "FromOption",
    "Graph",
    "Hertz",
    "In",
    "Ins",
    "InterruptFrame",
    "Interrupted",
    "Live",
    "LivegraphError",
    "LogPolicy",
    "Marker",
    "Media",
    "MessageFrame",
    "ModuleRef",
    "NodeFailed",
    "NodeSlow",
    "NotFoundError",
    "OffloadError",
    "OptionFault",
    "Out",
    "Outs",
    "PerCall",
    "Plan",
    "Playout",
    "Policy",
    "Problem",
    "Processor",
    "ProcessorError",
    "Range",
    "Renamed",
    "Room",
    "Secret",
    "ServiceChanged",
    "ServiceError",
    "SpeechChanged",
    "SpeechEndFrame",
    "SpeechStartFrame",
    "StalledError",
    "StartError",
    "StateChanged",
    "SubGraph",
    "SystemClock",
    "Tap",
    "TextFrame",
    "ToolCallFrame",
    "ToolCalled",
    "ToolCancelFrame",
    "ToolCancelled",
    "ToolFinished",
    "ToolResultFrame",
    "Transcript",
    "TranscriptFrame",
    "TransportError",
    "Tuned",
    "Turn",
    "TurnEndFrame",
    "TurnPolicy",
    "TurnStartFrame",
    "TurnState",
    "Usage",
    "UsageFrame",
    "VideoFrame",
    "VirtualClock",
    "VirtualDeadlockError",
    "clock_of_loop",
    "ms",
    "processor",
    "register",
    "run_virtual",
    "seconds",
]
