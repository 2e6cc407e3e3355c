"""What differs from model to model: defaults, refusals, and the form of what is sent."""

import asyncio
from typing import Any

import pytest

from livegraph.liveapi import (
    AudioTranscriptionConfig,
    Empty,
    FunctionDeclaration,
    GenerationConfig,
    ServerMessage,
    SessionResumptionConfig,
    Setup,
    ThinkingConfig,
    Tool,
)
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.server import Simulator
from support.live import VERTEX_PATH, calling, virtually
from support.speech import recorded

SCRIPT = parse_brain("""
version: 1
rules:
  - hear: book
    call: {tool: book, args: {}}
    say_result: "It is {result.status}."
  - hear: story
    say: Once there was a keeper of a lighthouse. Every evening she climbed the stairs.
fallback: "You said: {heard}."
""")
OLD, NEW, THINKING = (
    "models/gemini-2.5-flash-native-audio-preview-12-2025",
    "models/gemini-3.8-live",
    "models/gemini-3.8-live-extended-thinking",
)


def setup(model: str, behavior: str = "", **fields: Any) -> Setup:
    """With transcripts, handles and one function."""
    function = FunctionDeclaration(name="book", behavior=behavior)
    usual: dict[str, Any] = {
        "tools": [Tool(function_declarations=[function])],
        "input_audio_transcription": AudioTranscriptionConfig(),
        "output_audio_transcription": AudioTranscriptionConfig(),
        "session_resumption": SessionResumptionConfig(),
    }
    return Setup(model=model, **{**usual, **fields})


@pytest.mark.parametrize(
    ("model", "behavior", "waits", "prefix"),
    [
        (OLD, "", True, "function-call-"),
        (OLD, "NON_BLOCKING", False, "function-call-"),
        (NEW, "", False, "call_"),
        (NEW, "UNSPECIFIED", False, "call_"),
        (NEW, "BLOCKING", True, "fc_"),
        ("models/another", "", True, "fc_"),
    ],
)
def test_whether_a_call_waits_is_the_models_default(
    model: str, behavior: str, waits: bool, prefix: str
) -> None:
    """A blocking call holds its turn open; a 2.x model ends it, and is silent until it has the response."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), setup(model, behavior)) as caller:
            await caller.write("book")
            ((id_, _, _),) = (await caller.until("toolCall")).calls()
            assert id_.startswith(prefix)
            await asyncio.sleep(3)
            held_open = waits and model != OLD
            assert bool(caller.all("turnComplete")) is not held_open
            assert not caller.all("outputTranscription")
            await caller.answer(id_, {"output": {"status": "done"}})
            await caller.until("turnComplete", 1 if held_open else 2)
            assert "".join(heard.text for heard in caller.all("outputTranscription")) == "It is done."

    virtually(test, script=SCRIPT)


@pytest.mark.parametrize(("model", "told"), [(OLD, True), (NEW, False), ("models/another", True)])
@pytest.mark.parametrize("asked", [None, True, False])
def test_whether_a_cancellation_is_told(model: str, told: bool, asked: bool | None) -> None:
    """By the model, unless the simulator is told otherwise."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), setup(model, "BLOCKING")) as caller:
            await caller.write("book")
            await caller.until("toolCall")
            await caller.write("hello")
            await caller.until("turnComplete", 2)
            assert bool(caller.all("toolCallCancellation")) is (told if asked is None else asked)

    virtually(test, script=SCRIPT, send_cancellation=asked)


def test_older_models_speak_in_smaller_messages() -> None:
    """2.x: words one by one, a new handle after each turn, no voice activity; one field in each message."""

    async def test(simulator: Simulator) -> list[list[str]]:
        kinds = []
        for model in (OLD, NEW):
            async with calling(simulator.open(), setup(model)) as caller:
                await caller.say(recorded("go_forward").pcm)
                await caller.pause(2)
                await caller.until("turnComplete")
                await caller.words("Tell me a story.")
                await asyncio.sleep(0.1)
                kinds.append([kind for heard in caller.heard for kind in heard.kinds])
                several = any(len(heard.kinds) > 1 for heard in caller.heard)
                assert several is (model == NEW)
        return kinds

    old, new = virtually(test, script=SCRIPT)
    assert old.count("sessionResumptionUpdate") == 3 and new.count("sessionResumptionUpdate") == 1
    # "(speech, 1.4 s)" has three words.
    assert old.count("inputTranscription") == 3 and new.count("inputTranscription") == 1
    assert "ACTIVITY_START" not in old and "ACTIVITY_START" in new


def test_an_older_model_gives_handles_to_those_who_ask() -> None:
    async def test(simulator: Simulator) -> None:
        for model, count in ((OLD, 0), (NEW, 1)):
            async with calling(simulator.open(), setup(model, session_resumption=None)) as caller:
                await caller.words("hello")
                assert len(caller.all("sessionResumptionUpdate")) == count

    virtually(test, script=SCRIPT)


def test_a_model_that_writes() -> None:
    """live-api.md 16.8: pieces of text, then the ends at once; tokens are of text."""
    config = GenerationConfig(response_modalities=["TEXT"])

    async def test(simulator: Simulator) -> None:
        model = "models/gemini-2.0-flash-live-001"
        async with calling(simulator.open(), setup(model, generation_config=config)) as caller:
            await caller.write("Tell me a story.")
            over = await caller.until("turnComplete")
            texts = [
                heard.message.server_content.model_turn.plain_text
                for heard in caller.heard
                if heard.message.server_content and heard.message.server_content.model_turn
            ]
            assert len(texts) > 2 and not caller.all("outputTranscription")
            assert "".join(texts).startswith("Once there was a keeper")
            done = caller.all("generationComplete")[0]
            assert over.at_ms - done.at_ms < 1
            usage = over.message.usage_metadata
            assert usage and [each.modality for each in usage.response_tokens_details] == ["TEXT"]

    virtually(test, script=SCRIPT)


