"""What the end of a connection means: go on with the handle, begin anew, or give up, and why. Pure.

The service tells its errors as close codes with a reason (live sessions have no error messages), and as HTTP
status when it refuses the upgrade.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ....liveapi.link import LinkClosed
from ....pipeline.errors import ServiceError

__all__ = ["Judgement", "Then", "judge"]


class Then(Enum):
    """What to do after a connection has ended."""

    RESUME = "resume"
    """Connect again with the handle: it may pass."""
    AFRESH = "afresh"
    """Connect again without the handle: the service no longer knows it."""
    GIVE_UP = "give up"
    """The same again would end the same way."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The end of a connection, judged. ``error`` is what to raise when nothing else is tried."""

    then: Then
    error: ServiceError


_CREDENTIAL = "<credential>"
"""Stands for the option that holds the key or the token, whichever the endpoint uses."""
_REMEDIES = {
    "api_key": "check GEMINI_API_KEY or the option api_key; keys are made at https://aistudio.google.com/apikey",
    "token": "make a new token: they expire",
}
_MODEL = "check the option model, and api_version for models that only one version has"
_BILLING = "check plan and limits of the project, or wait until other sessions end"

_REFUSALS = (1007, 1008)
_TOO_BIG = (
    "a message was too big: bound what functions return (max_result_characters), and pictures (video_size)"
)
_NO_LIVE_SERVICE = "it does not speak as the Live API does: check url, and what lies between"

_RULES: tuple[tuple[re.Pattern[str], Then, str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), then, option, remedy)
    for pattern, then, option, remedy in (
        (r"exceeded your current quota|RESOURCE_EXHAUSTED|too many", Then.RESUME, "", _BILLING),
        (r"api[ _]key|reported as leaked", Then.GIVE_UP, _CREDENTIAL, ""),
        (r"unregistered callers|authenticat|auth.*token", Then.GIVE_UP, _CREDENTIAL, ""),
        (r"permission denied|denied access|billing", Then.GIVE_UP, _CREDENTIAL, _BILLING),
        (
            r"is not found for api version|not supported for bidiGenerateContent",
            Then.GIVE_UP,
            "model",
            _MODEL,
        ),
        (r"session handle|session not found|requested entity was not found", Then.AFRESH, "", ""),
        (
            r"response modalities|non-audio request",
            Then.GIVE_UP,
            "answers",
            "leave the option answers out: current models answer in audio",
        ),
        (
            r"explicit activity control",
            Then.GIVE_UP,
            "activity",
            "use activity: manual, which switches the service's detector off",
        ),
        (r"\bvoice", Then.GIVE_UP, "voice", "choose one of the prebuilt voices"),
    )
)
_UNKNOWN_NAME = re.compile(r"""at '(?P<path>setup[^']*)'""")
_NAME = re.compile(r'Unknown name "(?P<name>[^"]+)"')


def judge(
    ended: LinkClosed | ServiceError,
    *,
    opening: bool,
    where: str,
    credential: str = "api_key",
    resuming: bool = False,
    first: bool = False,
    option_at: Callable[[str], str] = str,
) -> Judgement:
    """What a refused or closed connection means.

    ``opening``: the setup was not complete yet. ``where``: the other side, for people. ``credential``: the
    option that says who we are. ``resuming``: it was opened with a handle. ``first``: it is the first refusal of a
    message in this call. ``option_at``: the option that leads to a field of the setup, by its path.
    """
    if isinstance(ended, ServiceError):
        return _refused(ended, where, credential)
    code, reason = ended.code, ended.reason.strip()
    said = f"{where} closed the connection: {reason or 'no reason given'} ({code})"
    # What a running connection says at its end is a reason for it only where it refuses something.
    for pattern, then, option, remedy in _RULES if opening or code in _REFUSALS else ():
        if pattern.search(reason):
            if option == _CREDENTIAL:
                option, remedy = credential, remedy or _REMEDIES.get(credential, "")
            return _judgement(then, said, code, option, remedy)
    if code == 1006:
        text = (
            f"{where} cannot be reached: {reason or 'connection lost'}"
            if opening
            else f"{where}: connection lost" + (f", {reason}" if reason else "")
        )
        return _judgement(Then.RESUME, text, code, "", "")
    if code == 1009:
        return _judgement(Then.GIVE_UP if opening else Then.RESUME, said, code, "", _TOO_BIG)
    passing = code == 1008 and re.search(r"aborted|not implemented", reason, re.IGNORECASE)
    if code in _REFUSALS and not passing:
        option, remedy = _argument(reason, opening, option_at) if code == 1007 else ("", "")
        # While resuming it means that the handle is no good, whatever the words. In a running call it may be what the
        # session has come to hold: a fresh one is told of it in words, once.
        afresh = resuming if opening else first
        return _judgement(Then.AFRESH if afresh else Then.GIVE_UP, said, code, option, remedy)
    if code in (1002, 1003) and opening:
        return _judgement(Then.GIVE_UP, said, code, "url", _NO_LIVE_SERVICE)
    return _judgement(Then.RESUME, said, code, "", "")


def _judgement(then: Then, text: str, code: int, option: str, remedy: str) -> Judgement:
    named = f" (option {option})" if option else ""
    return Judgement(
        then, ServiceError(text + named, code=code, retryable=then is Then.RESUME, remedy=remedy)
    )


def _argument(reason: str, opening: bool, option_at: Callable[[str], str]) -> tuple[str, str]:
    """Which option a refused payload points to, and what to do."""
    if path := _UNKNOWN_NAME.search(reason):
        name = _NAME.search(reason)
        option = option_at(f"{path['path']}.{name['name']}" if name else path["path"])
        return option, "this model or endpoint does not take the field: remove it"
    if opening:
        return "", "one of the options does not suit the model: remove those that were added last"
    return "", "the model's context may be full: turn context_compression on"


def _refused(error: ServiceError, where: str, credential: str) -> Judgement:
    status = error.code
    said = f"{where} refused the connection: HTTP {status}" if status else str(error)
    if status in (401, 403):
        return _judgement(Then.GIVE_UP, said, status, credential, _REMEDIES.get(credential, ""))
    if status == 404:
        return _judgement(Then.GIVE_UP, said, status, "url", "check url, location and api_version")
    if error.retryable:
        return Judgement(Then.RESUME, error)
    if status in (408, 429) or status >= 500:
        return _judgement(Then.RESUME, said, status, "", _BILLING if status == 429 else "")
    return Judgement(Then.GIVE_UP, error)
