"""Host names and origins as they stand in requests. Sans-IO."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

__all__ = ["is_address", "is_allowable", "is_loopback", "name_of", "normal_origin"]

_ORIGIN = re.compile(r"(https?)://([^/@\s?#\"';,]+)")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(:[0-9]{1,5})?")


def normal_origin(text: str) -> str:
    """An origin in the one form that is compared: lower case, no default port. ``ValueError`` when it is none."""
    if not _ORIGIN.fullmatch(text):
        raise ValueError(f"{text!r} is no origin; one looks like https://voice.example.org")
    parts = urlsplit(text.lower())
    port = parts.port
    if not parts.hostname:
        raise ValueError(f"{text!r} is no origin; one looks like https://voice.example.org")
    standard = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port in (None, standard) else f":{port}")


def name_of(host: str) -> str:
    """The name or address of a ``Host``, in lower case, without port and brackets; empty when it is no host."""
    if not _HOST.fullmatch(host):
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_allowable(name: str) -> bool:
    """Whether requests can go by a name that is to be allowed: one of a host, ``*.`` and one, or ``*``."""
    bare = name.removeprefix("*.").lower()
    return name == "*" or (bare != "" and name_of(bare) == bare) or is_address(name)


def is_loopback(host: str) -> bool:
    """Whether a host name or address, with or without a port, is this machine for itself only."""
    name = name_of(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """Whether it is an address rather than a name."""
    try:
        ipaddress.ip_address(name_of(host))
    except ValueError:
        return False
    return True
