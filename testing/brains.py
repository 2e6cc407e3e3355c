"""The simulator's scripts that agent files name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..language import Diagnostic, Span
from ..pipeline.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..language import Agent
    from ..simulator.brain_script import Script

__all__ = ["brain_faults", "brain_of", "read_brain", "script_file_faults"]


def brain_of(agent: Agent) -> Script | None:
    """The script of an agent's ``simulator:`` section, ``None`` for the simulator's own.

    Raises ``ConfigError`` with every fault, rendered.
    """
    from ..language import render

    faults = brain_faults(agent.simulator)
    if faults:
        raise ConfigError([fault.problem for fault in faults], render(faults))
    brain = agent.simulator.get("brain")
    return None if brain is None else read_brain(brain)


def brain_faults(simulator: Mapping[str, Any]) -> list[Diagnostic]:
    """What is wrong with the script that the section ``simulator`` of an agent names."""
    brain = simulator.get("brain")
    # One that does not exist was reported by the line that names it.
    return script_file_faults(brain, "brain") if isinstance(brain, Path) and brain.is_file() else []


def script_file_faults(path: Path, kind: Literal["brain", "scenario"]) -> list[Diagnostic]:
    """What is wrong with a file that the simulator plays by, and with the brain that a scenario names."""
    from ..simulator.scenario_file import load_scenario
    from ..simulator.yaml_reader import Fault, ScriptError

    faults: tuple[Fault, ...] = ()
    try:
        (load_scenario if kind == "scenario" else read_brain)(path)
    except ScriptError as error:
        faults = error.faults
    except OSError as error:
        faults = (Fault(str(path), 1, 1, f"cannot be read: {error.strerror}"),)
    return [
        Diagnostic(
            fault.file,
            Span(fault.line, fault.column, fault.line, fault.column + 1),
            Problem("LG161", fault.message),
            _line(Path(fault.file), fault.line),
        )
        for fault in faults
    ]


def _line(path: Path, number: int) -> str:
    """A line of the script; empty where it cannot be read."""
    try:
        return dict(enumerate(path.read_text("utf-8").splitlines(), 1)).get(number, "")
    except (OSError, UnicodeDecodeError):
        return ""


def read_brain(path: Path) -> Script:
    """The script of a file. Raises ``BrainError`` for a faulty one and for one that cannot be read."""
    from ..simulator.brain import BrainError, load_brain
    from ..simulator.brain_file import Fault

    try:
        return load_brain(path)
    except OSError as error:
        raise BrainError([Fault(str(path), 1, 1, f"cannot be read: {error.strerror}")]) from None
