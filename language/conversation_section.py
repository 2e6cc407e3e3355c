"""The section ``conversation`` of an agent file: its manners, with every fault at its place.

Codes: LG109 said here and elsewhere as well; those of ``convert`` for its values, and of ``call_texts`` for its texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..pipeline.convert import Steps, convert_group
from ..pipeline.graph.graph import Graph
from ..pipeline.graph.inputs import InputSpec
from ..pipeline.turns.conversation_policy import ConversationPolicy
from .call_texts import call_text
from .form_checks import Shape

__all__ = ["read_conversation", "said_elsewhere"]

_SECTION = "conversation"
_TEXTS = (
    ("opening", "greeting"),
    ("idle", None, "say"),
    ("limits", "warning"),
    ("ending", "say"),
    ("outbound", "message"),
)
"""What is said to the caller, and may hold what the caller brought along; ``None`` stands for each of a list."""


def read_conversation(
    value: Any, inputs: Mapping[str, InputSpec], shape: Shape
) -> tuple[ConversationPolicy | None, dict[Steps, set[str]]]:
    """The policy, unless it is at fault, and the inputs that each of its texts uses."""
    used: dict[Steps, set[str]] = {}
    given = value
    for pattern in _TEXTS:
        given = _with_texts(given, pattern, (_SECTION,), inputs, shape, used)
    policy, problems = convert_group(ConversationPolicy, given, path=(_SECTION,), label=_SECTION)
    shape.problems += problems
    return policy, used


def said_elsewhere(policy: ConversationPolicy, graph: Graph, top: Mapping[str, Any], shape: Shape) -> None:
    """Complain of what the section says and another place of the file as well."""
    if policy.opening.greeting:
        greeting = next((node for node in graph.nodes.values() if node.options.get("greeting")), None)
        if greeting is not None:
            hint = f"keep one of the two: `{greeting.name}` has a greeting as well"
            path = (_SECTION, "opening", "greeting")
            shape.fault("LG109", "the greeting is said twice", path, hint, key=True)
    turns = top.get("turns")
    if policy.interruptions.confirm_ns is not None and isinstance(turns, dict) and "confirm" in turns:
        hint = "keep one of the two: `turns` has it as well"
        path = (_SECTION, "interruptions", "confirm")
        shape.fault("LG109", "`confirm` is said twice", path, hint, key=True)


def _with_texts(
    value: Any,
    pattern: tuple[str | None, ...],
    path: Steps,
    inputs: Mapping[str, InputSpec],
    shape: Shape,
    used: dict[Steps, set[str]],
) -> Any:
    """``value`` whose texts at ``pattern`` are marked where they use inputs."""
    if not pattern:
        text = call_text(value, inputs, path, shape)
        used[path] = set(text.names() if text is not None else ())
        return value if text is None else text
    step, rest = pattern[0], pattern[1:]
    if step is None and isinstance(value, list):
        return [
            _with_texts(item, rest, (*path, index), inputs, shape, used) for index, item in enumerate(value)
        ]
    if isinstance(step, str) and isinstance(value, dict) and step in value:
        return value | {step: _with_texts(value[step], rest, (*path, step), inputs, shape, used)}
    return value
