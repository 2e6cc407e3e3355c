"""Long-lived tokens of a few callers, in a file of the operator's::

    tokens:
      reception:                       # the identity
        sha256: 5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8
        agents: [desk]
      kiosk:
        token: 1f0b...                 # or as it is
        inputs: {hall: north}
        report: names
        limits: {calls: 2, call_duration: 10min}

A token has 16 characters at least. The file is the secret: nobody but the server's user should be able to read it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ...yaml12 import YamlError, load
from ..limits.caller import CallerLimits, limits_of
from .grant import Grant, ReportLevel

__all__ = ["TokenFile", "TokenFileError", "digest", "read_tokens"]

_LEAST_CHARS = 16
_MOST_BYTES = 4 << 20
_MOST_VALUES = 1_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


class TokenFileError(Exception):
    """A token file that cannot be used; the message says what and where, and holds no token."""


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    token: str | None = None
    sha256: str | None = None
    agents: tuple[str, ...] = ()
    inputs: dict[str, str | int | float | bool] = {}
    report: ReportLevel | None = None
    limits: dict[str, Any] | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    tokens: dict[str, _Entry]


class TokenFile:
    """The grants of a token file, by token. Only digests are kept and looked up: nothing tells how near a guess is."""

    def __init__(self, grants: Mapping[str, Grant]) -> None:
        self._grants = dict(grants)

    def __len__(self) -> int:
        return len(self._grants)

    def read(self, token: str) -> Grant | None:
        """What ``token`` grants; ``None`` for one that is not in the file."""
        return self._grants.get(digest(token))

    @property
    def grants(self) -> tuple[Grant, ...]:
        """All of them, in the order of the file."""
        return tuple(self._grants.values())


def read_tokens(path: Path) -> TokenFile:
    """Read a token file. Raises ``TokenFileError``."""
    try:
        if not path.is_file():
            raise TokenFileError(f"{path} is not a file")
        if path.stat().st_size > _MOST_BYTES:
            raise TokenFileError(f"{path} is larger than {_MOST_BYTES >> 20} MiB")
        text = path.read_text("utf-8")
    except OSError as error:
        raise TokenFileError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TokenFileError(f"{path} is not UTF-8") from None
    try:
        loaded = load(text, max_nodes=_MOST_VALUES)
    except YamlError as error:
        # What stands there might be a token, so that only the place is told.
        raise TokenFileError(f"{path}:{error.fault.span.line} is no YAML") from None
    try:
        found = msgspec.convert(loaded, _File)
    except msgspec.ValidationError as error:
        raise TokenFileError(
            f"{path}: {error}; it holds `tokens:`, and below it identities with `token` or `sha256`"
        ) from None
    grants: dict[str, Grant] = {}
    for identity, entry in found.tokens.items():
        key = _digest_of(path, identity, entry)
        if key in grants:
            raise TokenFileError(
                f"{path}: `{identity}` has the token of `{grants[key].identity}`; each has its own"
            )
        grants[key] = Grant(
            identity=identity,
            agents=entry.agents,
            inputs=entry.inputs,
            report=entry.report,
            limits=_limits(path, identity, entry),
        )
    if not grants:
        raise TokenFileError(f"{path} holds no token: nobody could call")
    return TokenFile(grants)


def _digest_of(path: Path, identity: str, entry: _Entry) -> str:
    if (entry.token is None) == (entry.sha256 is None):
        raise TokenFileError(f"{path}: `{identity}` takes `token` or `sha256`, one of them")
    if entry.sha256 is not None:
        if not _SHA256.fullmatch(entry.sha256.lower()):
            raise TokenFileError(f"{path}: the `sha256` of `{identity}` has 64 hexadecimal digits")
        return entry.sha256.lower()
    assert entry.token is not None
    if len(entry.token) < _LEAST_CHARS or not entry.token.isascii() or " " in entry.token:
        raise TokenFileError(
            f"{path}: the token of `{identity}` takes {_LEAST_CHARS} ASCII characters at least, without blanks; "
            "`openssl rand -hex 24` makes one"
        )
    return digest(entry.token)


def _limits(path: Path, identity: str, entry: _Entry) -> CallerLimits | None:
    if entry.limits is None:
        return None
    try:
        return limits_of(entry.limits)
    except ValueError as error:
        raise TokenFileError(f"{path}: limits of `{identity}`: {error}") from None


def digest(token: str) -> str:
    """What a token is looked up by."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
