"""Ephemeral tokens: what a request for one says, what it allows, and the setup that it locks. Sans I/O."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from ..liveapi import ClientMessage, JsonObject, Setup, WireError, decode_client
from .behaviour import SECOND, Ids
from .closings import Closing

__all__ = ["Token", "TokenError", "Tokens"]

_USE_NS = 1_800 * SECOND
_START_NS = 60 * SECOND
_LONGEST_NS = 20 * 3_600 * SECOND
_FIELDS = ("uses", "expireTime", "newSessionExpireTime", "bidiGenerateContentSetup", "fieldMask")
_UNDERSCORE = re.compile(r"_([a-z0-9])")


class TokenError(ValueError):
    """A request for a token that the service would refuse with 400 INVALID_ARGUMENT."""


@dataclass(slots=True)
class Token:
    """What a token allows. Times are those of the simulator's clock."""

    uses_left: int | None
    """None is without limit."""
    starts_until_ns: int
    expires_ns: int
    locked: JsonObject | None
    """The setup in camelCase, or None when the client's is used."""
    mask: tuple[tuple[str, ...], ...] | None
    """The locked fields, each as the way to it; None locks all."""

    def begin(self, setup: Setup, now_ns: int) -> Setup:
        """Use the token for a connection; returns the setup that counts.

        Raises:
            Closing: the token is not good any more, or not for a new session.
        """
        self.check(now_ns)
        if not (setup.session_resumption and setup.session_resumption.handle):
            if now_ns >= self.starts_until_ns:
                raise Closing.token("has expired for new sessions")
            if self.uses_left == 0:
                raise Closing.token("has been used too many times")
            if self.uses_left is not None:
                self.uses_left -= 1
        if self.locked is None:
            return setup
        wanted: JsonObject = msgspec.to_builtins(setup)
        made = _masked(wanted, self.locked, self.mask) if self.mask is not None else dict(self.locked)
        handle = setup.session_resumption.handle if setup.session_resumption else ""
        if handle:
            # A token would be of no use for resuming, were its setup to take the handle away.
            made["sessionResumption"] = {**made.get("sessionResumption", {}), "handle": handle}
        return _setup_of(made)

    def check(self, now_ns: int) -> None:
        """Raise `Closing` when the token has expired."""
        if now_ns >= self.expires_ns:
            raise Closing.token("has expired")


class Tokens:
    """All tokens of a simulator, the oldest out when there are too many."""

    def __init__(self, ids: Ids, limit: int = 1_000) -> None:
        self._ids = ids
        self._limit = limit
        self._by_name: OrderedDict[str, Token] = OrderedDict()

    def find(self, name: str) -> Token | None:
        """The token of a name."""
        return self._by_name.get(name)

    def create(self, body: bytes, *, now_ns: int, wall_s: float) -> str:
        """Make a token as a request asks for it; returns its name.

        Args:
            now_ns, wall_s: the same moment, on the simulator's clock and since 1970.

        Raises:
            TokenError: the request makes no sense.
        """
        asked = _request(body)

        def moment(key: str, default_ns: int) -> int:
            if key not in asked:
                return now_ns + default_ns
            away_ns = round((_seconds_of(asked[key], key) - wall_s) * SECOND)
            if not 0 < away_ns < _LONGEST_NS:
                raise TokenError(f"{key} must lie in the next 20 hours")
            return now_ns + away_ns

        uses = asked.get("uses", 1)
        if isinstance(uses, bool) or not isinstance(uses, int) or uses < 0:
            raise TokenError("uses must be 0 or more")
        locked = asked.get("bidiGenerateContentSetup")
        token = Token(
            uses_left=uses or None,
            starts_until_ns=moment("newSessionExpireTime", _START_NS),
            expires_ns=moment("expireTime", _USE_NS),
            locked=None if locked is None else msgspec.to_builtins(_locked_setup(locked)),
            mask=_mask(asked.get("fieldMask")),
        )
        name = self._ids.token()
        self._by_name[name] = token
        while len(self._by_name) > self._limit:
            self._by_name.popitem(last=False)
        return name


def _request(body: bytes) -> JsonObject:
    try:
        found = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise TokenError("Invalid JSON payload received.") from None
    if not isinstance(found, dict):
        raise TokenError("Invalid JSON payload received.")
    asked = {_camel(key): value for key, value in found.items() if value is not None}
    constraints = asked.pop("liveConnectConstraints", None)
    if isinstance(constraints, dict) and "bidiGenerateContentSetup" not in asked:
        # The newest samples of the REST API ask for a setup in the SDK's words.
        config = constraints.get("config") or {}
        asked["bidiGenerateContentSetup"] = {"model": constraints.get("model", ""), **_as_setup(config)}
    for key in asked:
        if key not in _FIELDS:
            raise TokenError(str(WireError.unknown_name(key, "auth_token")))
    return asked


_OF_GENERATION = (
    "responseModalities", "speechConfig", "temperature", "topP", "topK", "maxOutputTokens", "seed", "mediaResolution",
    "thinkingConfig", "enableAffectiveDialog", "translationConfig",
)  # fmt: skip


def _as_setup(config: object) -> JsonObject:
    """The SDK's flat configuration as a setup."""
    if not isinstance(config, dict):
        raise TokenError("liveConnectConstraints.config must be an object")
    made: JsonObject = {}
    generation: JsonObject = {}
    for key, value in config.items():
        (generation if _camel(key) in _OF_GENERATION else made)[_camel(key)] = value
    return {**made, "generationConfig": generation} if generation else made


def _locked_setup(value: object) -> Setup:
    try:
        return _setup_of(value)
    except Closing as closing:
        raise TokenError(closing.reason) from None


def _setup_of(value: object) -> Setup:
    try:
        message: ClientMessage = decode_client(msgspec.json.encode({"setup": value}), strict=True)
    except WireError as error:
        raise Closing(1007, str(error)) from None
    return message.setup or Setup()


def _mask(value: object) -> tuple[tuple[str, ...], ...] | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TokenError("fieldMask must be a text")
    return tuple(
        tuple(_camel(name) for name in path.split(".")) for path in re.split(r"[,\s]+", value) if path
    )


def _masked(wanted: JsonObject, locked: JsonObject, mask: tuple[tuple[str, ...], ...]) -> JsonObject:
    """`wanted` with the fields of `mask` as they are in `locked`, absent where they are absent there."""
    made: JsonObject = msgspec.json.decode(msgspec.json.encode(wanted))
    for way in mask:
        value: object = locked
        for name in way:
            value = value.get(name) if isinstance(value, Mapping) else None
        at = made
        for name in way[:-1]:
            below = at.get(name)
            if not isinstance(below, dict):
                below = at[name] = {}
            at = below
        if value is None:
            at.pop(way[-1], None)
        else:
            at[way[-1]] = value
    return made


def _seconds_of(value: object, key: str) -> float:
    """An RFC 3339 timestamp in seconds since 1970."""
    try:
        at = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise TokenError(f"{key} must be a timestamp such as 2026-01-31T12:00:00Z") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _camel(name: object) -> str:
    return _UNDERSCORE.sub(lambda found: found[1].upper(), str(name))
