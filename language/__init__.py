"""Agent files: YAML in three lengths to a checked graph, with every fault at its line.

::

    agent = load_agent("agent.yaml")            # or ConfigError, rendered
    report = check_file("agent.yaml")           # diagnostics, warnings and the agent if there is one
    print(render(report.diagnostics))
"""

from .diagnostics import Diagnostic, Span
from .layers import Layers
from .load import check_file, check_text, load_agent, load_agents, parse_agent
from .render import Paint, Role, render, render_one, summary, to_data
from .report import Agent, Report

__all__ = [
    "Agent",
    "Diagnostic",
    "Layers",
    "Paint",
    "Report",
    "Role",
    "Span",
    "check_file",
    "check_text",
    "load_agent",
    "load_agents",
    "parse_agent",
    "render",
    "render_one",
    "summary",
    "to_data",
]
