"""Whether a session could be opened from this machine: a credential is there, and somebody answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from ...pipeline.errors import ServiceError
from ...pipeline.processor import OptionFault
from ...pipeline.secrecy import bare_address
from .endpoint import Access, LiveConnector, resolve

__all__ = ["surrounding_faults"]

_ANSWER_S = 3.0
_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443}


def surrounding_faults(access: Access, environ: Mapping[str, str]) -> Iterator[OptionFault]:
    """What would keep a session from opening. A simulator that starts with the call is always there."""
    urls: list[str] = []

    def note(url: str, label: str) -> LiveConnector:
        urls.append(url)
        return LiveConnector()

    try:
        endpoint = resolve(access, None, environ, note)
    except ServiceError as error:
        message = str(error).removesuffix(f". {error.remedy}")
        yield OptionFault("endpoint", message, error.remedy, code="LG601")
        return
    if endpoint.kind == "local" and not access.url:
        return
    for url in urls:
        why = _unreachable(url)
        if why:
            option = "url" if access.url else "endpoint"
            where = urlsplit(bare_address(url)).netloc
            yield OptionFault(option, f"{where} cannot be reached: {why}", code="LG602")


def _unreachable(url: str) -> str:
    """Why nobody answers there; empty when somebody does."""
    parts = urlsplit(url)
    try:
        port = parts.port or _PORTS.get(parts.scheme, 443)
        with socket.create_connection((parts.hostname or "", port), _ANSWER_S):
            return ""
    except TimeoutError:
        return f"no answer within {_ANSWER_S:g} s"
    except ValueError as error:
        return str(error)
    except OSError as error:
        return (error.strerror or str(error)).lower()
