"""What providers sign their requests by. Pure: the request in parts, yes or no."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = ["by_plivo", "by_telnyx", "by_twilio", "spellings"]

_TELNYX_SLACK_S = 300
Params = Sequence[tuple[str, str]]


def by_twilio(urls: Iterable[str], params: Params, auth_token: str, signature: str) -> bool:
    """``X-Twilio-Signature``: HMAC-SHA1 over the address and, sorted, the fields of a form
    (https://www.twilio.com/docs/usage/security). ``urls`` are the ways in which the address may have been written."""
    fields = "".join(name + value for name, value in sorted(set(params)))
    return any(
        _same(signature, hmac.new(auth_token.encode(), (url + fields).encode(), hashlib.sha1).digest())
        for url in urls
    )


def by_plivo(
    urls: Iterable[str], params: Params, auth_token: str, signature: str, nonce: str, *, post: bool
) -> bool:
    """``X-Plivo-Signature-V3``: HMAC-SHA256 over the address with its fields, and the nonce
    (https://www.plivo.com/docs/voice/concepts/signature-validation). There may be several signatures, with commas."""
    if not nonce:
        return False
    given = [one.strip() for one in signature.split(",")]
    fields = "".join(name + value for name, value in sorted(params)) if post else ""
    for url in map(_sorted_query, urls):
        # The fields stand behind a question mark, or behind a dot where the address has a query of its own.
        between = "" if not fields else "." if "?" in url else "?"
        signed = f"{url}{between}{fields}.{nonce}"
        found = hmac.new(auth_token.encode(), signed.encode(), hashlib.sha256).digest()
        if any(_same(one, found) for one in given):
            return True
    return False


def by_telnyx(body: bytes, public_key: str, headers: Mapping[str, str], now_s: float) -> bool:
    """``telnyx-signature-ed25519``: Ed25519 over ``telnyx-timestamp``, a bar and the body, five minutes old at most
    (https://developers.telnyx.com/docs/messaging/messages/webhook-signing)."""
    stamp = headers.get("telnyx-timestamp", "")
    if not stamp.isdecimal() or abs(now_s - int(stamp[:12])) > _TELNYX_SLACK_S:
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        signature = base64.b64decode(headers.get("telnyx-signature-ed25519", ""), validate=True)
        key.verify(signature, f"{stamp}|".encode() + body)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def spellings(url: str, public_url: str = "", *, socket: bool = False) -> list[str]:
    """How a provider may have written the address of a request that came in as ``url``.

    A proxy in front hides whether it was asked by TLS, and some write the port that goes without saying, or a slash at
    the end.
    """
    parts = urlsplit(url)
    hosts = [parts.netloc]
    if public_url:
        hosts = [urlsplit(public_url).netloc]
    if ":" not in hosts[0].rpartition("]")[2]:
        hosts.append(hosts[0] + ":443")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    schemes = ("wss", "ws") if socket else ("https", "http")
    found = [f"{scheme}://{host}{path}" for scheme in schemes for host in hosts]
    return [*found, *(one + "/" for one in found)] if not parts.query else found


def _sorted_query(url: str) -> str:
    parts = urlsplit(url)
    if not parts.query:
        return url
    pairs = sorted(parse_qsl(parts.query, keep_blank_values=True))
    query = "&".join(f"{name}={value}" for name, value in pairs)
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{query}"


def _same(given: str, found: bytes) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), base64.b64encode(found))
