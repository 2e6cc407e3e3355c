"""What every verb takes: how much it says, how it logs, and its results for programs."""

from __future__ import annotations

import functools
import inspect
import signal
from collections.abc import Callable
from enum import Enum, StrEnum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from .exits import stopped_by
from .terminal import Wishes, wishing

__all__ = ["Output", "verb"]


class Output(StrEnum):
    """How a result is written, or a line of the log."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on log lines are shown."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing but the result and what went wrong.")
]
_Level = Annotated[LogLevel | None, typer.Option("--log-level", help="Log from this level on.")]
_LogAs = Annotated[
    Output | None, typer.Option("--log-format", help="Log lines as text, or as one JSON object each.")
]
_Json = Annotated[bool, typer.Option("--json", help="The result for programs; short for --format json.")]
_Format = Annotated[Output, typer.Option("--format", help="Text for people, JSON for programs.")]


def verb(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the options that all verbs have.

    One that takes ``as_json`` has ``--json`` and ``--format text|json``; one whose ``format`` knows ``json`` has
    ``--json`` as its short form.
    """
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    own = list(signature.parameters.values())
    formats = _formats(hints.get("format"))
    more: dict[str, tuple[Any, Any]] = {}
    if "as_json" in hints:
        # Where it says more than the others' of the result it keeps its own words.
        hints["as_json"] = _Json if get_origin(hints["as_json"]) is not Annotated else hints["as_json"]
        more["format"] = (_Format, Output.TEXT)
    elif formats is not None:
        more["as_json"] = (_Json, False)
    more |= {"quiet": (_Quiet, False)}
    if "log_level" not in hints:
        more |= {"log_level": (_Level, None), "log_format": (_LogAs, None)}

    @functools.wraps(function)
    def run(**given: Any) -> Any:
        taken = {name: given.pop(name) for name in more}
        if "as_json" in hints:
            given["as_json"] = given["as_json"] or taken["format"] is Output.JSON
        elif taken.get("as_json"):
            assert formats is not None
            given["format"] = formats("json")
        wishes = Wishes(taken["quiet"], taken.get("log_level"), taken.get("log_format"))
        try:
            with wishing(wishes):
                return function(**given)
        except KeyboardInterrupt:
            # Only where no loop runs yet or any more; a running call ends by its own handler.
            raise typer.Exit(stopped_by(signal.SIGINT)) from None

    parameters = [each.replace(annotation=hints[each.name]) for each in own]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
        for name, (hint, default) in more.items()
    ]
    # Both are looked at by typer.
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _formats(hint: Any) -> type[Enum] | None:
    """The enumeration of ``format``, where JSON is one of its members."""
    kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if isinstance(kind, type) and issubclass(kind, Enum) and any(member.value == "json" for member in kind):
        return kind
    return None
