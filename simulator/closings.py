"""How the simulator ends a connection: the close codes and reasons that the real service uses."""

from __future__ import annotations

__all__ = ["LONGEST_REASON", "Closing"]

LONGEST_REASON = 123
"""In bytes, by the WebSocket protocol."""


class Closing(Exception):
    """The server closes the connection with `code` and `reason` (cut to the 123 bytes that a close may carry)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason.encode()[:LONGEST_REASON].decode(errors="ignore")

    @classmethod
    def not_first(cls) -> Closing:
        """Anything before `setup`, or a second one."""
        return cls(1007, "setup must be the first message and only the first")

    @classmethod
    def invalid(cls, why: str = "") -> Closing:
        """A value that makes no sense, or that the model does not take; the service itself does not say `why`."""
        return cls(1007, f"Request contains an invalid argument. {why}".strip())

    @classmethod
    def unknown_model(cls, model: str, version: str) -> Closing:
        """There is no such model, or it is no longer served."""
        return cls(
            1008,
            f"models/{model[:60]} is not found for API version {version}, or is not supported for "
            "bidiGenerateContent. Call ListModels to see the list of available models.",
        )

    @classmethod
    def key(cls) -> Closing:
        """The API key is wrong."""
        return cls(1007, "API key not valid. Please pass a valid API key.")

    @classmethod
    def unregistered(cls) -> Closing:
        """There is no key, or there is a token where a key is wanted."""
        return cls(
            1008,
            "Method doesn't allow unregistered callers (callers without established identity). "
            "Please use API Key or other form of API consumer identity to call this API.",
        )

    @classmethod
    def token(cls, why: str) -> Closing:
        """An ephemeral token is not good: not known, not any more, or not for a new session."""
        return cls(1007, f"Token {why}.")

    @classmethod
    def aborted(cls) -> Closing:
        """The session has lasted as long as one may."""
        return cls(1008, "The operation was aborted.")

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
