"""The engine: frames, ports, processors, edges, graph, check, plan, call, turns, clock, events.

Knows no codec, no network and no model. The names below are what programs use; YAML lives in
``livegraph.language``.
"""

from .clock import Clock, SystemClock, VirtualClock, VirtualDeadlockError, clock_of_loop, run_virtual
from .errors import (
    ConfigError,
    LivegraphError,
    Problem,
    ProcessorError,
    ServiceError,
    StalledError,
    StartError,
    TransportError,
)
from .events import Event, EventBus
from .formats import AudioFormat
from .frames import (
    AudioFrame,
    EndFrame,
    Frame,
    InterruptFrame,
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
from .graph.check import CheckResult, check
from .graph.graph import Graph
from .graph.plan import Plan, make_plan
from .graph.specs import EdgeSpec, NodeSpec
from .graph.subgraph import SubGraph
from .options import Deprecated, Doc, Duration, Hertz, Live, ModuleRef, PerCall, Range, Renamed, Secret
from .policy import Policy
from .ports import FromOption, In, Out
from .processor import OptionFault, Processor, processor
from .running.call import Call
from .running.call_log import LogPolicy
from .running.context import CallContext
from .running.edges import EdgeStats
from .running.limits import CallLimits
from .turns.controller import TurnController, TurnPolicy, TurnState
from .turns.conversation import Conversation, Playout
from .units import MS, SECOND, US, ms, seconds

__all__ = [
    "MS",
    "SECOND",
    "US",
    "AudioFormat",
    "AudioFrame",
    "Call",
    "CallContext",
    "CallLimits",
    "CheckResult",
    "Clock",
    "ConfigError",
    "Conversation",
    "Deprecated",
    "Doc",
    "Duration",
    "EdgeSpec",
    "EdgeStats",
    "EndFrame",
    "Event",
    "EventBus",
    "Frame",
    "FromOption",
    "Graph",
    "Hertz",
    "In",
    "InterruptFrame",
    "Live",
    "LivegraphError",
    "LogPolicy",
    "MessageFrame",
    "ModuleRef",
    "NodeSpec",
    "OptionFault",
    "Out",
    "PerCall",
    "Plan",
    "Playout",
    "Policy",
    "Problem",
    "Processor",
    "ProcessorError",
    "Range",
    "Renamed",
    "Secret",
    "ServiceError",
    "SpeechEndFrame",
    "SpeechStartFrame",
    "StalledError",
    "StartError",
    "SubGraph",
    "SystemClock",
    "TextFrame",
    "ToolCallFrame",
    "ToolCancelFrame",
    "ToolResultFrame",
    "TranscriptFrame",
    "TransportError",
    "Turn",
    "TurnController",
    "TurnEndFrame",
    "TurnPolicy",
    "TurnStartFrame",
    "TurnState",
    "UsageFrame",
    "VideoFrame",
    "VirtualClock",
    "VirtualDeadlockError",
    "check",
    "clock_of_loop",
    "make_plan",
    "ms",
    "processor",
    "run_virtual",
    "seconds",
]
