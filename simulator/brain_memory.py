"""What a brain has learnt in a session, and can take along to another connection as plain JSON data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

__all__ = ["Memory"]

_VERSION = 2
_MOST_CALLS = 64


@dataclass(slots=True)
class Memory:
    """The state of a `Brain`; everything in it is JSON data."""

    calls: dict[str, dict[str, object]] = field(default_factory=dict)
    """Calls without a result by their keys: the rule and the slots of each."""
    known: dict[str, str] = field(default_factory=dict)
    """What the user has told: ``caller`` is the name."""
    next_call: int = 1
    pending: dict[str, object] | None = None
    """A question that the user was asked, and what the answer is for."""
    rotation: dict[str, int] = field(default_factory=dict)
    """Which text comes next where several take turns."""
    told_before: list[str] = field(default_factory=list)
    """Which of what is known was told as history."""

    def new_call(self, rule: str | None, slots: Mapping[str, object]) -> str:
        """Remember a call, the oldest out when there are too many; returns its key."""
        key = f"call-{self.next_call}"
        self.next_call += 1
        self.calls[key] = {"rule": rule, "slots": dict(slots)}
        while len(self.calls) > _MOST_CALLS:
            del self.calls[next(iter(self.calls))]
        return key

    def snapshot(self) -> dict[str, object]:
        """A copy as plain data."""
        copied: dict[str, object] = json.loads(json.dumps({"version": _VERSION, **asdict(self)}))
        return copied

    @classmethod
    def restored(cls, snapshot: Mapping[str, object]) -> Memory:
        """The memory of which `snapshot` is the copy.

        Raises:
            ValueError: this is not a snapshot.
        """
        calls, pending, rotation = snapshot.get("calls"), snapshot.get("pending"), snapshot.get("rotation")
        next_call = snapshot.get("next_call")
        if (
            set(snapshot) != {"version", *cls.__slots__}
            or snapshot["version"] != _VERSION
            or not isinstance(calls, dict)
            or not all(isinstance(call, dict) for call in calls.values())
            or not isinstance(rotation, dict)
            or not isinstance(snapshot["known"], dict)
            or not isinstance(snapshot["told_before"], list)
            or not isinstance(next_call, int)
            or not (pending is None or isinstance(pending, dict))
        ):
            raise ValueError("not a snapshot of a brain")
        copied = json.loads(json.dumps(dict(snapshot)))
        del copied["version"]
        return cls(**copied)
