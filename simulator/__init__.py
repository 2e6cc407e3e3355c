"""A local server that speaks the Live API: agents run, hear and answer with no key and no network.

The names below load their modules when they are first used.
"""

from typing import TYPE_CHECKING

from .._lazy import when_used

if TYPE_CHECKING:
    from .brain_file import BrainError, load_brain, parse_brain
    from .brain_script import Script
    from .recording import WireEvent, WireLog
    from .scenario import Scenario
    from .scenario_file import ScenarioError, load_scenario, parse_scenario
    from .server import LocalConnector, Simulator
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "brain_file": ("BrainError", "load_brain", "parse_brain"),
            "brain_script": ("Script",),
            "recording": ("WireEvent", "WireLog"),
            "scenario": ("Scenario",),
            "scenario_file": ("ScenarioError", "load_scenario", "parse_scenario"),
            "server": ("LocalConnector", "Simulator"),
        },
    )

__all__ = [
    "BrainError",
    "LocalConnector",
    "Scenario",
    "ScenarioError",
    "Script",
    "Simulator",
    "WireEvent",
    "WireLog",
    "load_brain",
    "load_scenario",
    "parse_brain",
    "parse_scenario",
]
