"""A Pipecat pipeline around ``GeminiLiveLLMService``; prints what it said and did as JSON. See `run_peers`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from loguru import logger
from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    EndFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    OutputAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService

_WITHIN_S = 40.0


class _Ear(FrameProcessor):
    """Behind the model: hears, and knows when an answer is over."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.sound = 0
        self.interrupted = 0
        self.over = asyncio.Event()
        self.heard = asyncio.Event()

    async def process_frame(self, frame: Any, direction: Any) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSTextFrame):
            self.text += frame.text
        elif isinstance(frame, OutputAudioRawFrame):
            self.sound += len(frame.audio)
            self.heard.set()
        elif isinstance(frame, LLMFullResponseEndFrame):
            self.over.set()
        elif isinstance(frame, InterruptionFrame):
            self.interrupted += 1
        await self.push_frame(frame, direction)

    async def answer(self) -> str:
        """What is said until the end of an answer that has words."""
        async with asyncio.timeout(_WITHIN_S):
            while not self.text.strip() or not self.over.is_set():
                self.over.clear()
                await self.over.wait()
        text, self.text = " ".join(self.text.split()), ""
        self.over.clear()
        return text


async def main(model: str) -> dict[str, Any]:
    """Talk, and tell what was said."""
    calls: list[Any] = []

    async def get_weather(params: Any) -> None:
        calls.append([params.function_name, dict(params.arguments)])
        await params.result_callback({"output": "It is 31 degrees in Oslo."})

    weather = FunctionSchema(
        name="get_weather",
        description="The weather of a city.",
        properties={"city": {"type": "string", "description": "its name"}},
        required=["city"],
    )
    llm = GeminiLiveLLMService(
        api_key="any",
        system_instruction="You are a helpful assistant.",
        settings=GeminiLiveLLMService.Settings(model=f"models/{model}"),
    )
    llm.register_function("get_weather", get_weather)
    context = LLMContext(
        [{"role": "user", "content": "Greet the user and introduce yourself."}],
        ToolsSchema(standard_tools=[weather]),
    )
    pair = LLMContextAggregatorPair(context)
    ear = _Ear()
    task = PipelineTask(Pipeline([pair.user(), llm, ear, pair.assistant()]), params=PipelineParams())
    running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))
    await task.queue_frames([LLMRunFrame()])
    told: dict[str, Any] = {"first": await ear.answer()}
    told["sound"] = ear.sound
    await llm._send_user_text("My name is Ann.")
    told["name"] = await ear.answer()
    await llm._send_user_text("What is the weather in Oslo?")
    told["weather"] = await ear.answer()
    told["calls"] = calls
    await llm._send_user_text("What is my name?")
    told["memory"] = await ear.answer()
    await task.queue_frames([EndFrame()])
    await running
    return told


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    print(json.dumps(asyncio.run(main(sys.argv[1]))))
