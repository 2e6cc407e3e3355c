"""What a session may hold and how long it may last."""

import asyncio
from typing import Any

import pytest

from livegraph.liveapi import (
    AudioTranscriptionConfig,
    Blob,
    ClientMessage,
    ContextWindowCompression,
    GenerationConfig,
    RealtimeInput,
    RealtimeInputConfig,
    SessionResumptionConfig,
    Setup,
    SlidingWindow,
    UsageMetadata,
    encode_audio,
)
from livegraph.simulator.behaviour import SECOND
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.server import Simulator
from livegraph.simulator.usage import ModelContext
from support.live import Caller, calling, virtually
from support.speech import recorded

MODEL = "models/gemini-3.8-live"
SCRIPT = parse_brain("version: 1\nfallback: All right.\n")


async def spent(caller: Caller, text: str) -> UsageMetadata:
    """The usage of a typed turn."""
    first = len(caller.heard)
    await caller.write(text)
    usage = (await caller.turn_after(first)).message.usage_metadata
    assert usage is not None
    return usage


def image_tokens(usage: UsageMetadata) -> int:
    """Those of images."""
    return sum(each.token_count for each in usage.prompt_tokens_details if each.modality == "IMAGE")


def test_each_turn_pays_for_the_whole_context() -> None:
    """25 tokens a second of sound, and all that was said before again."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), Setup(model=MODEL)) as caller:
            before = await spent(caller, "a" * 400)
            assert before.prompt_token_count == 100
            sound_ms = sum(heard.audio_ms for heard in caller.heard)
            assert before.response_token_count == round(sound_ms * 25 / 1_000)
            after = await spent(caller, "b" * 400)
            assert after.prompt_token_count == 200 + before.response_token_count
            for usage in (before, after):
                assert usage.total_token_count == usage.prompt_token_count + usage.response_token_count
                details = usage.prompt_tokens_details
                assert sum(each.token_count for each in details) == usage.prompt_token_count

    virtually(test, script=SCRIPT)


def test_compression_drops_the_oldest_before_a_turn() -> None:
    """live-api.md 16.9: nothing announces it but promptTokenCount."""
    compression = ContextWindowCompression(500, SlidingWindow(200))

    async def test(simulator: Simulator) -> list[int]:
        setup = Setup(model=MODEL, context_window_compression=compression)
        async with calling(simulator.open(), setup) as caller:
            return [(await spent(caller, "a" * 400)).prompt_token_count for _ in range(12)]

    counts = virtually(test, script=SCRIPT)
    drops = [at for at in range(1, len(counts)) if counts[at] < counts[at - 1]]
    assert len(drops) >= 2 and max(counts) <= 500
    assert all(counts[at] <= 200 for at in drops)


def test_compression_leaves_a_history_that_begins_with_the_user() -> None:
    context = ModelContext()
    for number in range(20):
        context.add_text("user", f"question {number} " + "x" * 40)
        context.add_text("model", f"answer {number} " + "x" * 80)
    assert not context.compress(10_000, 100)
    assert context.compress(400, 100)
    assert context.total <= 100 and context.history[0].role == "user"


@pytest.mark.parametrize(("trigger", "target"), [(100, 100), (100, 200), (-5, None)])
def test_impossible_compression_is_refused(trigger: int, target: int | None) -> None:
    async def test(simulator: Simulator) -> None:
        compression = ContextWindowCompression(trigger, SlidingWindow(target))
        async with calling(simulator.open()) as caller:
            await caller.send(ClientMessage(setup=Setup(model=MODEL, context_window_compression=compression)))
            assert (await caller.until_closed()).code == 1007

    virtually(test)


def test_a_full_context_ends_the_session() -> None:
    """Without compression the window is the end: 131,072 tokens."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), Setup(model=MODEL)) as caller:
            await spent(caller, "hello")
            await caller.write("a" * 4 * 131_072)
            closed = await caller.until_closed()
            assert (closed.code, closed.reason) == (1007, "Request contains an invalid argument.")

    virtually(test, script=SCRIPT)


def resuming(handle: str, **fields: Any) -> Setup:
    """The setup that resumes a session."""
    return Setup(model=MODEL, session_resumption=SessionResumptionConfig(handle), **fields)


async def handle_of(caller: Caller) -> str:
    """The handle of a session."""
    update = (await caller.until("sessionResumptionUpdate")).message.session_resumption_update
    assert update is not None
    return update.new_handle


