"""What a program gives to ``make_app`` and to what belongs to it, looked at where it is given.

A wrong one is named at once, in one sentence that says what is taken, and not when the first caller comes.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from ..pipeline.spelling import did_you_mean

__all__ = ["WrongArgument", "a_function", "an_instance", "one_of", "several", "whole", "wrong_result"]

T = TypeVar("T")


class WrongArgument(ValueError, TypeError):
    """An argument of a wrong type or value. Its text names the argument and says what it takes."""


def whole(name: str, value: object, *, least: int = 0, hint: str = "") -> int:
    """A whole number, ``least`` or more. Raises ``WrongArgument``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise WrongArgument(_sentence(name, value, f"a whole number, {least} or more", hint))
    return value


def an_instance(
    name: str, value: object, kind: type[T] | tuple[type[T], ...], what: str, hint: str = ""
) -> T:
    """An object of this class. Raises ``WrongArgument``, whose text does not have the value: it may be a secret."""
    if not isinstance(value, kind):
        raise WrongArgument(_sentence(name, type(value), what, hint))
    return value


def one_of(name: str, value: object, choices: Sequence[str]) -> None:
    """One of a few words. Raises ``WrongArgument``."""
    if value not in choices:
        hint = did_you_mean(value, choices).replace("`", "'") if isinstance(value, str) else ""
        raise WrongArgument(_sentence(name, value, f"one of {', '.join(choices)}", hint))


def several(name: str, value: object, what: str, kind: type[Any] | tuple[type[Any], ...] = str) -> list[Any]:
    """A list, and not the one thing that was to be in it. Raises ``WrongArgument``."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable) or isinstance(value, dict):
        raise WrongArgument(_sentence(name, type(value), f"a list of {what}"))
    found = list(value)
    wrong = next((one for one in found if not isinstance(one, kind)), None)
    if wrong is not None or None in found:
        raise WrongArgument(f"{name}: there is {_a(type(wrong))} in the list; it is a list of {what}")
    return found


def a_function(name: str, value: object, takes: Sequence[str]) -> None:
    """A function that can be called with these. Raises ``WrongArgument``."""
    given = ", ".join(takes)
    if not callable(value):
        raise WrongArgument(_sentence(name, type(value), f"a function, {name}({given})"))
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        # Written in C: it says nothing of itself.
        return
    try:
        signature.bind(*takes)
    except TypeError:
        raise WrongArgument(f"{name} is called as {name}({given}); the one given takes {signature}") from None


def wrong_result(name: str, result: object, what: str) -> str:
    """What is said of a function that gave back something else than ``what``."""
    return f"{name} gave back {_a(type(result))}; it gives back {what}"


def _sentence(name: str, value: object, what: str, hint: str = "") -> str:
    shown = _a(value) if isinstance(value, type) else f"{value!r:.60}"
    return f"{name} is {shown}; it is {what}" + (f". {hint}" if hint else "")


def _a(kind: type) -> str:
    if kind is type(None):
        return "None"
    return f"a {kind.__name__}" if kind.__name__[:1].lower() not in "aeiou" else f"an {kind.__name__}"
