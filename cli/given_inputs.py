"""``--input NAME=VALUE``: what a caller brings along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exits import Exit, Fault

if TYPE_CHECKING:
    from ..language import Agent

__all__ = ["InputOption", "given_inputs"]

InputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input", metavar="NAME=VALUE", help="What the caller brings along, for the agent's `inputs`."
    ),
]


def given_inputs(written: Sequence[str], agent: Agent) -> dict[str, Any]:
    """The values of ``--input``, of the types that the agent declares. Raises ``Fault`` with all that is wrong."""
    from ..pipeline.graph.inputs import input_values

    pairs = [text.partition("=") for text in written]
    for name, sign, _ in pairs:
        if not sign or not name.strip():
            raise Fault(f"--input {name}: this is no value", "write --input caller=Ada", Exit.USAGE)
    values, problems = input_values(
        agent.inputs, {name.strip(): value for name, _, value in pairs}, from_text=True
    )
    if problems:
        told = [f"{problem.message}" + (f" ({problem.hint})" if problem.hint else "") for problem in problems]
        raise Fault("; ".join(told), "give it with --input NAME=VALUE", Exit.USAGE)
    return values
