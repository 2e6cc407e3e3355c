"""What a tool raises to tell the model, in words, why there is no result."""

from __future__ import annotations

from typing import Any

from ...pipeline.units import DurationLike, duration_ns

__all__ = ["ServiceFault", "ToolError"]


class ToolError(Exception):
    """Raise it from a tool to tell the model in words what went wrong; its text is spoken of, so keep it plain::

        raise ToolError("there is no table at eight", hint="offer half past eight", free=["20:30", "21:00"])

    Args:
        message: what went wrong, for the model.
        retryable: whether the same may work in a moment. A tool with ``retries`` is then tried again before the model
            hears of it, and the model is told that it may.
        hint: what the model can do instead.
        retry_after: how long to wait before the next try, where that is known.
        details: anything else, as JSON can carry it; the model is given it beside the message.
    """

    def __init__(
        self,
        message: object = "",
        *,
        retryable: bool = False,
        hint: str = "",
        retry_after: DurationLike | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.hint = hint
        self.retry_after_ns = None if retry_after is None else duration_ns(retry_after, "retry_after")
        self.details = details

    def body(self) -> dict[str, Any]:
        """What the model is told: ``error``, and what else is known under ``hint``, ``retryable`` and own names."""
        said: dict[str, Any] = {"error": str(self)}
        if self.hint:
            said["hint"] = self.hint
        if self.retryable:
            said["retryable"] = True
        return self.details | said


class ServiceFault(ToolError):
    """What a tool depends on has failed, and not the wish: it counts for the breaker though nobody tries it again."""
