"""A text model thinks for the simulator: asked over HTTP, a real server in the test, tools included."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from livegraph.liveapi import AudioTranscriptionConfig, Content, FunctionDeclaration, Setup, Tool
from livegraph.simulator.mind import Mind, MindError, MindRequest
from livegraph.simulator.server import Simulator
from support.live import calling, virtually

SETUP = Setup(
    model="models/gemini-3.8-live",
    system_instruction=Content.of_text("You are Bob."),
    tools=[
        Tool(
            function_declarations=[
                FunctionDeclaration(
                    name="get_weather",
                    description="The weather of a city.",
                    behavior="BLOCKING",
                    parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}}},
                )
            ]
        )
    ],
    output_audio_transcription=AudioTranscriptionConfig(),
)

Answer = Callable[[dict[str, Any]], Any]


class Endpoint:
    """A chat endpoint on this machine; ``asked`` is what it was asked, with the headers."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        asked, headers = self.asked, self.headers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._tell(200, {"data": [{"id": "first-model"}, {"id": "other"}]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                asked.append(body)
                headers.append({"path": self.path, **dict(self.headers)})
                told = answer(body)
                if isinstance(told, int):
                    self._tell(told, {"error": {"message": "no"}})
                else:
                    self._tell(200, {"choices": [{"message": {"role": "assistant", **told}}]})

            def _tell(self, status: int, value: Any) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def endpoint(answer: Answer) -> Iterator[Endpoint]:
    made = Endpoint(answer)
    try:
        yield made
    finally:
        made.close()


def by_last(body: dict[str, Any]) -> dict[str, Any]:
    """A model that knows three things."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return {"content": f"It is {json.loads(last['content'])['temp']} degrees."}
    if "weather" in last["content"]:
        call = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
        return {"content": None, "tool_calls": [{"id": "x", "type": "function", "function": call}]}
    if "story" in last["content"]:
        return {"content": "Once upon a time there was a king. He had a castle. He had a horse."}
    return {"content": f"You said {last['content']}"}


def test_it_answers_and_calls_tools() -> None:
    """The conversation as the endpoint takes it: instruction, what was said, calls and their results."""
    with endpoint(by_last) as mind:

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                assert await caller.words("Good morning.") == "You said Good morning."
                await caller.write("What is the weather in Oslo?")
                ((id_, name, args),) = (await caller.until("toolCall")).calls()
                assert (name, args) == ("get_weather", {"city": "Oslo"})
                caller.forget()
                await caller.answer(id_, {"temp": 31})
                await caller.until("turnComplete")
                assert (
                    "".join(heard.text for heard in caller.all("outputTranscription")) == "It is 31 degrees."
                )

        virtually(test, mind=mind.url)
        first, *_, last = mind.asked
    assert first["model"] == "first-model" and first["tools"][0]["function"]["name"] == "get_weather"
    assert first["messages"][0]["role"] == "system" and "You are Bob." in first["messages"][0]["content"]
    roles = [message["role"] for message in last["messages"]]
    assert roles == ["system", "user", "assistant", "user", "assistant", "tool"]
    assert last["messages"][-2]["tool_calls"][0]["id"] == last["messages"][-1]["tool_call_id"]


def test_what_was_cut_is_told_as_far_as_it_was_said() -> None:
    with endpoint(by_last) as mind:

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("A story, please.")
                await caller.until("audio")
                await caller.write("Thank you.")
                await caller.until("turnComplete", 2)

        virtually(test, mind=mind.url)
        said = mind.asked[-1]["messages"][-2]
    assert said["role"] == "assistant" and said["content"].endswith("(interrupted)")
    assert "horse" not in said["content"]


def test_a_mind_that_fails_does_not_end_the_session() -> None:
    """It says that it cannot think; the next question is asked again."""
    down = [True]

    def answer(body: dict[str, Any]) -> Any:
        return 503 if down[0] else by_last(body)

    with endpoint(answer) as mind:

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                assert "cannot think" in await caller.words("Hello.")
                down[0] = False
                assert await caller.words("Hello.") == "You said Hello."

        virtually(test, mind=mind.url)


def test_it_goes_on_after_resuming() -> None:
    """What was said before is before it again."""
    with endpoint(by_last) as mind:

        async def test(simulator: Simulator) -> None:
            import msgspec

            from livegraph.liveapi import SessionResumptionConfig

            async with calling(simulator.open(), SETUP) as caller:
                await caller.words("I am Ann.")
                update = caller.all("sessionResumptionUpdate")[0].message.session_resumption_update
                assert update
            again = msgspec.structs.replace(
                SETUP, session_resumption=SessionResumptionConfig(update.new_handle)
            )
            async with calling(simulator.open(), again) as caller:
                await caller.words("Who am I?")

        virtually(test, mind=mind.url)
        contents = [message["content"] for message in mind.asked[-1]["messages"]]
    assert contents[1:] == ["I am Ann.", "You said I am Ann.", "Who am I?"]


@pytest.mark.parametrize("suffix", ["", "/", "/chat/completions"])
def test_addresses_in_any_form_and_a_key(suffix: str) -> None:
    with endpoint(by_last) as server:
        mind = Mind(server.url + suffix, "named", "secret")
        thought = mind.ask(MindRequest(({"role": "user", "content": "Hi"},)))
        mind.close()
        assert thought.text == "You said Hi" and server.asked[0]["model"] == "named"
        assert server.headers[0]["Authorization"] == "Bearer secret"
        assert server.headers[0]["path"] == "/v1/chat/completions"
    assert "secret" not in repr(mind)


def test_what_cannot_be_asked_says_so_in_a_sentence() -> None:
    with endpoint(
        lambda body: {"tool_calls": [{"function": {"name": "x", "arguments": "nonsense"}}]}
    ) as server:
        mind = Mind(server.url, "m")
        with pytest.raises(MindError, match="no answer"):
            mind.ask(MindRequest(()))
        mind.close()
    gone = Mind(server.url, "m", timeout_s=2)
    with pytest.raises(MindError, match="cannot be asked"):
        gone.ask(MindRequest(()))
    gone.close()
    with pytest.raises(ValueError, match="http://host:port"):
        Mind("localhost:1234")


def test_several_sessions_think_at_once() -> None:
    """A slow mind holds up only whoever asked it."""
    both = threading.Barrier(2, timeout=20)

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        both.wait()
        return by_last(body)

    with endpoint(answer) as mind:

        async def test(simulator: Simulator) -> None:
            async def talk() -> None:
                async with calling(simulator.open(), SETUP) as caller:
                    assert await caller.words("Hello.") == "You said Hello."

            await asyncio.gather(talk(), talk())

        virtually(test, mind=Mind(mind.url, "m"))
