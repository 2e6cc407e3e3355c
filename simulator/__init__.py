"""A local server that speaks the Live API: agents run, hear and answer with no key and no network.

The names below load their modules when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .brain_file import BrainError, load_brain, parse_brain
    from .brain_script import Script
    from .recording import WireEvent, WireLog
    from .scenario import Scenario
    from .scenario_file import ScenarioError, load_scenario, parse_scenario
    from .server import LocalConnector, Simulator

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

_HOMES = {
    "BrainError": "brain_file",
    "load_brain": "brain_file",
    "parse_brain": "brain_file",
    "Script": "brain_script",
    "WireEvent": "recording",
    "WireLog": "recording",
    "Scenario": "scenario",
    "ScenarioError": "scenario_file",
    "load_scenario": "scenario_file",
    "parse_scenario": "scenario_file",
    "LocalConnector": "server",
    "Simulator": "server",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
