"""What tools keep for the length of a call: a dataclass of the program's, or fields that the agent file declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ...pipeline.errors import ConfigError
from ...pipeline.graph.inputs import InputSpec, accept
from ...pipeline.options import MISSING
from ...pipeline.running.context import CallContext

__all__ = ["DeclaredState", "StateKind", "check_state_class", "state_of"]

S = TypeVar("S")

StateKind = type[Any] | Mapping[str, InputSpec]
"""A class that is made without arguments, or declared fields."""

_EMPTY: dict[str, Any] = {"text": "", "integer": 0, "number": 0.0, "boolean": False}


class DeclaredState:
    """State as the agent file declares it; a value of another type is refused where it is set."""

    __slots__ = ("_specs", "_values")

    def __init__(self, specs: Mapping[str, InputSpec]) -> None:
        object.__setattr__(self, "_specs", dict(specs))
        start = {
            name: _EMPTY[spec.type] if spec.default is MISSING else spec.default
            for name, spec in specs.items()
        }
        object.__setattr__(self, "_values", start)

    def __getattr__(self, name: str) -> Any:
        values: dict[str, Any] = object.__getattribute__(self, "_values")
        if name not in values:
            raise AttributeError(f"the state has no field {name!r}; there is: {', '.join(values) or 'none'}")
        return values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._specs:
            raise AttributeError(
                f"the state has no field {name!r}; there is: {', '.join(self._specs) or 'none'}"
            )
        made, problems = accept(self._specs[name], name, value)
        if problems:
            raise ValueError(problems[0].message)
        self._values[name] = made

    def __repr__(self) -> str:
        return f"DeclaredState({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"


def check_state_class(kind: Any) -> None:
    """Raises ``TypeError`` when ``kind`` is no class that can be made without arguments."""
    import inspect

    if not isinstance(kind, type):
        raise TypeError("it is no class")
    try:
        inspect.signature(kind).bind()
    except TypeError as error:
        raise TypeError(f"{kind.__name__}() cannot be made: {error}") from None
    except ValueError:
        pass  # a class without a signature


def state_of(call: CallContext, kind: StateKind, persona: str = "") -> Any:
    """The state of ``call`` of this kind, made when it is first asked for.

    Tools that name the same class share it, and those for which the same fields are declared; ``persona`` is whoever
    keeps it apart from all the others.
    """
    shelf: dict[Any, Any] = call.shelf.setdefault("tool state", {})
    what = (
        kind if isinstance(kind, type) else tuple(sorted((name, repr(spec)) for name, spec in kind.items()))
    )
    key = (persona, what)
    if key not in shelf:
        shelf[key] = kind() if isinstance(kind, type) else DeclaredState(kind)
    return shelf[key]


def read_state_class(reference: str) -> type[Any]:
    """The class that ``file.py:Name`` or ``module:Name`` names. Raises ``ConfigError``."""
    from ...pipeline.errors import Problem
    from ...pipeline.graph.modules import import_reference
    from ...pipeline.spelling import did_you_mean

    where, _, name = reference.rpartition(":")
    if not where or name.endswith(".py"):
        raise ConfigError(
            [Problem("LG233", "`state` does not say which class", hint=f"write `{reference}:NameOfTheClass`")]
        )
    module = import_reference(where, reference)
    kind = getattr(module, name, None)
    try:
        check_state_class(kind)
    except TypeError as error:
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        hint = did_you_mean(name, classes, label="classes") if kind is None else "give every field a default"
        why = f"there is no class `{name}`" if kind is None else str(error)
        raise ConfigError([Problem("LG233", f"`state` cannot be made: {why}", hint=hint)]) from None
    assert isinstance(kind, type)
    return kind
