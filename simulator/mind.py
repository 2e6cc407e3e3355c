"""A real mind for the simulator: any text model with an OpenAI-compatible endpoint for chat completions, with tools."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

__all__ = ["Mind", "MindError", "MindRequest", "Thought", "WantedCall"]

_log = logging.getLogger(__name__)

_TIMEOUT_S = 60.0
_LONGEST = 4_000
_METHOD = "/chat/completions"


class MindError(Exception):
    """The model cannot be asked, or says nothing that can be used; a sentence."""


@dataclass(frozen=True, slots=True)
class MindRequest:
    """What a model is asked: the conversation, and the functions that it may call, both as the endpoint takes them."""

    messages: tuple[Mapping[str, Any], ...]
    tools: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class WantedCall:
    """A function that the model wants called."""

    id: str
    name: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Thought:
    """What a model answers: words, calls, or both."""

    text: str = ""
    calls: tuple[WantedCall, ...] = field(default=())


class Mind:
    """A model at an address. Blocking: to be asked in a thread.

    Args:
        url: of the endpoint, with or without ``/chat/completions`` (``http://127.0.0.1:11434/v1``).
        model: its name there; the first that the endpoint lists when there is none.
        key: sent as a bearer token.
        timeout_s: how long an answer may take.
    """

    def __init__(self, url: str, model: str = "", key: str = "", *, timeout_s: float = _TIMEOUT_S) -> None:
        base = url.rstrip("/").removesuffix(_METHOD)
        if not base.startswith(("http://", "https://")):
            raise ValueError(
                f"{url.rpartition('@')[2]!r} is no address of a model; write http://host:port/v1"
            )
        self.url = base if base.rpartition("/")[2].startswith("v") else f"{base}/v1"
        self._shown = re.sub(r"//[^/]*@", "//", self.url)
        """Without the user and the password that may be in it."""
        self._model = model
        self._key = key
        self._timeout_s = timeout_s
        self._client: httpx.Client | None = None

    def ask(self, request: MindRequest) -> Thought:
        """The model's answer. Raises `MindError`."""
        asked: dict[str, Any] = {"model": self._name(), "messages": list(request.messages), "stream": False}
        if request.tools:
            asked["tools"] = list(request.tools)
        told = self._send("POST", _METHOD, asked)
        try:
            return _read(told["choices"][0]["message"])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise MindError(f"the mind at {self._shown} answers with something that is no answer") from error

    def close(self) -> None:
        """Let go of its connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _name(self) -> str:
        if not self._model:
            told = self._send("GET", "/models", None)
            try:
                self._model = str(told["data"][0]["id"])
            except (KeyError, IndexError, TypeError) as error:
                raise MindError(f"the mind at {self._shown} lists no models: name one") from error
        return self._model

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        import httpx

        if self._client is None:
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            self._client = httpx.Client(headers=headers, timeout=self._timeout_s)
        try:
            response = self._client.request(method, self.url + path, json=body)
            response.raise_for_status()
            return response.json()
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            raise MindError(f"the mind at {self._shown} refuses with HTTP {status}") from None
        except (httpx.HTTPError, ValueError) as error:
            raise MindError(f"the mind at {self._shown} cannot be asked: {type(error).__name__}") from None


def _read(message: Mapping[str, Any]) -> Thought:
    calls = []
    for call in message.get("tool_calls") or ():
        function = call["function"]
        given = function.get("arguments") or {}
        args = json.loads(given) if isinstance(given, str) else given
        if not isinstance(args, dict):
            raise ValueError("arguments are an object")
        calls.append(WantedCall(str(call.get("id") or ""), str(function["name"]), args))
    return Thought(str(message.get("content") or "").strip()[:_LONGEST], tuple(calls))


def declared(functions: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Function declarations of the Live API as the endpoint takes them."""
    return tuple(
        {
            "type": "function",
            "function": {
                "name": function.get("name", ""),
                "description": function.get("description", ""),
                "parameters": function.get("parametersJsonSchema")
                or _json_schema(function.get("parameters"))
                or {"type": "object", "properties": {}},
            },
        }
        for function in functions
    )


def _json_schema(schema: Any) -> Any:
    """An OpenAPI-style schema with types in lower case."""
    if isinstance(schema, list):
        return [_json_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _json_schema(value) for key, value in schema.items()}
    if isinstance(kind := made.get("type"), str):
        made["type"] = kind.lower()
    return made
