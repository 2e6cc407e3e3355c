"""livegraph: voice agents as graphs.

The names below are what most programs begin with; each loads its module when it is first used::

    import livegraph as lg

    graph = lg.Graph()
    mic, gate = graph.add(AppIn, rate=16_000), graph.add(VadGate)

All others are where they belong: ``livegraph.pipeline`` (the engine), ``livegraph.processors`` and
``livegraph.transports`` (boxes), ``livegraph.language`` (agent files), ``livegraph.testing``, ``livegraph.audio``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

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

_ELSEWHERE = {"load_agent": "language", "tool": "processors.tools"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_ELSEWHERE.get(name, 'pipeline')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
