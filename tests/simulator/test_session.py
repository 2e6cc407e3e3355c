"""Whole turns on the virtual clock: what a client is sent, in which order, and when."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from livegraph.liveapi import (
    AudioTranscriptionConfig,
    AutomaticActivityDetection,
    Blob,
    ClientMessage,
    Content,
    ContextTools,
    ContextUpdate,
    FunctionDeclaration,
    HistoryConfig,
    RealtimeInput,
    RealtimeInputConfig,
    SessionResumptionConfig,
    Setup,
    Tool,
    encode_audio,
)
from livegraph.pipeline.clock import run_virtual
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import load_ears
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice, load_voice
from support.live import Caller, calling
from support.speech import RATE, recorded, resampled, spoken

SCRIPT = parse_brain("""
version: 1
greeting: Hello there.
rules:
  - hear: story
    say: >-
      Once there was a keeper of a lighthouse. Every evening she climbed the stairs. Every night she lit the lamp.
      Then the ships knew their way home.
  - hear: shush
    silent: true
  - hear: check then book {day}
    say: Let me see.
    call: {tool: book, args: {day: "{day}"}}
    say_result: "It is {result.status}."
  - hear: slowly book {day}
    call: {tool: slow_book, args: {day: "{day}"}}
    say_result: "It is {result.status}."
  - hear: book {day}
    call: {tool: book, args: {day: "{day}"}}
    say_result: "It is {result.status}."
