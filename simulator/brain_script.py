"""What a brain is told beforehand, as data: `brain_file` reads it from YAML."""

from __future__ import annotations

from dataclasses import dataclass, field

from .brain_patterns import Pattern
from .brain_reply import Template

__all__ = ["Ask", "Call", "Rule", "Script"]


@dataclass(frozen=True, slots=True)
class Ask:
    """A question for a slot that no pattern filled."""

    slot: str
    kind: str
    say: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to call. Without `args` they are taken from the utterance by their kinds."""

    tool: str
    args: dict[str, object] | None
    """Templates and constants."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do when one of the patterns matches."""

    id: str
    patterns: tuple[Pattern, ...]
    say: tuple[Template, ...] = ()
    ask: tuple[Ask, ...] = ()
    call: Call | None = None
    say_result: tuple[Template, ...] = ()
    say_error: tuple[Template, ...] = ()
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """All that a brain is told beforehand."""

    greeting: tuple[Template, ...]
    fallback: tuple[Template, ...]
    cancelled: tuple[Template, ...]
    use_tools: bool = True
    rules: tuple[Rule, ...] = ()
    otherwise: tuple[Rule, ...] = ()
    by_id: dict[str, Rule] = field(default_factory=dict, repr=False)
