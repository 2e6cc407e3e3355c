"""Events of a call by name, as options of boxes name them: ``{event: key_pressed, where: {key: "9"}}``."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from ..pipeline.events import Event
from ..pipeline.spelling import snake_name

__all__ = ["event_fields", "event_names", "events_called", "matches"]


def event_names() -> list[str]:
    """The names of every kind of event that there is now, sorted: those of boxes that are loaded too."""
    return sorted({snake_name(kind) for kind in _kinds()})


def events_called(name: str) -> list[type[Event]]:
    """The kinds of this name; several where boxes of different modules have named theirs alike."""
    return [kind for kind in _kinds() if snake_name(kind) == name]


def event_fields(name: str) -> list[str]:
    """What ``where`` may look at."""
    return sorted(
        {field for kind in events_called(name) for field in kind.__struct_fields__ if field != "time_ns"}
    )


def matches(event: Event, where: Mapping[str, Any]) -> bool:
    """Whether each field of ``where`` has that value. Words are compared as they are written in files."""
    return all(_written(getattr(event, field, None)) == _written(value) for field, value in where.items())


def _written(value: Any) -> Any:
    if isinstance(value, Enum):
        value = value.value
    return value if isinstance(value, bool) or value is None else str(value)


def _kinds(root: type[Event] = Event) -> Iterator[type[Event]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _kinds(kind)