def test_thoughts_come_to_those_who_ask() -> None:
    """As a part that is marked, before the answer, and counted by themselves."""
    config = GenerationConfig(thinking_config=ThinkingConfig(include_thoughts=True, thinking_budget=100))

    async def test(simulator: Simulator) -> None:
        for asked in (True, False):
            fields = {"generation_config": config} if asked else {}
            async with calling(simulator.open(), setup(OLD, **fields)) as caller:
                await caller.words("hello")
                turns = [heard.message.server_content for heard in caller.heard]
                parts = [part for turn in turns if turn and turn.model_turn for part in turn.model_turn.parts]
                assert parts[0].thought is asked and not any(part.thought for part in parts[1:])
                usage = (
                    caller.heard[-1].message.usage_metadata
                    or caller.all("turnComplete")[0].message.usage_metadata
                )
                assert usage and (usage.thoughts_token_count > 0) is asked

    virtually(test, script=SCRIPT)


def test_an_extended_thinking_model_says_whether_there_is_more() -> None:
    """live-api.md 16.5: IN_PROGRESS while a call is pending, at the root beside the call; IDLE at the end."""

    async def test(simulator: Simulator) -> list[str]:
        async with calling(simulator.open(), setup(THINKING)) as caller:
            await caller.write("book")
            await caller.until("turnComplete")
            ((id_, _, _),) = caller.all("toolCall")[0].calls()
            await caller.answer(id_, {"output": {"status": "done"}}, scheduling="SILENT")
            await caller.until("turnComplete", 2)
            return [status(heard.message) for heard in caller.heard if status(heard.message)]

    def status(message: ServerMessage) -> str:
        content = message.server_content
        return message.interaction_status or (content.interaction_status if content else "")

    assert virtually(test, script=SCRIPT) == ["IN_PROGRESS", "IN_PROGRESS", "IDLE"]


NOT_FOUND = (1008, "models/{} is not found for API version v1beta")
INVALID = (1007, "Request contains an invalid argument.")


@pytest.mark.parametrize(
    ("model", "fields", "refusal"),
    [
        ("gemini-9", {}, NOT_FOUND),
        ("gemini-2.0-flash-exp", {}, NOT_FOUND),
        (
            "gemini-3.8-live",
            {"generation_config": GenerationConfig(thinking_config=ThinkingConfig())},
            INVALID,
        ),
        ("gemini-3.8-live", {"generation_config": GenerationConfig(enable_affective_dialog=True)}, INVALID),
        ("gemini-3.8-live", {"tools": [Tool(code_execution=Empty())]}, INVALID),
        (
            "gemini-3.1-flash-live-preview",
            {"tools": [Tool(function_declarations=[FunctionDeclaration(name="f", behavior="NON_BLOCKING")])]},
            INVALID,
        ),
        (
            "gemini-3.8-live-extended-thinking",
            {"tools": [Tool(function_declarations=[FunctionDeclaration(name="f", behavior="BLOCKING")])]},
            INVALID,
        ),
        (
            "gemini-3.8-live",
            {"tools": [Tool(function_declarations=[FunctionDeclaration(name="no spaces")])]},
            INVALID,
        ),
    ],
)
def test_a_strict_simulator_refuses_what_the_model_cannot_do(
    model: str, fields: dict[str, Any], refusal: tuple[int, str]
) -> None:
    """With the service's code and words; a lenient one lets it pass."""

    async def test(simulator: Simulator) -> None:
        asked = Setup(model=f"models/{model}", **fields)
        async with calling(simulator.open()) as caller:
            with pytest.raises(AssertionError):
                await caller.open(asked)
            code, words = refusal
            assert caller.closed and caller.closed.code == code
            assert caller.closed.reason.startswith(words.format(model))

    async def lenient(simulator: Simulator) -> None:
        async with calling(simulator.open(), Setup(model=f"models/{model}", **fields)):
            pass

    virtually(test, strict=True)
    virtually(lenient, strict=False)


def test_a_strict_simulator_can_be_told_of_models() -> None:
    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), Setup(model="models/gemini-9")):
            pass

    virtually(test, strict=True, models=["gemini-9"])


def test_content_in_mid_session_is_not_for_every_model() -> None:
    """3.1 takes it as initial history only."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), Setup(model="models/gemini-3.1-flash-live-preview")) as caller:
            await caller.tell(("user", "Hello."))
            closed = await caller.until_closed()
            assert closed.code == 1007 and "initial history" in closed.reason

    virtually(test, strict=True)


def test_vertex_signals_activity_on_request() -> None:
    """explicitVadSignal: the older message beside the newer one, never for those who detect it themselves."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(VERTEX_PATH), setup(NEW, explicit_vad_signal=True)) as caller:
            await caller.say(recorded("go_forward").pcm)
            await caller.pause(2)
            signals = [heard.message.voice_activity_detection_signal for heard in caller.heard]
            found = [signal.vad_signal_type for signal in signals if signal]
            assert found == ["VAD_SIGNAL_TYPE_SOS", "VAD_SIGNAL_TYPE_EOS"]
            opened = caller.heard[0].message.setup_complete
            assert opened and opened.session_id

    virtually(test, script=SCRIPT, strict=True)
