"""What is asked of providers over HTTP: to hang up, to connect a call to another number."""

from __future__ import annotations

import logging
from urllib.parse import quote

from ...transports.telephone.started import Started
from .accounts import TelephoneAccounts
from .answers import dial

__all__ = ["can_steer", "hang_up", "transfer"]

logger = logging.getLogger("livegraph.telephone")

_WITHIN_S = 5.0
_OVER = frozenset((400, 404, 409, 410, 422))
"""What providers say of a call that is over already."""


def can_steer(accounts: TelephoneAccounts, started: Started) -> bool:
    """Whether there is what it takes to hang up on this call."""
    match started.provider:
        case "twilio":
            return accounts.twilio is not None
        case "telnyx":
            return accounts.telnyx is not None and bool(accounts.telnyx.api_key)
        case "plivo":
            return accounts.plivo is not None


async def hang_up(accounts: TelephoneAccounts, started: Started) -> bool:
    """End a call at its provider; one that is over is fine. ``False``, and a line in the log, when that failed."""
    match started.provider:
        case "twilio" if accounts.twilio is not None:
            return await _ask(
                "POST",
                _twilio(accounts, started),
                data={"Status": "completed"},
                auth=_basic(accounts, started),
            )
        case "telnyx" if accounts.telnyx is not None:
            return await _ask(
                "POST", _telnyx(accounts, started, "hangup"), json={}, bearer=accounts.telnyx.api_key
            )
        case "plivo" if accounts.plivo is not None:
            return await _ask("DELETE", _plivo(accounts, started), auth=_basic(accounts, started))
    return False


async def transfer(accounts: TelephoneAccounts, started: Started, to: str, dial_url: str = "") -> bool:
    """Connect a call to ``to``, a number or a SIP address; the stream ends by that. ``False`` when that failed.

    ``dial_url`` is where Plivo finds what to do then.
    """
    match started.provider:
        case "twilio" if accounts.twilio is not None:
            twiml = {"Twiml": dial("twilio", to)}
            return await _ask("POST", _twilio(accounts, started), data=twiml, auth=_basic(accounts, started))
        case "telnyx" if accounts.telnyx is not None:
            url = _telnyx(accounts, started, "transfer")
            return await _ask("POST", url, json={"to": to}, bearer=accounts.telnyx.api_key)
        case "plivo" if accounts.plivo is not None and dial_url:
            legs = {"legs": "aleg", "aleg_url": dial_url, "aleg_method": "GET"}
            return await _ask("POST", _plivo(accounts, started), json=legs, auth=_basic(accounts, started))
    return False


def _twilio(accounts: TelephoneAccounts, started: Started) -> str:
    assert accounts.twilio is not None
    account, call = quote(accounts.twilio.account_sid, safe=""), quote(started.call_id, safe="")
    return f"{accounts.twilio.api_url}/2010-04-01/Accounts/{account}/Calls/{call}.json"


def _telnyx(accounts: TelephoneAccounts, started: Started, action: str) -> str:
    assert accounts.telnyx is not None
    return f"{accounts.telnyx.api_url}/v2/calls/{quote(started.call_id, safe='')}/actions/{action}"


def _plivo(accounts: TelephoneAccounts, started: Started) -> str:
    assert accounts.plivo is not None
    account, call = quote(accounts.plivo.auth_id, safe=""), quote(started.call_id, safe="")
    return f"{accounts.plivo.api_url}/v1/Account/{account}/Call/{call}/"


def _basic(accounts: TelephoneAccounts, started: Started) -> tuple[str, str]:
    if started.provider == "twilio" and accounts.twilio is not None:
        return accounts.twilio.account_sid, accounts.twilio.auth_token
    assert accounts.plivo is not None
    return accounts.plivo.auth_id, accounts.plivo.auth_token


async def _ask(
    method: str,
    url: str,
    *,
    data: dict[str, str] | None = None,
    json: dict[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    bearer: str = "",
) -> bool:
    import httpx

    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    host = httpx.URL(url).host
    try:
        async with httpx.AsyncClient(timeout=_WITHIN_S) as client:
            reply = await client.request(method, url, data=data, json=json, auth=auth, headers=headers)
    except httpx.HTTPError as error:
        logger.warning("%s could not be asked: %s", host, type(error).__name__)
        return False
    if reply.status_code < 300:
        return True
    if reply.status_code not in _OVER:
        logger.warning("%s refused: %d", host, reply.status_code)
    return False
