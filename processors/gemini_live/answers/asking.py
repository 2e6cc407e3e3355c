"""A question to the model beside the conversation: a session of its own, whose answer nobody hears."""

from __future__ import annotations

import asyncio

from ....liveapi import ClientContent, RealtimeInput, WireError, decode_server, encode_client
from ....liveapi.client import ClientMessage
from ....liveapi.content import Content
from ....liveapi.link import LinkClosed
from ....pipeline.errors import ServiceError
from ....pipeline.units import SECOND
from ..session.connecting import Wire, drop

__all__ = ["ask_model"]

_WITHIN_NS = 40 * SECOND
_MOST_CHARACTERS = 20_000


async def ask_model(wire: Wire, setup: str, text: str, *, by_text: bool) -> str:
    """What the model answers to ``text``, as its own transcript has it. Raises ``ServiceError``.

    ``setup`` asks for the transcript of what is spoken. ``by_text``: as realtime input, where no other is taken.
    """
    try:
        async with asyncio.timeout(_WITHIN_NS / SECOND):
            return await _asked(wire, setup, text, by_text)
    except TimeoutError as error:
        raise ServiceError("the model did not answer in time", retryable=True) from error
    except (LinkClosed, WireError) as error:
        raise ServiceError(f"the model cannot be asked: {wire.redact(str(error))}") from error


async def _asked(wire: Wire, setup: str, text: str, by_text: bool) -> str:
    link = await wire.connect()
    try:
        await link.send(setup)
        found = ""
        while True:
            message = decode_server(await link.recv())
            if message.setup_complete is not None:
                if by_text:
                    request = ClientMessage(realtime_input=RealtimeInput(text=text))
                else:
                    turns = [Content.of_text(text, "user")]
                    request = ClientMessage(client_content=ClientContent(turns, True))
                await link.send(encode_client(request))
            content = message.server_content
            if content is None:
                continue
            if content.output_transcription is not None:
                found += content.output_transcription.text
            for part in content.model_turn.parts if content.model_turn is not None else ():
                found += part.text if part.text and not part.thought else ""
            if content.generation_complete or content.turn_complete or len(found) > _MOST_CHARACTERS:
                return found.strip()
    finally:
        await drop(link)
