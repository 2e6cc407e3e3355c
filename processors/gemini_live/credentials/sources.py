"""From the option ``credentials`` to whoever gives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ....pipeline.graph.modules import import_reference
from .google import google_credentials
from .provider import Credentials, FromFunction

__all__ = ["credentials_from"]


def credentials_from(given: str | Callable[..., Any] | Credentials | None) -> Credentials | None:
    """What ``given`` names: ``adc``, a JSON key file, ``module:function``, a function, or a ``Credentials``.

    Raises ``ConfigError`` or ``ValueError`` for a name that leads nowhere.
    """
    if given is None or isinstance(given, Credentials):
        return given
    if callable(given):
        return FromFunction(given)
    if given == "adc":
        return google_credentials()
    if given.endswith(".json"):
        path = Path(given).expanduser()
        if not path.is_file():
            raise ValueError(f"there is no key file {given}")
        return google_credentials(path)
    where, _, name = given.rpartition(":")
    if not where or name.endswith(".py"):
        raise ValueError(f"{given!r} is neither adc, a JSON key file, nor module:function")
    function = getattr(import_reference(where, given), name, None)
    if not callable(function):
        raise ValueError(f"{where} has no function {name}")
    return FromFunction(function)