fallback: "You said: {heard}."
""")
TOOLS = [
    Tool(
        function_declarations=[
            FunctionDeclaration(name="book", description="Book a day", behavior="BLOCKING"),
            FunctionDeclaration(name="slow_book", description="Book slowly", behavior="NON_BLOCKING"),
        ]
    )
]
SETUP = Setup(
    model="models/gemini-3.8-live",
    tools=TOOLS,
    input_audio_transcription=AudioTranscriptionConfig(),
    output_audio_transcription=AudioTranscriptionConfig(),
)
MANUAL = RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True))
# Both keep nothing between calls: one of each serves all tests.
EARS, EARS_NOTE = load_ears()
VOICE = load_voice()[0]
HEARS_WORDS = not EARS_NOTE


def setup(**changes: Any) -> Setup:
    """The usual setup with changes."""
    return msgspec.structs.replace(SETUP, **changes)


def on_virtual_clock(
    test: Callable[[Simulator], Awaitable[Any]], *, real_speech: bool = False, **options: Any
) -> Any:
    """Run a test with a simulator; with built-in speech unless it is about the real one."""

    async def run() -> Any:
        voice = VOICE if real_speech else TonesVoice()
        async with Simulator(script=SCRIPT, ears=EARS, voice=voice, **options) as simulator:
            return await test(simulator)

    return run_virtual(run())


def test_a_spoken_question_is_answered_in_the_order_and_at_the_times_of_the_service() -> None:
    """live-api.md 16.1: from setup to turnComplete, which comes when the speech would have been played."""
    question = recorded("go_forward")

    async def test(simulator: Simulator) -> None:
        await simulator.warm_up()
        async with calling(simulator.open(), SETUP) as caller:
            assert caller.now_ms == pytest.approx(250, abs=1)
            began = caller.now_ms
            ended = await caller.say(question.pcm)
            await caller.pause(9.0)
            assert caller.kinds == [
                "setupComplete",
                "sessionResumptionUpdate",
                "ACTIVITY_START",
                "inputTranscription",
                "ACTIVITY_END",
                "speech",
                "generationComplete",
                "turnComplete",
            ]
            handle = caller.all("sessionResumptionUpdate")[0]
            assert handle.at_ms == pytest.approx(350, abs=1)
            update = handle.message.session_resumption_update
            assert update and update.resumable and len(update.new_handle) == 36

            start, end = caller.all("ACTIVITY_START")[0], caller.all("ACTIVITY_END")[0]
            assert began + 150 < start.at_ms < began + 1_000
            assert ended < end.at_ms < ended + 1_100
            for activity in (start, end):
                told = activity.message.voice_activity
                assert told and told.audio_offset_ns is not None
                # The position in the audio sent so far: 20 ms of it every 20 ms.
                assert told.audio_offset_ns / 1e6 == pytest.approx(activity.at_ms - began, abs=40)

            audio = caller.all("audio")
            total_ms = sum(heard.audio_ms for heard in audio)
            assert end.at_ms <= audio[0].at_ms <= end.at_ms + 150
            assert all(heard.audio_ms % 40 == 0 and 40 <= heard.audio_ms <= 480 for heard in audio)
            assert all(len(heard.data) < 1_000_000 for heard in caller.heard)
            gaps = np.diff([heard.at_ms for heard in audio])
            assert gaps.min() >= 59 and gaps.max() <= 111
            assert audio[-1].at_ms - audio[0].at_ms < total_ms / 3

            text = caller.all("inputTranscription")[0].text
            if HEARS_WORDS:
                assert "forward" in text.lower()
            said = "".join(heard.text for heard in caller.all("outputTranscription"))
            assert said.startswith("You said: ") and said.endswith(".")
            assert len(caller.all("outputTranscription")) > 2

            done, over = caller.all("generationComplete")[0], caller.all("turnComplete")[0]
            assert audio[-1].at_ms < done.at_ms < audio[-1].at_ms + 60
            assert over.at_ms == pytest.approx(audio[0].at_ms + total_ms, abs=2)
            usage = over.message.usage_metadata
            assert usage and usage.response_token_count == round(total_ms * 25 / 1_000)
            assert usage.total_token_count == usage.prompt_token_count + usage.response_token_count
            heard = {each.modality: each.token_count for each in usage.prompt_tokens_details}
            assert heard["TEXT"] > 0 and 25 < heard["AUDIO"] < 100
            assert all(isinstance(each.data, bytes) for each in caller.heard)

    on_virtual_clock(test, real_speech=True)


def test_two_runs_are_the_same_byte_for_byte() -> None:
    """Real speech, real detection, threads and all: nothing depends on how long the work took."""

    async def talk(simulator: Simulator) -> list[tuple[float, Any]]:
        async with calling(simulator.open(), SETUP) as caller:
            await caller.say(recorded("do_something").pcm)
            await caller.pause(0.8)
            await caller.say(recorded("go_forward").pcm)
            await caller.pause(6.0)
            await caller.write("book Monday")
            (id_, _, _) = (await caller.until("toolCall")).calls()[0]
            await caller.answer(id_, {"output": {"status": "booked"}})
            await caller.pause(4.0)
            assert "interrupted" in caller.kinds
            return [(heard.at_ms, heard.data) for heard in caller.heard]

    first = on_virtual_clock(talk, real_speech=True)
    assert first == on_virtual_clock(talk, real_speech=True)
    ids = [data for _, data in on_virtual_clock(talk, real_speech=True, seed=1)]
    assert ids != [data for _, data in first] and len(ids) == len(first)


def test_the_simulator_understands_its_own_voice() -> None:
    """What one simulator says another one hears."""
    question = spoken("Please tell me a story.")

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), SETUP) as caller:
            await caller.say(question.pcm)
            await caller.pause(2.0)
            assert "story" in caller.all("inputTranscription")[0].text.lower()
            assert (await caller.until("outputTranscription")).text.startswith("Once")

    on_virtual_clock(test, real_speech=True)


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
def test_audio_of_any_declared_rate_is_heard(rate: int) -> None:
    """The rate is in the MIME type; the offset counts time, not samples."""
    pcm = resampled(recorded("go_forward").pcm, RATE, rate)
    pcm = np.concatenate((pcm, np.zeros(rate * 2, np.int16)))

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), SETUP) as caller:
            for at in range(0, len(pcm), rate // 20):
                await caller.link.send(encode_audio(pcm[at : at + rate // 20].tobytes(), rate))
                await asyncio.sleep(0.05)
            await caller.until("turnComplete")
            told = caller.all("ACTIVITY_END")[0].message.voice_activity
            assert told and told.audio_offset_ns is not None
            assert 1.5e9 < told.audio_offset_ns < len(pcm) / rate * 1e9

    on_virtual_clock(test)


class TestText:
    """live-api.md 16.8: typed turns are answered in speech, with no input transcription."""

    def test_realtime_text_is_a_turn(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("Tell me a story.")
                await caller.until("turnComplete")
                assert caller.kinds[1:] == [
                    "sessionResumptionUpdate",
                    "speech",
                    "generationComplete",
                    "turnComplete",
                ] or caller.kinds[1:] == [
                    "speech",
                    "sessionResumptionUpdate",
                    "speech",
                    "generationComplete",
                    "turnComplete",
                ]

        on_virtual_clock(test)

    def test_client_content_is_answered_when_it_is_complete(self) -> None:
        """Content without turnComplete waits; turnComplete alone answers what is there."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.tell(("user", "First this."), complete=False)
                await asyncio.sleep(5.0)
                assert not caller.all("audio")
                await caller.tell()
                await caller.until("turnComplete")
                assert said(caller) == "You said: First this."
                caller.forget()
                await caller.tell(("user", "one"), ("model", "two"), ("user", "three"))
                await caller.until("turnComplete")
                assert said(caller) == "You said: three."

        on_virtual_clock(test)

    def test_initial_history_gets_no_answer(self) -> None:
        """With historyConfig the first complete content fills the history, and may end with the model."""

        async def test(simulator: Simulator) -> None:
            history = HistoryConfig(initial_history_in_client_content=True)
            async with calling(simulator.open(), setup(history_config=history)) as caller:
                await caller.tell(("user", "I am Ada."), complete=False)
                await caller.tell(("model", "Hello Ada."))
                await asyncio.sleep(5.0)
                assert not caller.all("audio") and not caller.all("turnComplete")
                await caller.write("Shush.")
                over = await caller.until("turnComplete")
                usage = over.message.usage_metadata
                assert usage and usage.prompt_token_count > len("I am Ada. Hello Ada.") // 4
                await caller.tell(("user", "Now answer."))
                await caller.until("audio")

        on_virtual_clock(test)

    def test_exact_words_are_spoken_exactly(self) -> None:
        """How a client has its greeting spoken."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                words = 'Good morning, "Smile" Dental! How can I help?'
                await caller.write(f'Greet the caller now. Say exactly: "{words}"')
                await caller.until("turnComplete")
                assert said(caller) == words

        on_virtual_clock(test)

    def test_silence_is_an_answer(self) -> None:
        """A turn without sound ends at once, so that the client stops waiting."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("shush")
                await caller.until("turnComplete", within_s=0.2)
                assert caller.kinds[-2:] == ["generationComplete", "turnComplete"]
                assert not caller.all("audio")

        on_virtual_clock(test)

    def test_text_before_setup_complete_is_kept(self) -> None:
        """Old samples do not wait for setupComplete."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open()) as caller:
                await caller.send(ClientMessage(setup=SETUP))
                await caller.write("hello")
                await caller.until("turnComplete")
                assert caller.kinds[0] == "setupComplete"

        on_virtual_clock(test)


class TestBargeIn:
    """live-api.md 16.2: interrupted and turnComplete, and nothing of that turn afterwards."""

    def test_speech_interrupts_speech_that_is_being_sent(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("story")
                await caller.until("audio")
                caller.forget()
                await caller.say(recorded("do_something").pcm)
                await caller.pause(1.2)
                start = caller.all("ACTIVITY_START")[0]
                cut = caller.all("interrupted")[0]
                assert cut.at_ms == start.at_ms
                assert caller.all("turnComplete")[0].at_ms - cut.at_ms <= 2
                before = caller.kinds[: caller.kinds.index("inputTranscription")]
                assert before == ["speech", "ACTIVITY_START", "interrupted", "turnComplete"]
                usage = caller.all("turnComplete")[0].message.usage_metadata
                assert usage and usage.response_token_count > 0

        on_virtual_clock(test)

    def test_speech_interrupts_what_is_sent_but_not_played(self) -> None:
        """The gap between generationComplete and turnComplete belongs to the turn."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("story")
                await caller.until("generationComplete")
                caller.forget()
                await caller.say(recorded("do_something").pcm)
                await caller.pause(0.2)
                assert caller.kinds[:3] == ["ACTIVITY_START", "interrupted", "turnComplete"]
                assert not caller.all("generationComplete")

        on_virtual_clock(test)

    @pytest.mark.parametrize("way", ["text", "content", "incomplete content"])
    def test_writing_interrupts_at_once(self, way: str) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("story")
                await caller.until("audio", 3)
                caller.forget()
                wrote = caller.now_ms
                if way == "text":
                    await caller.write("Stop.")
                else:
                    await caller.tell(("user", "Stop."), complete=way == "content")
                cut = await caller.until("interrupted")
                assert cut.at_ms - wrote <= 21
                await caller.until("turnComplete")
                assert caller.kinds == ["interrupted", "turnComplete"]
                caller.forget()
                await asyncio.sleep(3.0)
                assert (said(caller) == "You said: Stop.") is (way != "incomplete content")

        on_virtual_clock(test)

    def test_speech_when_the_model_is_idle_interrupts_nothing(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.say(recorded("do_something").pcm)
                await caller.pause(0.5)
                assert "ACTIVITY_START" in caller.kinds
                assert "interrupted" not in caller.kinds and "turnComplete" not in caller.kinds

        on_virtual_clock(test)

    def test_no_interruption_lets_the_model_finish_and_then_answers(self) -> None:
        async def test(simulator: Simulator) -> None:
            config = RealtimeInputConfig(activity_handling="NO_INTERRUPTION")
            async with calling(simulator.open(), setup(realtime_input_config=config)) as caller:
                await caller.write("story")
                await caller.until("audio")
                await caller.say(recorded("do_something").pcm)
                await caller.pause(1.0)
                await caller.until("turnComplete", 2)
                assert "interrupted" not in caller.kinds
                assert caller.kinds.count("ACTIVITY_END") == 1
                assert len(caller.all("generationComplete")) == 2
                assert said(caller).startswith("Once there was")
                assert "home.You said" in said(caller).replace("home. You", "home.You")

        on_virtual_clock(test)

    def test_only_what_was_sent_stays_in_the_history(self) -> None:
        """A model that was cut off does not remember the rest of its sentence."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("story")
                await caller.until("audio", 4)
                await caller.write("shush")
                await caller.until("turnComplete", 2)
                (conversation,) = simulator._shared.store.memories()
                told = next(each.text for each in conversation.context.history if each.role == "model")
                assert told == said(caller) and "ships" not in told

        on_virtual_clock(test)


def test_utterances_close_together_are_answered_as_one() -> None:
    """Whoever speaks on before the words of the first utterance are known has not finished."""
    pcm = np.concatenate(
        (recorded("do_something").pcm, recorded("go_forward").pcm, np.zeros(32_000, np.int16))
    )

    async def test(simulator: Simulator) -> None:
        config = RealtimeInputConfig(
            automatic_activity_detection=AutomaticActivityDetection(silence_duration_ms=100)
        )
        async with calling(simulator.open(), setup(realtime_input_config=config)) as caller:
            # All at once, as after a reconnection: the ears are slower than the audio.
            await caller.say(pcm, chunk_ms=len(pcm) // 16)
            await caller.until("turnComplete")
            starts, ends = len(caller.all("ACTIVITY_START")), len(caller.all("ACTIVITY_END"))
            assert starts == ends >= 2
            activities = [kind for kind in caller.kinds if kind.startswith("ACTIVITY")]
            assert activities == ["ACTIVITY_START", "ACTIVITY_END"] * starts
            assert len(caller.all("turnComplete")) == 1 and not caller.all("interrupted")
            assert len(caller.all("inputTranscription")) == ends

    on_virtual_clock(test)


def test_audio_stream_end_completes_the_utterance() -> None:
    """A microphone that is closed in mid-sentence does not leave the server waiting."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), SETUP) as caller:
            closed = await caller.say(recorded("do_something").pcm)
            await caller.signal("audio_stream_end")
            end = await caller.until("ACTIVITY_END")
            assert end.at_ms - closed < 50
            await caller.until("turnComplete")
            caller.forget()
            await caller.say(recorded("go_forward").pcm)
            await caller.until("ACTIVITY_START", within_s=0.1)

    on_virtual_clock(test)


class TestManualActivity:
    """live-api.md 16.7: the client says where speech starts and ends."""

    def test_the_answer_follows_activity_end_at_once(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), setup(realtime_input_config=MANUAL)) as caller:
                await caller.say(recorded("go_forward").pcm)
                await caller.pause(2.0)
                assert caller.kinds == ["setupComplete", "sessionResumptionUpdate"]
                await caller.signal("activity_start")
                await caller.say(recorded("do_something").pcm)
                ended = caller.now_ms
                await caller.signal("activity_end")
                first = await caller.until("audio")
                assert first.at_ms - ended < 150
                await caller.until("turnComplete")
                assert caller.kinds[2:] == [
                    "inputTranscription",
                    "speech",
                    "generationComplete",
                    "turnComplete",
                ]
                if HEARS_WORDS:
                    heard = caller.all("inputTranscription")[0].text.lower()
                    assert "do something" in heard and "forward" not in heard

        on_virtual_clock(test)

    def test_activity_start_interrupts(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), setup(realtime_input_config=MANUAL)) as caller:
                await caller.write("story")
                await caller.until("audio")
                caller.forget()
                await caller.signal("activity_start")
                await caller.until("turnComplete", within_s=0.1)
                assert caller.kinds == ["interrupted", "turnComplete"]

        on_virtual_clock(test)


