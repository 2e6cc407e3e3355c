"""How the simulator ends a connection: the close codes and reasons that the real service uses."""

from __future__ import annotations

__all__ = ["Closing"]

_LONGEST_REASON = 123  # bytes, by the WebSocket protocol


class Closing(Exception):
    """The server closes the connection with `code` and `reason` (cut to the 123 bytes that a close may carry)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")

    @classmethod
    def not_first(cls) -> Closing:
        """Anything before `setup`, or a second one."""
        return cls(1007, "setup must be the first message and only the first")

    @classmethod
    def invalid(cls) -> Closing:
        """A value that makes no sense."""
        return cls(1007, "Request contains an invalid argument.")

    @classmethod
    def voice(cls, name: str, model: str) -> Closing:
        """No such voice."""
        return cls(1007, f"Requested voice api_name '{name[:40]}' is not available for model {model[:40]}")

    @classmethod
    def modality(cls, names: str) -> Closing:
        """The models of today answer in sound only."""
        return cls(
            1007,
            f"The requested combination of response modalities ({names[:40]}) is not supported by the model.",
        )

    @classmethod
    def activity(cls) -> Closing:
        """``activityStart`` or ``activityEnd`` while the server itself detects activity."""
        return cls(
            1007, "Explicit activity control is not supported when automatic activity detection is enabled."
        )

    @classmethod
    def unknown_session(cls) -> Closing:
        """The handle is of no session, or of one that was forgotten."""
        return cls(1008, "BidiGenerateContent session not found")

    @classmethod
    def internal(cls) -> Closing:
        """A fault of the server; also a session resumed while its old connection is open."""
        return cls(1011, "Internal error encountered.")

    @classmethod
    def quota(cls) -> Closing:
        """More sessions than allowed, or more than a session can hold."""
        return cls(1011, "You exceeded your current quota, please check your plan and billing details.")

    @classmethod
    def deadline(cls) -> Closing:
        """The connection has lasted as long as one may."""
        return cls(1011, "Deadline expired before operation could complete.")
