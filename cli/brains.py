"""The simulator's scripts that agent files name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..pipeline.config import Diagnostic, Span
from ..pipeline.errors import ConfigError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from ..pipeline.config import Agent
    from ..simulator.brain_script import Script

__all__ = ["brain_faults", "brain_of", "read_brain"]

_KEYS = ("brain",)


def brain_of(agent: Agent) -> Script | None:
    """The script of an agent's ``simulator:`` section, ``None`` for the simulator's own.

    Raises ``ConfigError`` with every fault, rendered.
    """
    from ..pipeline.config import render

    faults = brain_faults(agent)
    if faults:
        raise ConfigError([fault.problem for fault in faults], render(faults))
    brain = agent.simulator.get("brain")
    return None if brain is None else read_brain(brain)


def brain_faults(agent: Agent) -> list[Diagnostic]:
    """What is wrong with the ``simulator:`` section, and with the script that it names."""
    from ..pipeline.spelling import did_you_mean
    from ..simulator.brain import BrainError

    found: list[Diagnostic] = []
    for key in agent.simulator:
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS, label="keys")
            problem = Problem(
                "LG160", f"unknown key `{key}` below `simulator`", ("simulator", key), hint=hint
            )
            found.append(Diagnostic(str(agent.source or agent.name), _TOP, problem))
    brain = agent.simulator.get("brain")
    if brain is not None:
        try:
            read_brain(brain)
        except BrainError as error:
            for fault in error.faults:
                span = Span(fault.line, fault.column, fault.line, fault.column + 1)
                found.append(Diagnostic(fault.file, span, Problem("LG161", fault.message)))
    return found


_TOP = Span(1, 1, 1, 2)


def read_brain(path: Path) -> Script:
    """The script of a file. Raises ``BrainError`` for a faulty one and for one that cannot be read."""
    from ..simulator.brain import BrainError, load_brain
    from ..simulator.brain_file import Fault

    try:
        return load_brain(path)
    except OSError as error:
        raise BrainError([Fault(str(path), 1, 1, f"cannot be read: {error.strerror}")]) from None
