"""Credentials of Google Cloud by ``google-auth`` (extra ``vertex``): the application's default ones, or a key file.

What it does may wait for the network or a disk, so all of it happens in a thread.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from ....pipeline.errors import ServiceError
from ....pipeline.options import Secret
from .provider import Credentials

__all__ = ["GoogleCredentials"]

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class GoogleCredentials(Credentials):
    """Access tokens for Vertex, refreshed when they are old.

    Args:
        file: a JSON key file of a service account, or of a user; ``None``: the application's default
            credentials (``gcloud auth application-default login``, GOOGLE_APPLICATION_CREDENTIALS, or the machine's).
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._google: Any = None
        self._stale = False
        self._one_at_a_time = asyncio.Lock()

    async def fetch(self) -> Secret:
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._token)

    def refused(self) -> None:
        self._stale = True

    def _token(self) -> Secret:
        try:
            from google.auth import exceptions
            from google.auth.transport.requests import Request
        except ImportError as error:
            raise ServiceError(
                "credentials of Google Cloud need google-auth (option credentials)",
                remedy="pip install 'livegraph[vertex]'",
            ) from error
        try:
            if self._google is None:
                self._google = _default() if self._file is None else _of_file(self._file)
            if self._stale or not self._google.valid:
                self._google.refresh(Request())
                self._stale = False
        except exceptions.DefaultCredentialsError as error:
            raise ServiceError(
                f"there are no credentials of Google Cloud: {_first_line(error)} (option credentials)",
                remedy="run `gcloud auth application-default login`, or give the path of a key file",
            ) from error
        except exceptions.GoogleAuthError as error:
            raise ServiceError(
                f"Google gave no access token: {_first_line(error)} (option credentials)",
                retryable=True,
                remedy="check the account and the network",
            ) from error
        except (OSError, ValueError) as error:
            raise ServiceError(
                f"{self._file} is no key file: {_first_line(error)} (option credentials)"
            ) from error
        return Secret(str(self._google.token))


def _default() -> Any:
    import google.auth

    # Its functions have no types.
    auth: Any = google.auth
    found, _ = auth.default(scopes=[_SCOPE])
    return found


def _of_file(path: Path) -> Any:
    kind = json.loads(path.read_text("utf-8")).get("type")
    if kind == "service_account":
        from google.oauth2 import service_account

        accounts: Any = service_account.Credentials
        return accounts.from_service_account_file(str(path), scopes=[_SCOPE])
    if kind == "authorized_user":
        from google.oauth2 import credentials

        users: Any = credentials.Credentials
        return users.from_authorized_user_file(str(path), scopes=[_SCOPE])
    raise ValueError(f"its type is {kind!r}: name it in GOOGLE_APPLICATION_CREDENTIALS and use adc")


def _first_line(error: BaseException) -> str:
    told = error.args[0] if error.args else error
    return str(told).partition("\n")[0].rstrip(". ")[:200]
