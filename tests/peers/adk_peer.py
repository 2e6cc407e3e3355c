"""An agent of google-adk in ``run_live``; prints what it said and did as JSON. See `run_peers`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from google.adk.agents import Agent
from google.adk.agents.live_request_queue import LiveRequestQueue
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.runners import InMemoryRunner
from google.genai import types

_WITHIN_S = 40.0
_calls: list[Any] = []


def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: its name
    """
    _calls.append(["get_weather", {"city": city}])
    return "It is 31 degrees in Oslo."


async def main(model: str) -> dict[str, Any]:
    """Talk, and tell what was said."""
    agent = Agent(name="peer", model=model, instruction="You are a helpful assistant.", tools=[get_weather])
    runner = InMemoryRunner(agent, app_name="peer")
    session = await runner.session_service.create_session(app_name="peer", user_id="ann")
    queue = LiveRequestQueue()
    config = RunConfig(
        streaming_mode=StreamingMode.BIDI,
        response_modalities=["AUDIO"],
        output_audio_transcription=types.AudioTranscriptionConfig(),
        input_audio_transcription=types.AudioTranscriptionConfig(),
    )
    events = runner.run_live(
        user_id="ann", session_id=session.id, live_request_queue=queue, run_config=config
    )
    sound = 0

    async def say(text: str) -> str:
        """What is answered to a text."""
        nonlocal sound
        queue.send_content(types.Content(role="user", parts=[types.Part(text=text)]))
        words = ""
        async with asyncio.timeout(_WITHIN_S):
            async for event in events:
                for part in event.content.parts if event.content and event.content.parts else []:
                    if part.inline_data and part.inline_data.data:
                        sound += len(part.inline_data.data)
                said = event.output_transcription
                if said is not None and event.partial and said.text:
                    words += said.text
                if event.turn_complete and words.strip():
                    return " ".join(words.split())
        raise AssertionError(f"the session ended after {words!r}")

    told: dict[str, Any] = {"first": await say("Greet the user and introduce yourself.")}
    told["sound"] = sound
    told["name"] = await say("My name is Ann.")
    told["weather"] = await say("What is the weather in Oslo?")
    told["calls"] = _calls
    told["memory"] = await say("What is my name?")
    queue.close()
    await events.aclose()
    return told


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1]))))
