"""livegraph: voice agents as graphs.

The names below are what most programs begin with; each loads its module when it is first used::

    import livegraph as lg

    graph = lg.Graph()
    mic, gate = graph.add(AppIn, rate=16_000), graph.add(VadGate)

All others are where they belong: ``livegraph.pipeline`` (the engine), ``livegraph.processors`` and
``livegraph.transports`` (boxes), ``livegraph.language`` (agent files), ``livegraph.testing``, ``livegraph.audio``.
"""

from typing import TYPE_CHECKING

from ._lazy import when_used

if TYPE_CHECKING:
    from .language import load_agent
    from .pipeline import (
        AudioFrame,
        ConfigError,
        Frame,
        Graph,
        In,
        Out,
        Processor,
        SubGraph,
        TextFrame,
        ms,
        processor,
        run_virtual,
    )
    from .processors.tools import tool
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "language": ("load_agent",),
            "pipeline": (
                "AudioFrame",
                "ConfigError",
                "Frame",
                "Graph",
                "In",
                "Out",
                "Processor",
                "SubGraph",
                "TextFrame",
                "ms",
                "processor",
                "run_virtual",
            ),
            "processors.tools": ("tool",),
        },
    )

__version__ = "0.1.0"

__all__ = [
    "AudioFrame",
    "ConfigError",
    "Frame",
    "Graph",
    "In",
    "Out",
    "Processor",
    "SubGraph",
    "TextFrame",
    "load_agent",
    "ms",
    "processor",
    "run_virtual",
    "tool",
]
