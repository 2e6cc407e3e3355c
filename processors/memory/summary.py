"""Who writes the summary of a call: the Live model itself, or a text model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

from ...pipeline.options import Doc, Secret

__all__ = ["Asking", "SummaryError", "TextModel", "ask_live_model", "ask_text_model"]

_MOST_ANSWER_BYTES = 200_000


class SummaryError(Exception):
    """Nobody could be asked; the text says why, and holds no secret."""


@dataclass(frozen=True, slots=True)
class TextModel:
    """An endpoint for chat completions in OpenAI's form; Google's is
    https://generativelanguage.googleapis.com/v1beta/openai."""

    url: Annotated[str, Doc("address up to /chat/completions")]
    model: Annotated[str, Doc("name of the model")]
    key: Annotated[Secret | None, Doc("bearer token")] = None


@runtime_checkable
class Asking(Protocol):
    """What a Live box can be asked beside the conversation."""

    async def ask(self, text: str) -> str:
        """The model's answer to ``text``, in a session of its own that no caller hears."""
        ...


async def ask_live_model(peers: Iterable[Any], text: str) -> str:
    """The answer of the model that talks in this call. Raises ``SummaryError``."""
    from ...pipeline.errors import ServiceError

    for peer in peers:
        if isinstance(peer, Asking):
            try:
                return await peer.ask(text)
            except ServiceError as error:
                raise SummaryError(str(error)) from error
    raise SummaryError("no model is joined to this box (connect its results to gemini_live.tool_results)")


async def ask_text_model(model: TextModel, text: str, timeout_s: float) -> str:
    """The answer of a text model. Raises ``SummaryError``."""
    import httpx

    headers = {"Authorization": f"Bearer {model.key.reveal()}"} if model.key else {}
    body = {"model": model.model, "messages": [{"role": "user", "content": text}]}
    url = f"{model.url.rstrip('/')}/chat/completions"
    try:
        async with httpx.AsyncClient(timeout=timeout_s, follow_redirects=False) as client:
            response = await client.post(url, json=body, headers=headers)
            if response.status_code != 200 or len(response.content) > _MOST_ANSWER_BYTES:
                raise SummaryError(f"the text model answered with status {response.status_code}")
            said = response.json()["choices"][0]["message"]["content"]
            if not isinstance(said, str):
                raise SummaryError("the text model answered with no words")
            return said.strip()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, IndexError, TypeError) as error:
        raise SummaryError(f"the text model cannot be asked: {type(error).__name__}") from error
