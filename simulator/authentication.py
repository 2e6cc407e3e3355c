"""Who may come in: the key or the token of a connection, and what it entitles to. Sans I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs

from ..liveapi import Setup
from .closings import Closing
from .session_setup import RequestedApi
from .tokens import Token, Tokens

__all__ = ["Admission", "Authenticator", "accepts", "api_of"]

_METHOD = re.compile(r"BidiGenerateContent(?:Constrained)?$")
_VERSION = re.compile(r"\.(v\d\w*)\.")
_AUTHORIZATION = re.compile(r"\s*(Token|Bearer)\s+(\S+)\s*", re.IGNORECASE)
_TOKEN = "auth_tokens/"

Credential = Literal[
    "none", "key in the query", "key in a header", "token in the query", "token in a header", "bearer"
]


def accepts(path: str) -> bool:
    """Whether a path is of the Live API, whatever stands before the method."""
    return _METHOD.search(path.partition("?")[0]) is not None


def api_of(path: str) -> RequestedApi:
    """Which API a path belongs to."""
    version = _VERSION.search(path)
    return RequestedApi("google.cloud.aiplatform" in path, version[1] if version else "v1beta")


@dataclass(frozen=True, slots=True)
class Admission:
    """What a connection may do."""

    credential: Credential = "none"
    """How the client said who it is; the secret itself is kept nowhere."""
    refusal: Closing | None = None
    """Why it may not open a session."""
    token: Token | None = None

    def begin(self, setup: Setup, now_ns: int) -> Setup:
        """The setup that counts.

        Raises:
            Closing: the key or the token is not good.
        """
        if self.refusal is not None:
            raise self.refusal
        return setup if self.token is None else self.token.begin(setup, now_ns)


class Authenticator:
    """Checks keys and tokens.

    Args:
        keys: the keys that are good; None: every key is, and none too.
        tokens: those that were given out. They are always held to what they allow.
    """

    def __init__(self, keys: Collection[str] | None, tokens: Tokens) -> None:
        self._keys = None if keys is None else frozenset(keys)
        self._tokens = tokens

    def admit(self, path: str, headers: Mapping[str, str]) -> Admission:
        """Look at a connection's request; header names in any case."""
        address, _, query = path.partition("?")
        asked = parse_qs(query)
        given = {name.lower(): value for name, value in headers.items()}
        found = _AUTHORIZATION.fullmatch(given.get("authorization", ""))
        scheme, authorized = (found[1].lower(), found[2]) if found else ("", "")
        key, token = given.get("x-goog-api-key", ""), asked.get("access_token", [""])[0]
        if scheme == "token" or token or key.startswith(_TOKEN):
            where: Credential = (
                "token in a header" if scheme == "token" or not token else "token in the query"
            )
            name = authorized if scheme == "token" else token or key
            return self._by_token(name, where, constrained=address.endswith("Constrained"))
        if scheme == "bearer":
            return Admission("bearer", None if self._is_good(authorized) else Closing.unregistered())
        if not key and "key" in asked:
            return self._by_key(asked["key"][0], "key in the query")
        return self._by_key(key, "key in a header" if key else "none")

    def may_create_tokens(self, path: str, headers: Mapping[str, str]) -> Admission:
        """The same for a request for a token, which takes a key."""
        admission = self.admit(path, headers)
        if admission.refusal is None and admission.credential.startswith("token"):
            return Admission(admission.credential, Closing.unregistered())
        return admission

    def _is_good(self, key: str) -> bool:
        return self._keys is None or key in self._keys

    def _by_key(self, key: str, where: Credential) -> Admission:
        if self._is_good(key):
            return Admission(where)
        return Admission(where, Closing.key() if key else Closing.unregistered())

    def _by_token(self, name: str, where: Credential, *, constrained: bool) -> Admission:
        token = self._tokens.find(name)
        if token is None:
            return Admission(where, None if self._keys is None else Closing.token("is not valid"))
        if not constrained:
            return Admission(where, Closing.unregistered())
        return Admission(where, token=token)
