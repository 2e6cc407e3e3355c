"""The one error that reading or writing a wire message raises."""

from __future__ import annotations

__all__ = ["WireError"]


class WireError(ValueError):
    """A message that cannot be read or written.

    `path` says where, in snake_case as the real server writes it
    (``setup.tools[0].function_declarations[1]``), and is empty for the message as a whole. `reason` says why,
    without the offending value: that may be a secret or a caller's words. ``str()`` is the complete sentence,
    fit for a close reason (which the WebSocket protocol limits to 123 bytes).
    """

    def __init__(self, reason: str, *, path: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path

    @classmethod
    def unknown_name(cls, name: str, path: str) -> WireError:
        """The real server's answer to a field that it does not know."""
        where = f" at '{path}'" if path else ""
        return cls(
            f'Invalid JSON payload received. Unknown name "{name[:80]}"{where}: Cannot find field.', path=path
        )

    @classmethod
    def invalid_value(cls, path: str, problem: str) -> WireError:
        """A known field that holds the wrong kind of value."""
        where = f" at '{path}'" if path else ""
        return cls(f"Invalid value{where}: {problem}.", path=path)