class TestTools:
    """live-api.md 16.3 to 16.5."""

    def test_a_blocking_call_keeps_the_turn_open(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("book Monday")
                call = await caller.until("toolCall")
                ((id_, name, args),) = call.calls()
                assert (name, args) == ("book", {"day": "Monday"}) and id_.startswith("fc_")
                await caller.pause(4.0)
                assert not caller.all("turnComplete") and not caller.all("generationComplete")
                answered = caller.now_ms
                await caller.answer(id_, {"output": {"status": "booked"}})
                first = await caller.until("audio")
                assert 400 < first.at_ms - answered < 800
                await caller.until("turnComplete")
                assert caller.kinds[-4:] == ["toolCall", "speech", "generationComplete", "turnComplete"]
                assert said(caller) == "It is booked."

        on_virtual_clock(test)

    def test_speech_and_call_share_a_turn(self) -> None:
        """What is said before the call and after it is one turn, that ends when all of it was played."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("check then book Friday")
                call = await caller.until("toolCall")
                before = sum(heard.audio_ms for heard in caller.all("audio"))
                assert before > 0
                await asyncio.sleep(10)
                await caller.answer(call.calls()[0][0], {"status": "booked"})
                over = await caller.until("turnComplete")
                after = [heard for heard in caller.all("audio") if heard.at_ms > call.at_ms]
                played = after[0].at_ms + sum(heard.audio_ms for heard in after)
                assert over.at_ms == pytest.approx(played, abs=2)
                assert said(caller) == "Let me see. It is booked."
                usage = over.message.usage_metadata
                assert usage is not None
                made = {each.modality: each.token_count for each in usage.response_tokens_details}
                total = sum(heard.audio_ms for heard in caller.all("audio"))
                assert made["AUDIO"] == round(total * 25 / 1_000) and made["TEXT"] > 0

        on_virtual_clock(test)

    @pytest.mark.parametrize("told", [True, False])
    def test_an_interruption_cancels_a_blocking_call(self, told: bool) -> None:
        """With the message or without; a late response is never spoken of."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("book Monday")
                id_ = (await caller.until("toolCall")).calls()[0][0]
                caller.forget()
                await caller.say(recorded("do_something").pcm)
                await caller.pause(1.0)
                cut = caller.kinds[: caller.kinds.index("turnComplete") + 1]
                wanted = ["ACTIVITY_START", "interrupted", "toolCallCancellation", "turnComplete"]
                assert cut == [kind for kind in wanted if told or kind != "toolCallCancellation"]
                if told:
                    message = caller.all("toolCallCancellation")[0].message.tool_call_cancellation
                    assert message and message.ids == [id_]
                await caller.until("turnComplete", 2)
                caller.forget()
                await caller.answer(id_, {"status": "booked"})
                await asyncio.sleep(3.0)
                assert not caller.heard

        on_virtual_clock(test, send_cancellation=told)

    def test_a_non_blocking_call_ends_the_turn_and_its_result_opens_another(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("slowly book Monday")
                over = await caller.until("turnComplete")
                call = caller.all("toolCall")[0]
                assert over.at_ms - call.at_ms < 10 and caller.kinds[-3:] == [
                    "toolCall",
                    "generationComplete",
                    "turnComplete",
                ]
                id_ = call.calls()[0][0]
                assert id_.startswith("call_")
                await caller.write("something else")
                await caller.until("turnComplete", 2)
                caller.forget()
                await caller.answer(id_, {"status": "booked"})
                await caller.until("turnComplete")
                assert said(caller) == "It is booked."
                caller.forget()
                await caller.answer(id_, {"status": "booked"})
                await caller.answer("no such call", {"status": "booked"})
                await asyncio.sleep(3.0)
                assert not caller.heard

        on_virtual_clock(test)

    @pytest.mark.parametrize("inside", [True, False])
    @pytest.mark.parametrize("scheduling", ["SILENT", "WHEN_IDLE", "INTERRUPT"])
    def test_scheduling_decides_when_a_result_is_spoken_of(self, scheduling: str, inside: bool) -> None:
        """Beside the response or inside it, where the documentation's sample has it."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("slowly book Monday")
                id_ = (await caller.until("toolCall")).calls()[0][0]
                await caller.until("turnComplete")
                await caller.write("story")
                await caller.until("audio")
                caller.forget()
                if inside:
                    await caller.answer(id_, {"status": "booked", "scheduling": scheduling})
                else:
                    await caller.answer(id_, {"status": "booked"}, scheduling=scheduling)
                await caller.until("turnComplete")
                first_turn = said(caller)
                await asyncio.sleep(4.0)
                assert ("interrupted" in caller.kinds) is (scheduling == "INTERRUPT")
                assert ("ships" in first_turn) is (scheduling != "INTERRUPT")
                assert said(caller).endswith("It is booked.") is (scheduling != "SILENT")

        on_virtual_clock(test)

    def test_an_urgent_result_waits_for_the_user_to_finish(self) -> None:
        """INTERRUPT cuts off the model, not the user; the user's question is answered first."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("slowly book Monday")
                id_ = (await caller.until("toolCall")).calls()[0][0]
                await caller.until("turnComplete")
                caller.forget()
                speech = asyncio.create_task(caller.say(recorded("go_forward").pcm))
                await caller.until("ACTIVITY_START")
                await caller.answer(id_, {"status": "booked"}, scheduling="INTERRUPT")
                await speech
                await caller.pause(1.0)
                await caller.until("turnComplete", 2)
                assert "interrupted" not in caller.kinds
                assert said(caller).startswith("You said: ") and said(caller).endswith("It is booked.")

        on_virtual_clock(test)

    def test_a_generator_may_answer_more_than_once(self) -> None:
        """willContinue keeps the call pending."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("slowly book Monday")
                id_ = (await caller.until("toolCall")).calls()[0][0]
                for number, status in enumerate(("half done", "done"), 2):
                    await caller.answer(id_, {"status": status}, will_continue=status != "done")
                    await caller.until("turnComplete", number)
                await caller.answer(id_, {"status": "again"})
                await asyncio.sleep(3.0)
                assert said(caller) == "It is half done.It is done."

        on_virtual_clock(test)

    def test_the_tools_can_change_in_mid_session(self) -> None:
        """contextUpdate: an empty list removes them all."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.send(ClientMessage(context_update=ContextUpdate(tools=ContextTools([]))))
                await caller.write("book Monday")
                await caller.until("turnComplete")
                assert not caller.all("toolCall") and said(caller) == "You said: book Monday."
                update = ContextUpdate(Content.of_text("Be brief."), ContextTools(TOOLS))
                await caller.send(ClientMessage(context_update=update))
                await caller.write("book Monday")
                await caller.until("toolCall")

        on_virtual_clock(test)


class TestResumption:
    """live-api.md 16.6."""

    def test_a_session_goes_on_where_it_was(self) -> None:
        """Pending calls keep their ids, the audio offset counts on, the usage too, and a new handle comes at once."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.pause(2.0)
                await caller.write("book Monday")
                id_ = (await caller.until("toolCall")).calls()[0][0]
                handle = handle_of(caller)
            async with calling(simulator.open(), resuming(handle)) as caller:
                opened = caller.now_ms
                await asyncio.sleep(0.1)
                assert caller.all("sessionResumptionUpdate")[0].at_ms - opened < 3
                assert handle_of(caller) != handle
                await caller.answer(id_, {"status": "booked"})
                over = await caller.until("turnComplete")
                assert said(caller) == "It is booked."
                assert over.message.usage_metadata and over.message.usage_metadata.prompt_token_count > 4
                await caller.say(recorded("go_forward").pcm)
                told = caller.all("ACTIVITY_START")[0].message.voice_activity
                assert told and told.audio_offset_ns and told.audio_offset_ns > 2.15e9

        on_virtual_clock(test)

    def test_a_lost_connection_can_be_resumed_at_once_and_by_any_of_its_handles(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.until("sessionResumptionUpdate")
                handle = handle_of(caller)
                await caller.write("story")
                await caller.until("audio")
                caller.link.abort()
                assert (await caller.until_closed()).code == 1006
            for _ in range(2):
                async with calling(simulator.open(), resuming(handle)) as caller:
                    await asyncio.sleep(2.0)
                    assert caller.kinds == ["setupComplete", "sessionResumptionUpdate"]

        on_virtual_clock(test)

    def test_a_session_cannot_be_held_twice(self) -> None:
        """1011 while the old connection is open, as on the service; 1008 for a handle of nothing."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.until("sessionResumptionUpdate")
                for handle, code, reason in (
                    (handle_of(caller), 1011, "Internal error encountered."),
                    ("no-such-handle", 1008, "BidiGenerateContent session not found"),
                ):
                    async with calling(simulator.open()) as second:
                        await second.send(ClientMessage(setup=resuming(handle)))
                        closed = await second.until_closed()
                        assert (closed.code, closed.reason) == (code, reason)
                await caller.write("still there")
                await caller.until("turnComplete")

        on_virtual_clock(test)

    def test_forgotten_sessions_are_not_found(self) -> None:
        """Handles are bounded: the oldest goes first."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.until("sessionResumptionUpdate")
                handle = handle_of(caller)
            for _ in range(2):
                async with calling(simulator.open(), SETUP) as caller:
                    await caller.until("sessionResumptionUpdate")
            async with calling(simulator.open()) as caller:
                await caller.send(ClientMessage(setup=resuming(handle)))
                assert (await caller.until_closed()).code == 1008

        on_virtual_clock(test, max_handles=2)


def test_a_connection_is_warned_and_then_ended() -> None:
    """goAway says how long is left, and it is true."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), SETUP) as caller:
            warning = await caller.until("goAway", within_s=700)
            assert warning.at_ms == pytest.approx(550_000, abs=2)
            assert warning.message.go_away and warning.message.go_away.time_left == "50s"
            closed = await caller.until_closed(within_s=60)
            assert caller.now_ms == pytest.approx(600_000, abs=2)
            assert (closed.code, closed.reason) == (1011, "Deadline expired before operation could complete.")

    on_virtual_clock(test)


def test_time_scale_zero_is_as_fast_as_possible() -> None:
    """For tests that do not care about time."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), SETUP) as caller:
            await caller.write("story")
            await caller.until("turnComplete")
            assert caller.now_ms < 5 and said(caller).endswith("way home.")

    on_virtual_clock(test, time_scale=0)


def test_images_are_counted_and_otherwise_ignored() -> None:
    """Video alone gets no reply."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), SETUP) as caller:
            image = RealtimeInput(video=Blob(b"\xff\xd8", "image/jpeg"))
            await caller.send(ClientMessage(realtime_input=image))
            await asyncio.sleep(3)
            assert not caller.all("audio")
            await caller.write("shush")
            usage = (await caller.until("turnComplete")).message.usage_metadata
            assert usage and ("IMAGE", 256) in [
                (d.modality, d.token_count) for d in usage.prompt_tokens_details
            ]

    on_virtual_clock(test)


def said(caller: Caller) -> str:
    """All words that the model spoke."""
    return "".join(heard.text for heard in caller.all("outputTranscription"))


def handle_of(caller: Caller) -> str:
    """The newest handle."""
    update = caller.all("sessionResumptionUpdate")[-1].message.session_resumption_update
    assert update is not None
    return update.new_handle


def resuming(handle: str) -> Setup:
    """The setup that resumes a session."""
    return setup(session_resumption=SessionResumptionConfig(handle))
