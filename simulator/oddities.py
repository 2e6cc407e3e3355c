"""What a scenario changes about one connection, for as long as that lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Oddities"]


@dataclass(slots=True)
class Oddities:
    """The oddities of a connection; as made, it has none.

    Attributes:
        setup_after_ns: from ``setup`` to ``setupComplete``; None is as usual.
        chunk_bytes: sizes of the messages of sound, in turn, in bytes; empty is as usual.
        burst: send all sound that is ready at once.
        ids: of tool calls: the same for all, or none.
        interrupted_after_ns: how long the model goes on before it notices that it was interrupted.
        turn_complete, generation_complete, interrupted, usage: whether these are sent at all.
        unknown_fields: put fields into all messages that no client knows.
        pretty: write JSON with line breaks.
        separate_usage: send ``usageMetadata`` as a message of its own.
    """

    setup_after_ns: int | None = None
    chunk_bytes: tuple[int, ...] = ()
    burst: bool = False
    ids: Literal["usual", "duplicate", "missing"] = "usual"
    interrupted_after_ns: int = 0
    turn_complete: bool = True
    generation_complete: bool = True
    interrupted: bool = True
    usage: bool = True
    separate_usage: bool = False
    unknown_fields: bool = False
    pretty: bool = False
