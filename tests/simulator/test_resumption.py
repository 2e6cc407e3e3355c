"""Resuming a session: nothing that the client sent is lost or heard twice."""

import asyncio
from typing import Any, cast

import numpy as np
import pytest

from livegraph.liveapi import (
    AudioTranscriptionConfig,
    Blob,
    ClientMessage,
    RealtimeInput,
    ServerMessage,
    SessionResumptionConfig,
    Setup,
    encode_audio,
    encode_client,
)
from livegraph.simulator.behaviour import SECOND, Behaviour
from livegraph.simulator.brain import Brain, parse_brain
from livegraph.simulator.ears import Ears
from livegraph.simulator.server import Simulator
from livegraph.simulator.server_output import Speak, Transcribe
from livegraph.simulator.session import LiveSession
from livegraph.simulator.shared_state import SharedState
from support.live import VERTEX_PATH, Caller, calling, kinds_of, virtually
from support.speech import recorded

MODEL = "models/gemini-3.8-live"
SCRIPT = parse_brain(
    "version: 1\nrules:\n - hear: story\n   say: Once upon a time.\nfallback: 'You said: {heard}.'\n"
)


class CountingEars(Ears):
    """Tell how much they were given."""

    def transcribe(self, pcm: Any) -> str:
        return f"{len(pcm)} samples" if len(pcm) else ""


def resuming(handle: str = "", *, transparent: bool | None = None) -> Setup:
    """The setup that opens or resumes a session."""
    return Setup(
        model=MODEL,
        session_resumption=SessionResumptionConfig(handle, transparent),
        input_audio_transcription=AudioTranscriptionConfig(),
        output_audio_transcription=AudioTranscriptionConfig(),
    )


def updates(caller: Caller) -> list[tuple[str, int | None]]:
    """The handles and the indices that came with them."""
    found = [heard.message.session_resumption_update for heard in caller.all("sessionResumptionUpdate")]
    return [(each.new_handle, each.last_consumed_client_message_index) for each in found if each]


async def handle_of(caller: Caller) -> str:
    """The newest handle."""
    await caller.until("sessionResumptionUpdate")
    return updates(caller)[-1][0]


@pytest.mark.parametrize("cut", [0.3, 0.5, 0.8])
def test_an_utterance_may_begin_on_one_connection_and_end_on_another(cut: float) -> None:
    """The words are those of the whole utterance, wherever the line broke."""
    talk = np.concatenate((recorded("do_something").pcm, np.zeros(24_000, np.int16)))

    async def whole(simulator: Simulator) -> str:
        async with calling(simulator.open(), resuming()) as caller:
            await caller.say(talk)
            return (await caller.until("inputTranscription")).text

    async def broken(simulator: Simulator) -> str:
        at = round(len(recorded("do_something").pcm) * cut) // 320 * 320
        async with calling(simulator.open(), resuming()) as caller:
            handle = await handle_of(caller)
            await caller.say(talk[:at])
            caller.link.abort()
        async with calling(simulator.open(), resuming(handle)) as caller:
            await caller.say(talk[at:])
            return (await caller.until("inputTranscription")).text

    options: dict[str, Any] = {"script": SCRIPT, "ears": CountingEars()}
    assert virtually(broken, **options) == virtually(whole, **options)


def test_what_was_said_is_understood_on_the_next_connection() -> None:
    """The line breaks while the ears are at work: the work is asked for again, and the answer follows."""
    shared = SharedState(behaviour=Behaviour(connection_ns=None))

    def opened(handle: str, now_ns: int) -> LiveSession:
        session = LiveSession(shared, lambda tools, text: Brain(SCRIPT, tools, text), now_ns=now_ns)
        session.receive(ClientMessage(setup=resuming(handle)), now_ns)
        session.advance(now_ns + SECOND)
        return session

    first = opened("", 0)
    (handle,) = shared.store._by_handle
    talk = np.concatenate((recorded("do_something").pcm, np.zeros(24_000, np.int16)))
    audio = RealtimeInput(audio=Blob(talk.tobytes(), "audio/pcm;rate=16000"))
    first.receive(ClientMessage(realtime_input=audio), SECOND)
    (asked,) = first.output.work
    first.leave(2 * SECOND, lost=True)
    first.finished(asked.key, "story", 3 * SECOND)
    second = opened(handle, 4 * SECOND)
    (again,) = second.output.work
    assert isinstance(asked, Transcribe) and isinstance(again, Transcribe)
    assert np.array_equal(asked.pcm, again.pcm)
    second.output.work.clear()
    second.finished(again.key, "story", 5 * SECOND)
    kinds = [kind for message in second.output.messages for kind in kinds_of(cast("ServerMessage", message))]
    assert kinds[-1] == "inputTranscription"
    assert [cast("Speak", work).text for work in second.output.work] == ["Once upon a time."]


