"""Where a session connects: Google, Vertex AI, or a server at hand; URL, headers and version of each.

Nothing here opens a connection. The key travels in a header, never in a URL, so that no log of addresses holds
it; and it goes to Google, or to a local server that the options give one for, and to nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlsplit

from ...liveapi.link import Link
from ...liveapi.models import model_id
from ...pipeline.errors import ServiceError
from ...pipeline.options import Secret
from ...pipeline.secrecy import bare_address
from .credentials.provider import Credentials, credential_of

__all__ = ["LOCAL_URL", "ONLY_VERTEX", "Access", "Endpoint", "EndpointKind", "LiveConnector", "resolve"]

EndpointKind = Literal["auto", "google", "vertex", "local"]

ONLY_VERTEX = "credentials of Google Cloud are for Vertex (option credentials)"
LOCAL_URL = "ws://127.0.0.1:9090"
"""What ``livegraph simulate`` serves."""

_GOOGLE_HOST = "generativelanguage.googleapis.com"
_GOOGLE_SERVICE = "google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent"
_VERTEX_SERVICE = "google.cloud.aiplatform.{version}.LlmBidiService/BidiGenerateContent"
_KEY_NAMES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
_TOKEN_NAME = "GOOGLE_OAUTH_ACCESS_TOKEN"
_TOKEN_PREFIX = "auth_tokens/"
_QUOTA_PROJECT = "x-goog-user-project"

_NO_KEY = "set GEMINI_API_KEY (or the option api_key), or use the endpoint local"


class LiveConnector:
    """Opens connections to a Live server: the seam for whoever starts calls.

    Give one to a call (``plan.call(resources={LiveConnector: ...})``) and an endpoint ``auto`` or ``local``
    connects through it, whatever keys the environment has.
    """

    label: str = "a Live server"
    """Where it leads, for people."""

    async def connect(self, path: str, headers: Mapping[str, str]) -> Link:
        """A fresh connection for ``path`` (``/ws/google...BidiGenerateContent``).

        Raises ``LinkClosed`` (1006) when nobody answers, ``ServiceError`` with the HTTP status as ``code`` when
        the server refuses.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Access:
    """The options that decide where to connect and as whom."""

    endpoint: EndpointKind = "auto"
    url: str = ""
    api_version: str = ""
    api_key: Secret | None = None
    token: Secret | None = None
    project: str = ""
    location: str = ""
    quota_project: str = ""
    credentials: Credentials | None = None
    """Asked at each connect, where the credential is not a fixed one."""

    @property
    def vertex(self) -> bool:
        """Whether these lead to Vertex AI."""
        bearer = self.credentials is not None and self.credentials.bearer
        return self.endpoint == "vertex" or (self.endpoint == "auto" and bearer)

    def from_environment(self, environ: Mapping[str, str]) -> Access:
        """These with what is missing taken from the environment."""
        filled = self
        if not self.api_key:
            key = next((environ[name] for name in _KEY_NAMES if environ.get(name)), "")
            filled = replace(filled, api_key=Secret(key) if key else None)
        if not self.token and environ.get(_TOKEN_NAME):
            filled = replace(filled, token=Secret(environ[_TOKEN_NAME]))
        return replace(
            filled,
            project=self.project or environ.get("GOOGLE_CLOUD_PROJECT", ""),
            location=self.location or environ.get("GOOGLE_CLOUD_LOCATION", "") or "global",
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A place to connect to, settled."""

    kind: Literal["google", "vertex", "local"]
    connector: LiveConnector
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    resource: str = "models/"
    """What stands before the model's id."""
    credential: str = "api_key"
    """The option that says who we are."""
    credentials: Credentials | None = None
    """Whom to ask for a credential at each connect; it is added to the headers."""
    _asked: list[str] = field(default_factory=list, repr=False)
    """Secrets that were given, for ``redact``."""

    async def connect(self) -> Link:
        """Open a connection. Raises ``ServiceError`` also when there is no credential."""
        if self.credentials is None:
            return await self.connector.connect(self.path, self.headers)
        text = await credential_of(self.credentials)
        if text not in self._asked:
            self._asked[:] = [*self._asked[-3:], text]
        path, headers = self.path, dict(self.headers)
        if self.kind == "vertex" or self.credentials.bearer:
            headers["Authorization"] = f"Bearer {text}"
            if self.credentials.quota_project:
                headers.setdefault(_QUOTA_PROJECT, self.credentials.quota_project)
        elif text.startswith(_TOKEN_PREFIX):
            path += "Constrained"
            headers["Authorization"] = f"Token {text}"
        else:
            headers["x-goog-api-key"] = text
        return await self.connector.connect(path, headers)

    def is_same(self, other: Endpoint) -> bool:
        """Whether a connection of one is as good as one of the other."""
        mine = (self.kind, self.path, self.headers, self.connector.label)
        return mine == (other.kind, other.path, other.headers, other.connector.label)

    def learn(self, other: Endpoint) -> None:
        """Keep to ourselves what the other was given, too: one of its connections is used."""
        self._asked[:] = [*self._asked, *other._asked][-4:]

    def renew_credential(self) -> bool:
        """The credential was refused: whether another can be had."""
        if self.credentials is None or not self.credentials.renewable:
            return False
        self.credentials.refused()
        return True

    def model(self, model: str) -> str:
        """The model as this endpoint names it; a full Vertex resource name stays as it is."""
        if self.kind == "vertex" and model.startswith(("projects/", "publishers/")):
            return model
        return self.resource + model_id(model)

    def redact(self, text: str) -> str:
        """``text`` without any of the secrets in the headers."""
        for name, value in self.headers.items():
            if name == _QUOTA_PROJECT:
                continue
            secret = value.removeprefix("Bearer ").removeprefix("Token ")
            if secret and secret in text:
                text = text.replace(secret, "***")
        for secret in self._asked:
            text = text.replace(secret, "***")
        return text


def resolve(
    access: Access,
    given: LiveConnector | None,
    environ: Mapping[str, str],
    open_url: Callable[[str, str], LiveConnector],
) -> Endpoint:
    """Where these options lead. ``given`` is the call's own connector, ``open_url(url, label)`` makes others.

    Raises ``ServiceError`` when a credential or a project is missing.
    """
    asked = access.endpoint
    found = access.from_environment(environ)
    if given is not None and asked in ("auto", "local"):
        return _local(access, given)
    if asked == "auto" and access.vertex:
        asked = "vertex"
    elif asked == "auto":
        asked = "google" if found.api_key or _is_ephemeral(access.token) or access.credentials else "local"
    if asked == "local":
        url = access.url or LOCAL_URL
        return _local(access, open_url(url, f"the local server at {bare_address(url)}"))
    if asked == "vertex":
        return _vertex(found, access, open_url)
    return _google(found, access, open_url)


def _local(access: Access, connector: LiveConnector) -> Endpoint:
    # The environment's key is not meant for a local server: only one that the options give goes there.
    headers = _key_header(access.api_key) if access.api_key else {}
    version = access.api_version or "v1beta"
    path = "/ws/" + _GOOGLE_SERVICE.format(version=version)
    if access.credentials is not None:
        option = access.credentials.option
        return Endpoint("local", connector, path, {}, credential=option, credentials=access.credentials)
    return Endpoint("local", connector, path, headers)


def _google(found: Access, given: Access, open_url: Callable[[str, str], LiveConnector]) -> Endpoint:
    path = "/ws/" + _GOOGLE_SERVICE.format(version=given.api_version or "v1beta")
    if given.credentials is not None:
        if given.credentials.bearer:
            raise ServiceError(ONLY_VERTEX, remedy="use the endpoint vertex")
        url = given.url or f"wss://{_GOOGLE_HOST}"
        connector = open_url(url, f"Google ({urlsplit(url).hostname})")
        option = given.credentials.option
        return Endpoint("google", connector, path, {}, credential=option, credentials=given.credentials)
    # A key given outright says more than a token of the environment, which is Vertex's.
    if given.token and not given.api_key:
        if not _is_ephemeral(given.token):
            raise ServiceError(
                "the option token of a google endpoint takes an ephemeral token (auth_tokens/...)",
                remedy="a bearer token is for the endpoint vertex",
            )
        headers = {"Authorization": f"Token {given.token.reveal()}"}
        path += "Constrained"
        credential = "token"
    elif found.api_key:
        headers, credential = _key_header(found.api_key), "api_key"
    else:
        raise ServiceError("there is no API key for Google (option api_key)", remedy=_NO_KEY)
    url = given.url or f"wss://{_GOOGLE_HOST}"
    connector = open_url(url, f"Google ({urlsplit(url).hostname})")
    return Endpoint("google", connector, path, headers, credential=credential)


def _vertex(found: Access, given: Access, open_url: Callable[[str, str], LiveConnector]) -> Endpoint:
    path = "/ws/" + _VERTEX_SERVICE.format(version=given.api_version or "v1beta1")
    location = found.location
    if location == "global":
        host = "aiplatform.googleapis.com"
    elif location in ("us", "eu"):
        host = f"aiplatform.{location}.rep.googleapis.com"
    else:
        host = f"{location}-aiplatform.googleapis.com"
    url = given.url or f"wss://{host}"
    connector = open_url(url, f"Vertex AI ({urlsplit(url).hostname})")
    if given.credentials is not None or (found.token and not _is_ephemeral(found.token)):
        if not found.project:
            raise ServiceError(
                "Vertex needs a project (option project)", remedy="set project, or GOOGLE_CLOUD_PROJECT"
            )
        headers = {}
        if given.quota_project:
            headers[_QUOTA_PROJECT] = given.quota_project
        resource = f"projects/{found.project}/locations/{location}/publishers/google/models/"
        if given.credentials is not None:
            option = given.credentials.option
            return Endpoint("vertex", connector, path, headers, resource, option, given.credentials)
        assert found.token is not None
        headers["Authorization"] = f"Bearer {found.token.reveal()}"
        return Endpoint("vertex", connector, path, headers, resource, "token")
    if given.api_key:
        return Endpoint("vertex", connector, path, _key_header(given.api_key), "publishers/google/models/")
    raise ServiceError(
        "there is no access token for Vertex (option token)",
        remedy=f"set credentials: adc (extra vertex), the option token, or {_TOKEN_NAME}",
    )


def _key_header(key: Secret | None) -> dict[str, str]:
    return {"x-goog-api-key": key.reveal().strip()} if key else {}


def _is_ephemeral(token: Secret | None) -> bool:
    return token is not None and token.reveal().startswith(_TOKEN_PREFIX)
