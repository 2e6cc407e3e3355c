"""The same voice agent on Pipecat, for ``bench_media --pipecat PYTHON``: run by a Python that has it, not livegraph.

    PYTHON pipecat_server.py ws://127.0.0.1:PORT

Its small WebRTC transport, its Silero detector, its Gemini Live service, on uvloop. It prints its port, and stalls its
event loop for as many milliseconds as a line on stdin says.
"""


# mypy: ignore-errors

from __future__ import annotations

import asyncio
import sys
import time

import uvicorn
import uvloop
from fastapi import FastAPI, Request
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.workers.runner import WorkerRunner

logger.remove()
_calls: set[asyncio.Task[None]] = set()


async def call(connection: SmallWebRTCConnection, model: str) -> None:
    """One caller until it is gone."""
    params = TransportParams(audio_in_enabled=True, audio_out_enabled=True, audio_out_10ms_chunks=2)
    transport = SmallWebRTCTransport(webrtc_connection=connection, params=params)
    live = GeminiLiveLLMService(api_key="stub")
    # Google's library speaks TLS alone, and the model of the benchmark does not.
    api = live._client._api_client
    api._websocket_base_url = lambda *_, **__: model
    api._websocket_ssl_ctx = {"proxy": None}
    context = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    boxes = [transport.input(), context.user(), live, transport.output(), context.assistant()]
    pipeline = Pipeline(boxes)
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000),
        cancel_on_idle_timeout=False,
    )

    @transport.event_handler("on_client_connected")
    async def connected(_transport, _client) -> None:
        await worker.queue_frames([LLMRunFrame()])
        connection.send_app_message({"type": "ready"})

    @transport.event_handler("on_client_disconnected")
    async def gone(_transport, _client) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


async def main(model: str) -> None:
    """Serve until stdin ends."""
    app = FastAPI()

    @app.post("/api/offer")
    async def offer(request: Request) -> dict:
        given = await request.json()
        connection = SmallWebRTCConnection([])
        await connection.initialize(sdp=given["sdp"], type=given["type"])
        task = asyncio.create_task(call(connection, model))
        _calls.add(task)
        task.add_done_callback(_calls.discard)
        return connection.get_answer()

    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()

    def stall() -> None:
        line = sys.stdin.readline()
        if line:
            time.sleep(int(line) / 1_000)
        else:
            server.should_exit = True
            loop.remove_reader(sys.stdin.fileno())

    loop.add_reader(sys.stdin.fileno(), stall)
    await serving


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
