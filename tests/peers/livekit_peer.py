"""A realtime session of LiveKit's google plugin; prints what it said and did as JSON. See `run_peers`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from livekit.agents import llm
from livekit.agents.utils import http_context
from livekit.plugins.google.realtime import RealtimeModel

_WITHIN_S = 40.0


@llm.function_tool
async def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: its name
    """
    raise NotImplementedError


class _Talk:
    """A session, and the generations that it creates."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.calls: list[Any] = []
        self.samples = 0
        self._created: asyncio.Queue[Any] = asyncio.Queue()
        session.on("generation_created", self._created.put_nowait)

    async def generation(self, created: Any) -> str:
        """The words of a generation; its calls are kept."""
        words = ""
        async for message in created.message_stream:

            async def listen(message: Any = message) -> None:
                async for frame in message.audio_stream:
                    self.samples += frame.samples_per_channel

            ear = asyncio.create_task(listen())
            async for piece in message.text_stream:
                words += str(piece)
            await ear
        async for call in created.function_stream:
            self.calls.append([call.name, json.loads(call.arguments), call.call_id])
        return " ".join(words.split())

    async def reply(self, **options: Any) -> str:
        """What a reply that was asked for says."""
        async with asyncio.timeout(_WITHIN_S):
            return await self.generation(await self.session.generate_reply(**options))

    async def next(self) -> str:
        """What the next generation that has words says."""
        async with asyncio.timeout(_WITHIN_S):
            while True:
                created = await self._created.get()
                if words := await self.generation(created):
                    return words

    async def say(self, text: str) -> str:
        """What is answered to a text of the user."""
        context = self.session.chat_ctx.copy()
        context.add_message(role="user", content=text)
        await self.session.update_chat_ctx(context)
        return await self.reply()

    async def result(self, output: str) -> str:
        """What is said of the result of the last call."""
        name, arguments, call_id = self.calls[-1]
        while not self._created.empty():
            self._created.get_nowait()
        context = self.session.chat_ctx.copy()
        context.insert(llm.FunctionCall(call_id=call_id, name=name, arguments=json.dumps(arguments)))
        context.insert(llm.FunctionCallOutput(call_id=call_id, name=name, output=output, is_error=False))
        await self.session.update_chat_ctx(context)
        return await self.next()


async def main(model: str) -> dict[str, Any]:
    """Talk, and tell what was said."""
    realtime = RealtimeModel(model=model, api_key="any", instructions="You are a helpful assistant.")
    session = realtime.session()
    await session.update_tools([get_weather])
    talk = _Talk(session)
    told: dict[str, Any] = {}
    if realtime.capabilities.mutable_chat_context:
        told["first"] = await talk.reply(instructions="Greet the user and offer your assistance.")
        told["sound"] = talk.samples
        told["name"] = await talk.say("My name is Ann.")
        told["weather"] = await talk.say("What is the weather in Oslo?")
        if talk.calls:
            told["weather"] = await talk.result("It is 31 degrees in Oslo.")
        told["calls"] = [call[:2] for call in talk.calls]
        told["memory"] = await talk.say("What is my name?")
    await session.aclose()
    await realtime.aclose()
    return told


async def _with_http(model: str) -> dict[str, Any]:
    async with http_context.open():
        return await main(model)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_with_http(sys.argv[1]))))