class TestTransparent:
    """Vertex AI's: a handle is a state, and the client sends again what came later."""

    def test_the_index_counts_the_messages_of_a_connection(self) -> None:
        """From 1, without `setup`; given when the session is quiet."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(VERTEX_PATH), resuming(transparent=True)) as caller:
                await handle_of(caller)
                assert updates(caller)[-1][1] == 0
                await caller.pause(1.5)
                assert 0 < (updates(caller)[-1][1] or 0) <= 75
                await asyncio.sleep(1.5)
                assert updates(caller)[-1][1] == 75
                assert len(updates(caller)) == len({handle for handle, _ in updates(caller)})
                await caller.write("story")
                await caller.until("audio")
                assert updates(caller)[-1] == ("", None)
                await caller.until("turnComplete")
                await asyncio.sleep(1.5)
                assert updates(caller)[-1][1] == 76

        virtually(test, script=SCRIPT)

    def test_what_came_after_the_state_is_heard_once(self) -> None:
        """Typed or spoken, and cut off anywhere: replayed from the index, it makes one turn."""

        async def test(simulator: Simulator) -> None:
            talk = np.concatenate((recorded("do_something").pcm, np.zeros(40_000, np.int16)))
            for cut in range(10, len(talk) // 320, 23):
                sent: list[bytes] = []
                async with calling(simulator.open(VERTEX_PATH), resuming(transparent=True)) as caller:
                    await handle_of(caller)
                    for at in range(0, cut * 320, 320):
                        sent.append(encode_audio(talk[at : at + 320].tobytes(), 16_000))
                        await caller.link.send(sent[-1])
                        await asyncio.sleep(0.02)
                    caller.link.abort()
                    handle, index = [update for update in updates(caller) if update[0]][-1]
                    told = [heard.at_ms for heard in caller.all("sessionResumptionUpdate")][-1]
                    done = any(heard.at_ms < told for heard in caller.all("inputTranscription"))
                setup = resuming(handle, transparent=True)
                async with calling(simulator.open(VERTEX_PATH), setup) as caller:
                    for data in sent[index:]:
                        await caller.link.send(data)
                    await caller.say(talk[cut * 320 :])
                    await asyncio.sleep(3)
                    heard = caller.all("inputTranscription")
                    # A state from after the end has the words already; else they come now, once.
                    assert len(heard) == (0 if done else 1), (cut, index)

        virtually(test, script=SCRIPT, ears=CountingEars())

    def test_a_handle_of_before_is_good_too(self) -> None:
        """The newest may not have reached the client."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(VERTEX_PATH), resuming(transparent=True)) as caller:
                first = await handle_of(caller)
                await caller.pause(1.5)
                assert await handle_of(caller) != first
            async with calling(simulator.open(VERTEX_PATH), resuming(first, transparent=True)) as caller:
                await caller.words("story")

        virtually(test, script=SCRIPT)


def test_a_handle_lasts_two_hours() -> None:
    """After the last connection, however many there were."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), resuming()) as caller:
            handle = await handle_of(caller)
        for wait_s, good in ((7_000, True), (7_000, True), (7_300, False)):
            await asyncio.sleep(wait_s)
            async with calling(simulator.open()) as caller:
                await caller.send(ClientMessage(setup=resuming(handle)))
                if good:
                    await caller.until("setupComplete")
                else:
                    assert (await caller.until_closed()).code == 1008

    virtually(test, session_ns=None)


def test_a_lost_connection_may_count_as_open_for_a_while() -> None:
    """live-api.md 16.6: 1011 after as long as a success takes; the same handle works later."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), resuming()) as caller:
            handle = await handle_of(caller)
            caller.link.abort()
        for wait_s, good in ((0.0, False), (0.2, False), (0.5, True)):
            await asyncio.sleep(wait_s)
            began = asyncio.get_running_loop().time()
            async with calling(simulator.open()) as caller:
                await caller.send(ClientMessage(setup=resuming(handle)))
                if good:
                    await caller.until("setupComplete")
                else:
                    assert (await caller.until_closed()).code == 1011
                    assert caller.now_ms / 1_000 - began == pytest.approx(0.5, abs=0.01)
        async with calling(simulator.open(), resuming(handle)):
            pass

    virtually(test, release_ns=1_500_000_000)


def test_messages_after_a_refused_resume_do_no_harm() -> None:
    """Clients that do not wait for setupComplete get the refusal, not another."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open()) as caller:
            await caller.send(ClientMessage(setup=resuming("nothing")))
            text = ClientMessage(realtime_input=RealtimeInput(text="hello"))
            await caller.link.send(encode_client(text))
            assert (await caller.until_closed()).code == 1008

    virtually(test, connection_ns=600 * SECOND)
