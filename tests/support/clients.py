"""What clients that we did not write are tried on."""

from __future__ import annotations

from livegraph.pipeline import Graph
from livegraph.server.calls import ServedAgent
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut

__all__ = ["echo"]


def echo() -> ServedAgent:
    """An agent that says back what it hears."""
    graph = Graph("echo")
    graph.add("mic", WebRTCIn)
    graph.add("ear", WebRTCOut)
    graph.connect("mic", "ear")
    return ServedAgent("echo", graph.plan(), "Echo", "Says back what you say.", live="no model")