def test_a_session_lasts_fifteen_minutes_over_all_its_connections() -> None:
    """And is forgotten then; with compression there is no end."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), Setup(model=MODEL)) as caller:
            handle = await handle_of(caller)
            await asyncio.sleep(590)
        async with calling(simulator.open(), resuming(handle)) as caller:
            closed = await caller.until_closed(within_s=400)
            assert (closed.code, closed.reason) == (1008, "The operation was aborted.")
            assert caller.now_ms == pytest.approx(900_000, abs=1_000)
        async with calling(simulator.open()) as caller:
            await caller.send(ClientMessage(setup=resuming(handle)))
            assert (await caller.until_closed()).code == 1008
        setup = Setup(model=MODEL, context_window_compression=ContextWindowCompression())
        async with calling(simulator.open(), setup) as caller:
            handle = await handle_of(caller)
            await asyncio.sleep(590)
        compression = ContextWindowCompression(sliding_window=SlidingWindow())
        async with calling(
            simulator.open(), resuming(handle, context_window_compression=compression)
        ) as caller:
            await asyncio.sleep(500)
            assert caller.closed is None

    virtually(test)


async def show(caller: Caller) -> None:
    """Send an image."""
    await caller.send(ClientMessage(realtime_input=RealtimeInput(video=Blob(b"\xff\xd8", "image/jpeg"))))


def test_a_session_with_images_lasts_two_minutes() -> None:
    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), Setup(model=MODEL)) as caller:
            await asyncio.sleep(60)
            began = caller.now_ms
            await show(caller)
            closed = await caller.until_closed(within_s=300)
            assert closed.code == 1008 and caller.now_ms - began == pytest.approx(120_000, abs=10)

    virtually(test)


def test_the_caps_can_be_moved() -> None:
    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), Setup(model=MODEL)) as caller:
            assert (await caller.until_closed()).code == 1008
            assert caller.now_ms == pytest.approx(5_000, abs=10)

    virtually(test, session_ns=5 * SECOND)


@pytest.mark.parametrize(
    ("coverage", "resolution", "tokens"),
    [
        ("", "", 3 * 256),
        ("TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO", "MEDIA_RESOLUTION_LOW", 3 * 64),
        ("TURN_INCLUDES_ALL_INPUT", "MEDIA_RESOLUTION_HIGH", 3 * 256),
        ("TURN_INCLUDES_ONLY_ACTIVITY", "", 256),
    ],
)
def test_the_turns_coverage_decides_which_images_count(coverage: str, resolution: str, tokens: int) -> None:
    """All of them, or the last one before the user said something."""
    setup = Setup(
        model=MODEL,
        generation_config=GenerationConfig(media_resolution=resolution),
        realtime_input_config=RealtimeInputConfig(turn_coverage=coverage),
    )

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), setup) as caller:
            for _ in range(3):
                await show(caller)
            assert image_tokens(await spent(caller, "What do you see?")) == tokens

    virtually(test, script=SCRIPT)


def test_the_turns_coverage_decides_which_sound_counts() -> None:
    """With all input, silence is billed too, and what came before belongs to the utterance."""

    async def test(simulator: Simulator) -> list[int]:
        found = []
        for coverage in ("TURN_INCLUDES_ONLY_ACTIVITY", "TURN_INCLUDES_ALL_INPUT"):
            setup = Setup(
                model=MODEL,
                realtime_input_config=RealtimeInputConfig(turn_coverage=coverage),
                input_audio_transcription=AudioTranscriptionConfig(),
            )
            async with calling(simulator.open(), setup) as caller:
                await caller.link.send(encode_audio(bytes(2 * 16_000 * 10), 16_000))
                await caller.link.send(encode_audio(recorded("go_forward").pcm.tobytes(), 16_000))
                await caller.link.send(encode_audio(bytes(2 * 16_000 * 2), 16_000))
                usage = (await caller.until("turnComplete")).message.usage_metadata
                assert usage is not None
                found += [
                    each.token_count for each in usage.prompt_tokens_details if each.modality == "AUDIO"
                ]
        return found

    only, everything = virtually(test, script=SCRIPT)
    assert only < 3 * 25
    seconds = 12 + len(recorded("go_forward").pcm) / 16_000
    assert everything == pytest.approx(seconds * 25, abs=3)
