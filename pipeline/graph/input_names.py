"""Options that name an input of the agent: it must be declared, and be of the type that is needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..convert import Steps
from ..errors import Problem
from ..options import InputName, option_specs
from ..spelling import did_you_mean
from .declarations import NodeSpec
from .inputs import InputSpec

__all__ = ["input_name_problems", "named_inputs", "unknown_input_names"]


def named_inputs(cls: type, options: Mapping[str, Any]) -> Iterator[tuple[Steps, str, InputName]]:
    """Where in the options of ``cls`` an input is named: its place in them, the name, and what is asked of it."""
    for name, spec in option_specs(cls).items():
        value = options.get(name)
        if spec.input_name is not None and isinstance(value, str) and value:
            yield (name,), value, spec.input_name
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            given = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            for at, found, mark in named_inputs(type(value), given):
                yield (name, *at), found, mark


def input_name_problems(
    name: str, mark: InputName, inputs: Mapping[str, InputSpec], at: Steps
) -> Iterator[Problem]:
    """What is wrong with an input that is named at ``at``."""
    if name not in inputs:
        kind = f"{{type: {mark.type}}}" if mark.type else "{}"
        hint = did_you_mean(name, inputs, label="inputs") or f"declare it: `inputs: {{{name}: {kind}}}`"
        yield Problem("LG171", f"there is no input `{name}`", at, hint=hint)
    elif mark.type and inputs[name].type != mark.type:
        message = f"the input `{name}` is of type {inputs[name].type}, and {mark.type} is needed here"
        yield Problem("LG202", message, at, hint=f"write `type: {mark.type}` where it is declared")


def unknown_input_names(nodes: Iterable[NodeSpec], inputs: Mapping[str, InputSpec]) -> Iterator[Problem]:
    """The same of all nodes of a graph."""
    for node in nodes:
        for at, name, mark in named_inputs(node.processor, node.options):
            yield from input_name_problems(name, mark, inputs, (*node.path, *at))
