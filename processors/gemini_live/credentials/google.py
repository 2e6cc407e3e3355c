"""Credentials of Google Cloud by ``google-auth`` (extra ``vertex``): the application's default ones, or a key file.

What it does may wait for the network or a disk, so all of it happens in a thread. A token serves every call of the
process for as long as it is good.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
from pathlib import Path
from typing import Any

from ....pipeline.errors import ServiceError
from ....pipeline.options import Secret
from .provider import Credentials

__all__ = ["GoogleCredentials", "google_credentials"]

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_REQUEST_S = 4.0
"""For one request: the library's own limit is two minutes, for which nobody waits, and no program can end."""
_FETCH_S = 8.0
"""For all of them: less than an attempt to connect may take, so that the reason is told."""
_LOGIN = "run `gcloud auth application-default login`, or give the path of a key file"
_RENEW = "make a new key for the account, or log in again with `gcloud auth application-default login`"
_KINDS = {
    "service_account": ("client_email", "private_key", "token_uri"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}
"""What a key file of each type must hold."""
_NAMES = ("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG")


def google_credentials(file: Path | None = None) -> GoogleCredentials:
    """The credentials of ``file``, or the application's default ones: the same for every call, until they change.

    Raises ``ValueError`` when the file is none that holds credentials.
    """
    if file is None:
        return _shared(None, tuple(os.environ.get(name, "") for name in _NAMES))
    # What is wrong with it is found before anybody calls.
    _read(file)
    state = file.stat()
    return _shared(file, (state.st_mtime_ns, state.st_size))


class GoogleCredentials(Credentials):
    """Access tokens for Vertex, refreshed when they are old.

    Args:
        file: a JSON key file of a service account, or of a user; ``None``: the application's default
            credentials (``gcloud auth application-default login``, GOOGLE_APPLICATION_CREDENTIALS, or the machine's).
    """

    bearer = True

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._google: Any = None
        self._stale = False
        self._asking: asyncio.Future[Secret] | None = None

    async def fetch(self) -> Secret:
        """See ``Credentials``. Whoever asks meanwhile is given the same answer."""
        loop, asking = asyncio.get_running_loop(), self._asking
        if asking is None or asking.done() or asking.get_loop() is not loop:
            asking = self._asking = asyncio.ensure_future(asyncio.to_thread(self._token))
            # Nobody may be left to hear why it failed.
            asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            async with asyncio.timeout(_FETCH_S):
                return await asyncio.shield(asking)
        except TimeoutError as error:
            raise ServiceError(
                f"Google gave no access token within {_FETCH_S:g} s (option credentials)",
                retryable=True,
                remedy="check the network, and the proxy that it goes through",
            ) from error

    def refused(self) -> None:
        """See ``Credentials``. A key file may have been replaced meanwhile, so it is read again."""
        self._stale = True

    def _token(self) -> Secret:
        try:
            from google.auth import exceptions
        except ImportError as error:
            raise ServiceError(
                "credentials of Google Cloud need google-auth (option credentials)",
                remedy="pip install 'livegraph[vertex]'",
            ) from error
        try:
            found = self._google
            if found is None or self._stale:
                found = _default() if self._file is None else _of_file(self._file)
            if not found.valid:
                found.refresh(_request())
            self._google, self._stale = found, False
            self.quota_project = str(getattr(found, "quota_project_id", None) or "")
        except exceptions.DefaultCredentialsError as error:
            raise ServiceError(
                f"there are no credentials of Google Cloud: {_first_line(error)} (option credentials)",
                remedy=_LOGIN,
            ) from error
        except exceptions.TransportError as error:
            raise ServiceError(
                f"Google's token server cannot be reached: {_first_line(error)} (option credentials)",
                retryable=True,
                remedy="check the network, and the proxy that it goes through",
            ) from error
        except exceptions.GoogleAuthError as error:
            passing = bool(getattr(error, "retryable", False))
            raise ServiceError(
                f"Google gave no access token: {_first_line(error)} (option credentials)",
                retryable=passing,
                remedy="" if passing else _RENEW,
            ) from error
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            where = self._file or "the file of the default credentials"
            told = _first_line(error) if isinstance(error, (OSError, ValueError)) else type(error).__name__
            told = told if told.startswith(str(where)) else f"{where} cannot be used: {told}"
            raise ServiceError(f"{told} (option credentials)", remedy=_LOGIN) from error
        return Secret(str(found.token))


@functools.lru_cache(maxsize=16)
def _shared(file: Path | None, state: tuple[Any, ...]) -> GoogleCredentials:
    return GoogleCredentials(file)


def _request() -> Any:
    """What google-auth sends requests with, within a time."""
    from google.auth.transport.requests import Request

    inner: Any = Request()

    def send(*args: Any, timeout: float | None = None, **rest: Any) -> Any:
        return inner(*args, timeout=min(timeout or _REQUEST_S, _REQUEST_S), **rest)

    return send


def _default() -> Any:
    import google.auth

    # Its functions have no types.
    auth: Any = google.auth
    found, _ = auth.default(scopes=[_SCOPE], request=_request())
    return found


def _read(path: Path) -> dict[str, Any]:
    """What a key file holds. Raises ``ValueError``, in words that show nothing of it."""
    try:
        given = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ValueError(f"{path} is no key file: it is not JSON") from None
    kind = given.get("type") if isinstance(given, dict) else None
    if kind not in _KINDS:
        told = "names no type" if kind is None else f"is of the type {kind}"
        remedy = (
            "name it in GOOGLE_APPLICATION_CREDENTIALS and use adc" if kind else "use one of Google Cloud"
        )
        raise ValueError(f"{path} is no key file: it {told}; {remedy}")
    missing = [name for name in _KINDS[kind] if not given.get(name)]
    if missing:
        raise ValueError(f"{path} is no key file: it has no {', no '.join(missing)}")
    return dict(given)


def _of_file(path: Path) -> Any:
    given = _read(path)
    if given["type"] == "service_account":
        from google.oauth2 import service_account

        accounts: Any = service_account.Credentials
        return accounts.from_service_account_info(given, scopes=[_SCOPE])
    from google.oauth2 import credentials

    users: Any = credentials.Credentials
    return users.from_authorized_user_info(given, scopes=[_SCOPE])


def _first_line(error: BaseException) -> str:
    told: object = error
    while isinstance(told, (BaseException, tuple)):
        args = told.args if isinstance(told, BaseException) else told
        told = args[0] if args else type(told).__name__
    # What urllib3 says is long, and ends with the reason.
    line = str(told).partition("\n")[0].rpartition("Caused by ")[2]
    return line.rstrip(". )")[:200]
