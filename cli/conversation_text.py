"""A call on stdout, as it happens: lines for people, or one JSON object a line for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..pipeline.events import (
    CallEnded,
    Event,
    EventBus,
    NodeFailed,
    ToolCalled,
    ToolFinished,
    Transcript,
)
from ..pipeline.units import SECOND
from ..server.event_json import describe
from ..server.protocol import to_json
from .output import LineOut, json_text

__all__ = ["print_conversation"]

_SIDES = {"user": "you", "agent": "agent"}
_WIDEST = 200


def print_conversation(
    events: EventBus,
    *,
    as_json: bool,
    lost: Callable[[], object],
    before: Callable[[], object] = lambda: None,
) -> LineOut:
    """Print what happens in a call from now on; ``lost`` is called when nobody reads it any more.

    ``before`` is called before each line. Returns where it is printed.

    ``as_json`` prints every event: ``time_s`` since the start of the call, ``type`` and what belongs to it, as
    the page is told; then ``{"type": "end", "reason": ...}``. For people only what was said and done is printed.
    """
    out = LineOut(lost, before)
    if as_json:
        events.subscribe(Event, lambda event: _print_json(event, out))
    else:
        printer = _Lines(out)
        for kind in (Transcript, ToolCalled, ToolFinished, NodeFailed):
            events.subscribe(kind, printer.show)
    return out


def _print_json(event: Event, out: LineOut) -> None:
    if isinstance(event, CallEnded):
        said: dict[str, Any] | None = {"type": "end", "reason": event.reason} | (
            {"detail": event.detail} if event.detail else {}
        )
    else:
        message = describe(event)
        said = None if message is None else to_json(message)
    if said is not None:
        out.line(json_text({"time_s": round(event.time_ns / SECOND, 3), **said}))


class _Lines:
    """``  3.2  you    What time is it?``"""

    def __init__(self, out: LineOut) -> None:
        self._out = out
        self._paint = out.paint

    def show(self, event: Event) -> None:
        match event:
            case Transcript(final=True):
                cut = " ..." if event.interrupted else ""
                # Whoever types has no other way to hear it: it stands there whole, however long.
                self._line(event, _SIDES[event.role], "place", _printable(event.text.strip()) + cut)
            case ToolCalled():
                self._line(event, "tool", "hint", _short(f"{event.name}({_arguments(event.args)})"))
            case ToolFinished():
                arrow = "->" if event.ok else "failed:"
                self._line(event, "tool", "hint", _short(f"{event.name} {arrow} {_result(event.result)}"))
            case NodeFailed(fatal=False):
                self._line(event, "fault", "warning", _short(event.message))

    def _line(self, event: Event, who: str, role: str, text: str) -> None:
        time = self._paint("dim", f"{event.time_ns / SECOND:6.1f}")
        self._out.line(f"{time}  {self._paint(role, who.ljust(5))}  {text}")


def _arguments(args: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={json_text(value)}" for name, value in args.items())


def _result(result: Mapping[str, Any]) -> str:
    """What a tool said; the usual wrappers around one value do not show."""
    if len(result) == 1 and (only := next(iter(result))) in ("output", "error", "result"):
        return str(result[only])
    return json_text(result)


def _printable(text: str) -> str:
    """On one line, without anything that moves a terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in text)


def _short(text: str) -> str:
    """Printable, and no longer than a few rows of a terminal."""
    plain = _printable(text)
    return plain if len(plain) <= _WIDEST else plain[: _WIDEST - 3] + "..."
