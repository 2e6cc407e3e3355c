"""What a scenario makes of a session: what is said and called, and what goes wrong."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.liveapi import (
    AudioTranscriptionConfig,
    ClientMessage,
    FunctionDeclaration,
    GenerationConfig,
    SessionResumptionConfig,
    Setup,
    ThinkingConfig,
    Tool,
    decode_server,
)
from livegraph.simulator.brain import Brain, default_brain
from livegraph.simulator.faults import Half, HangUp, RawBytes, RawMessage, Stall
from livegraph.simulator.scenario import Scenario
from livegraph.simulator.scenario_file import parse_scenario
from livegraph.simulator.scenario_player import ScenarioState
from livegraph.simulator.server import Simulator
from livegraph.simulator.server_output import Speak
from livegraph.simulator.session import LiveSession
from livegraph.simulator.shared_state import SharedState
from support.live import VERTEX_PATH, Caller, calling, virtually
from support.pcm import tone
from support.speech import recorded

TOOLS = [
    Tool(
        function_declarations=[
            FunctionDeclaration(name="book", behavior="BLOCKING"),
            FunctionDeclaration(name="look", behavior="NON_BLOCKING"),
        ]
    )
]
SETUP = Setup(
    model="models/gemini-3.8-live",
    tools=TOOLS,
    input_audio_transcription=AudioTranscriptionConfig(),
    output_audio_transcription=AudioTranscriptionConfig(),
)
INTERNAL = (1011, "Internal error encountered.")


def scenario(scenes: str, **settings: Any) -> Scenario:
    """A scenario of these scenes."""
    text = f"version: 1\nsettings: {json.dumps(settings)}\nscenes:{f'{chr(10)}{scenes}' if scenes else ' []'}"
    return parse_scenario(text)


def played(scenes: str, test: Any, **options: Any) -> Any:
    """Run a test on the virtual clock."""
    return virtually(test, scenario=scenario(scenes), **options)


def said(caller: Caller) -> str:
    """All words that the model spoke."""
    return "".join(heard.text for heard in caller.all("outputTranscription"))


async def ending(caller: Caller) -> tuple[int, str]:
    """How the connection ends."""
    closed = await caller.until_closed()
    return closed.code, closed.reason


class TestSpeech:
    """What the model does is written down; everything else goes as usual."""

    def test_turns_are_answered_as_written(self) -> None:
        """By their number, over all connections of the session; the others by the brain."""
        scenes = """
  - when: {turn: 1}
    do: [say: First.]
  - when: {turn: 3}
    do: [say: Third., say: And more.]
"""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                assert await caller.words("hello") == "First."
                assert await caller.words("hello") not in ("First.", "Third.")
                update = caller.all("sessionResumptionUpdate")[0].message.session_resumption_update
                assert update is not None
            again = msgspec.structs.replace(
                SETUP, session_resumption=SessionResumptionConfig(update.new_handle)
            )
            async with calling(simulator.open(), again) as caller:
                assert await caller.words("hello") == "Third. And more."

        played(scenes, test)

    def test_speech_is_answered_too(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.say(recorded("go_forward").pcm)
                await caller.pause(2)
                await caller.until("turnComplete")
                assert said(caller) == "Whatever you say."

        played("  - when: turn\n    do: [say: Whatever you say.]\n", test)

    def test_tools_are_called_and_their_results_spoken_of(self) -> None:
        scenes = """
  - when: {turn: 1}
    do:
      - say: Let me see.
      - call: {tool: book, args: {day: Monday}, id: my-id}
  - when: {tool_response: book, nth: 1}
    do: [say: Not on Monday., call: {tool: book, args: {day: Friday}}]
  - when: {tool_response: book, nth: 2}
    do: [say: Friday it is.]
"""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("book")
                call = await caller.until("toolCall")
                assert call.calls() == [("my-id", "book", {"day": "Monday"})]
                await caller.answer("my-id", {"output": "no"})
                ((id_, _, args),) = (await caller.until("toolCall", 2)).calls()
                assert args == {"day": "Friday"} and id_ != "my-id"
                await caller.answer(id_, {"output": "yes"})
                await caller.until("turnComplete")
                assert said(caller) == "Let me see. Not on Monday. Friday it is."

        played(scenes, test)

    def test_the_model_shows_what_it_has_looked_up(self) -> None:
        """Grounding, code and pages; thoughts for those who asked for them."""
        scenes = """
  - when: {turn: 1}
    do:
      - think: I should look it up.
      - run_code: {code: print(6 * 7), output: "42"}
      - ground: {queries: [answer], sources: [{uri: "https://example.org", title: Answers}]}
      - read_pages: ["https://example.org"]
      - say: It is 42.
"""
        config = GenerationConfig(thinking_config=ThinkingConfig(include_thoughts=True))

        async def test(simulator: Simulator) -> list[dict[str, Any]]:
            asked = msgspec.structs.replace(SETUP, generation_config=config)
            async with calling(simulator.open(), asked) as caller:
                assert await caller.words("why") == "It is 42."
                contents = [heard.message.server_content for heard in caller.heard]
                return [msgspec.to_builtins(content) for content in contents if content]

        thought, code, ground, pages, *_ = played(scenes, test, strict=False)
        assert thought["modelTurn"]["parts"] == [{"text": "I should look it up.", "thought": True}]
        assert code["modelTurn"]["parts"][1]["codeExecutionResult"]["output"] == "42"
        assert ground["groundingMetadata"]["groundingChunks"][0]["web"]["title"] == "Answers"
        assert pages["urlContextMetadata"]["urlMetadata"][0]["retrievedUrl"] == "https://example.org"

    def test_the_model_speaks_unasked(self) -> None:
        """At a time, again and again, or after so much sound; when it is its turn."""
        scenes = """
  - when: {time: 2s}
    do: [say: "Are you there?"]
  - when: {every: 10s, times: 2}
    do: [say: Still here.]
  - when: {audio: 1s}
    do: [say: I heard a second.]
"""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.until("audio")
                assert 2_000 <= caller.heard[-1].at_ms < 3_000
                await asyncio.sleep(40)
                assert said(caller) == "Are you there?Still here.Still here."
                caller.forget()
                await caller.say(tone(10, 16_000, 14_400, 10))
                assert not caller.heard
                await caller.say(tone(10, 16_000, 3_200, 10))
                await caller.until("turnComplete")
                assert said(caller) == "I heard a second."

        played(scenes, test)

    def test_silence_is_an_answer(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                assert await caller.words("hello") == ""

        played("  - when: turn\n    do: [silent]\n", test)


class TestEnds:
    """Connections end where the scenario wants."""

    @pytest.mark.parametrize(
        ("when", "before"),
        [
            ("{received: setup}", []),
            ("{sent: setupComplete}", ["setupComplete"]),
            ("{sent: outputTranscription, nth: 2}", ["setupComplete", "speech"]),
            ("{sent: toolCall}", ["setupComplete", "speech", "toolCall"]),
            ("{received: toolResponse}", ["setupComplete", "speech", "toolCall"]),
            ("{sent: generationComplete}", ["setupComplete", "speech", "toolCall", "generationComplete"]),
            (
                "{sent: turnComplete}",
                ["setupComplete", "speech", "toolCall", "generationComplete", "turnComplete"],
            ),
        ],
    )
    def test_a_connection_ends_right_there(self, when: str, before: list[str]) -> None:
        """Behind the message, and with nothing after it."""
        scenes = f"""
  - when: {{turn: 1}}
    do: [say: "One, two, three.", call: book]
  - when: {{tool_response: book}}
    do: [silent]
  - when: {when}
    do: [close: {{code: 1011, reason: Internal error encountered.}}]
"""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open()) as caller:
                await caller.send(ClientMessage(setup=SETUP))
                await caller.write("hello")
                answered = asyncio.create_task(answer(caller))
                assert await ending(caller) == INTERNAL
                kinds = [kind for kind in caller.kinds if kind != "sessionResumptionUpdate"]
                assert [k for n, k in enumerate(kinds) if n == 0 or k != kinds[n - 1]] == before
                answered.cancel()

        async def answer(caller: Caller) -> None:
            ((id_, _, _),) = (await caller.until("toolCall")).calls()
            await caller.answer(id_, {})

        played(scenes, test)

    def test_a_scene_waits(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("hello")
                began = caller.now_ms
                assert await ending(caller) == (1001, "")
                assert caller.now_ms - began == pytest.approx(700, abs=1)

        played("  - when: turn\n    do: [wait: 300ms, wait: 400ms, close: 1001, say: never]\n", test)

    @pytest.mark.parametrize("act", ["reset", "hang_up", "reset: {half: true}", "garbage: {outside: true}"])
    def test_a_connection_is_lost(self, act: str) -> None:
        """In memory as on the network; and resumed."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.until("sessionResumptionUpdate")
                update = caller.heard[-1].message.session_resumption_update
                assert await ending(caller) == (1006, "") and update
            again = SessionResumptionConfig(update.new_handle)
            async with calling(simulator.open(), msgspec.structs.replace(SETUP, session_resumption=again)):
                pass

        played(f"  - when: {{time: 3s, connection: 1}}\n    do: [{act}]\n", test)

    def test_going_away(self) -> None:
        """With its warning, and the end that it speaks of; or with none."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                warning = await caller.until("goAway")
                assert warning.message.go_away and warning.message.go_away.time_left == "2s"
                assert await ending(caller) == (1011, "Deadline expired before operation could complete.")
                assert caller.now_ms - warning.at_ms == pytest.approx(2_000, abs=1)
            async with calling(simulator.open(), SETUP) as caller:
                await caller.until("goAway")
                await asyncio.sleep(20)
                assert caller.closed is None

        scenes = """
  - when: {time: 1s, connection: 1}
    do: [go_away: 2s]
  - when: {time: 1s, connection: 2}
    do: [go_away: {left: 2s, close: false}]
"""
        played(scenes, test)

    def test_a_connection_is_refused_in_memory(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open()) as caller:
                assert await ending(caller) == (1006, "")
            async with calling(simulator.open(), SETUP):
                pass

        played("  - when: {connect: 1}\n    do: [refuse: 503]\n", test)

    def test_resuming_is_refused_so_often(self) -> None:
        """1011 while the server still holds the session, and what else the scenario says."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.until("sessionResumptionUpdate")
                update = caller.heard[-1].message.session_resumption_update
                assert update
                await asyncio.sleep(2)
            again = msgspec.structs.replace(
                SETUP, session_resumption=SessionResumptionConfig(update.new_handle)
            )
            for expected in (INTERNAL, INTERNAL, (1008, "Enough."), None, None):
                async with calling(simulator.open()) as caller:
                    await caller.send(ClientMessage(setup=again))
                    if expected:
                        assert await ending(caller) == expected
                    else:
                        await caller.until("setupComplete")

        scenes = """
  - when: {time: 1s, times: 1}
    do: [refuse_resume: 2, refuse_resume: {code: 1008, reason: Enough.}]
"""
        played(scenes, test)

    def test_a_session_is_forgotten(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.until("sessionResumptionUpdate")
                update = caller.heard[-1].message.session_resumption_update
                assert update
                await asyncio.sleep(2)
                assert await caller.words("hello")
            again = msgspec.structs.replace(
                SETUP, session_resumption=SessionResumptionConfig(update.new_handle)
            )
            async with calling(simulator.open()) as caller:
                await caller.send(ClientMessage(setup=again))
                assert await ending(caller) == (1008, "BidiGenerateContent session not found")

        played("  - when: {time: 1s}\n    do: [forget_session]\n", test)


class TestOddities:
    """What `set` changes, for as long as the connection lasts."""

    def oddly(self, changes: str, test: Any, more: str = "", **options: Any) -> Any:
        """Run a test with changes that hold from the beginning."""
        return played(f"  - when: connect\n    do: [set: {{{changes}}}]\n{more}", test, **options)

    def test_slow_setup(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                assert caller.now_ms == pytest.approx(8_000, abs=1)

        self.oddly("setup_after: 8s", test)

    def test_chunks_of_any_size(self) -> None:
        """Down to a single sample; all sound comes through, and the turn lasts as long."""

        async def test(simulator: Simulator) -> list[Any]:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.words("hello")
                over = caller.all("turnComplete")[0].at_ms - caller.all("audio")[0].at_ms
                sizes = [len(heard.audio) for heard in caller.all("audio")]
                return [b"".join(heard.audio for heard in caller.all("audio")), round(over), sizes]

        plain, odd = played("", test), self.oddly("chunk_bytes: [2, 960]", test)
        assert plain[0] == odd[0] and plain[1] == pytest.approx(odd[1], abs=5)
        assert odd[2][:4] == [2, 960, 2, 960] and max(odd[2]) == 960

    def test_bursts(self) -> None:
        """All that is ready at once; the end of the turn stays where the sound ends."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.words("hello")
                sound = caller.all("audio")
                assert len(sound) > 3 and sound[-1].at_ms - sound[0].at_ms < 1
                lasts = sum(heard.audio_ms for heard in sound)
                assert caller.all("turnComplete")[0].at_ms - sound[0].at_ms == pytest.approx(lasts, abs=2)

        self.oddly("burst: true", test)

    def test_duplicate_ids(self) -> None:
        """Two calls with one id: each response is for the oldest that waits."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("hello")
                first, second = (await caller.until("toolCall")).calls()
                assert first[0] == second[0]
                await caller.answer(first[0], {})
                await asyncio.sleep(2)
                assert not caller.all("turnComplete")
                await caller.answer(first[0], {})
                await caller.until("turnComplete")
                assert said(caller) == "One. Two."

        more = """
  - when: turn
    do: [call: book, call: {tool: book, args: {n: 2}}]
  - when: {tool_response: book, nth: 1}
    do: [say: One.]
  - when: {tool_response: book, nth: 2}
    do: [say: Two.]
"""
        self.oddly("ids: duplicate", test, more)

    def test_missing_ids(self) -> None:
        """The response is found by the name, whatever id the client made up."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(VERTEX_PATH), SETUP) as caller:
                for n, id_ in enumerate(("", "made-up"), 1):
                    await caller.write("hello")
                    assert (await caller.until("toolCall", n)).calls() == [("", "book", {})]
                    given = {
                        "functionResponses": [{"id": id_, "name": "book", "response": {"output": "Done."}}]
                    }
                    await caller.link.send(json.dumps({"toolResponse": given}))
                    await caller.until("turnComplete", n)

        self.oddly("ids: missing", test, "  - when: turn\n    do: [call: book]\n")

    def test_unknown_fields(self) -> None:
        """At every depth, and beside what is known; the message is the same without them."""

        async def test(simulator: Simulator) -> list[Any]:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.words("hello")
                for heard in caller.heard:
                    tree = json.loads(heard.data)
                    assert len(tree) > 1 or tree == {} or "fieldOfTheFuture" not in tree
                return [heard.message for heard in caller.heard]

        unknown: list[str] = []

        async def watched(simulator: Simulator) -> list[Any]:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.words("hello")
                for heard in caller.heard:
                    decode_server(heard.data, on_unknown=unknown.append)
                return [heard.message for heard in caller.heard]

        assert self.oddly("unknown_fields: true, pretty: true", watched) == played("", test)
        assert {"field_of_the_future", "fieldOfTheFuture"} & {path.rpartition(".")[2] for path in unknown}

    @pytest.mark.parametrize("kind", ["turnComplete", "generationComplete"])
    def test_no_end(self, kind: str) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("hello")
                await asyncio.sleep(10)
                ends = {"turnComplete", "generationComplete"} & set(caller.kinds)
                assert ends == {"turnComplete", "generationComplete"} - {kind}

        name = "turn_complete" if kind == "turnComplete" else "generation_complete"
        self.oddly(f"{name}: false, usage: {'false' if kind == 'turnComplete' else 'true'}", test)

    def test_usage_by_itself(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.words("hello")
                usage = [heard for heard in caller.heard if heard.message.usage_metadata]
                assert len(usage) == 1 and usage[0].kinds == []

        self.oddly("separate_usage: true", test)

    def test_late_interruption(self) -> None:
        """The model goes on for a while after the user began to speak."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("Tell me a story.")
                await caller.until("audio")
                await caller.say(recorded("do_something").pcm)
                await caller.pause(1.0)
                start, cut = caller.all("ACTIVITY_START")[0], caller.all("interrupted")[0]
                assert cut.at_ms - start.at_ms == pytest.approx(800, abs=1)
                assert any(start.at_ms < heard.at_ms < cut.at_ms for heard in caller.all("audio"))
                after = caller.heard[caller.heard.index(cut) :]
                assert [kind for heard in after for kind in heard.kinds][:2] == [
                    "interrupted",
                    "turnComplete",
                ]

        self.oddly("interrupted_after: 800ms", test)

    def test_an_interruption_without_a_word(self) -> None:
        """Of which the client only sees that the turn is complete."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("Tell me a story.")
                await caller.until("audio")
                await caller.write("Stop.")
                await caller.until("turnComplete")
                assert "interrupted" not in caller.kinds and "generationComplete" not in caller.kinds

        self.oddly("interrupted: false", test)

    def test_interruption_and_cancellation_from_nowhere(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("hello")
                ((id_, _, _),) = (await caller.until("toolCall")).calls()
                cancelled = (await caller.until("toolCallCancellation")).message.tool_call_cancellation
                assert cancelled and cancelled.ids == [id_]
                await caller.until("interrupted")
                await caller.until("turnComplete")

        scenes = "  - when: turn\n    do: [call: book, wait: 1s, cancel_calls, wait: 1s, interrupt]\n"
        played(scenes, test)


class TestRubbish:
    """Messages that are none."""

    def test_anything_can_be_sent(self) -> None:
        """Between whole messages, as it is."""
        scenes = """
  - when: {sent: setupComplete}
    do:
      - send: "{half a mess"
      - send: {serverContent: {interrupted: true}, unknown: [1]}
      - garbage: 12
"""

        async def test(simulator: Simulator) -> list[Any]:
            link = simulator.open()
            await link.send(json.dumps({"setup": {"model": "m"}}))
            return [await link.recv() for _ in range(4)]

        complete, half, content, garbage = played(scenes, test)
        assert complete == b'{"setupComplete":{}}' and half == "{half a mess"
        assert json.loads(content) == {"serverContent": {"interrupted": True}, "unknown": [1]}
        assert isinstance(garbage, bytes) and len(garbage) == 12

    @pytest.mark.parametrize(
        ("stall", "answers_after"),
        [("3s", 3.0), ("{for: 3s, reading: false}", 3.0), ("{for: 3s, writing: false}", 3.0)],
    )
    def test_a_stall_is_over_some_time(self, stall: str, answers_after: float) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.until("sessionResumptionUpdate")
                await asyncio.sleep(1.9)
                began = caller.now_ms
                await caller.write("hello")
                first = await caller.until("audio")
                assert (first.at_ms - began) / 1_000 == pytest.approx(3.0, abs=0.3)

        played(f"  - when: {{time: 2s}}\n    do: [stall: {stall}]\n", test)

    def test_a_stall_for_ever_ends_some_time_too(self) -> None:
        """So that a forgotten client does not stay; until then there is silence."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.until("sessionResumptionUpdate")
                caller.forget()
                closed = await caller.until_closed(within_s=1_000)
                assert closed.code == 1006 and not caller.heard
                await asyncio.sleep(0.1)
                assert simulator.sessions == 0

        played("  - when: {time: 2s}\n    do: [stall: forever]\n", test)


def test_settings_of_a_scenario_give_way_to_arguments() -> None:
    plan = scenario("", connection="20s", go_away="5s", strict=True)

    async def test(simulator: Simulator) -> float:
        async with calling(simulator.open(), SETUP) as caller:
            return (await caller.until("goAway", within_s=30)).at_ms

    assert virtually(test, scenario=plan) == pytest.approx(15_000, abs=1)
    assert virtually(test, scenario=plan, go_away_ns=1_000_000_000) == pytest.approx(19_000, abs=1)


EVENTS = st.sampled_from(
    ["connect", "turn", "{time: 1s}", "{every: 700ms, times: 5}", "{sent: audio, nth: 2}", "{sent: each}",
     "{received: text}", "{tool_response: each}", "{audio: 100ms}", "{sent: turnComplete, times: 3}"]
)  # fmt: skip
ACTS = st.sampled_from(
    ["say: One. Two.", "think: Hm.", "call: book", "call: {tool: look, id: same}", "silent", "wait: 300ms", "interrupt",
     "cancel_calls", "forget_session", "refuse_resume: 1", "go_away: 1s", "garbage: 4", "send: {}", "close: 1011",
     "close: {half: true}", "reset", "hang_up", "stall: 100ms", "set: {ids: duplicate}", "set: {ids: missing}",
     "set: {burst: true}", "set: {chunk_bytes: 2000}", "set: {turn_complete: false}", "set: {interrupted_after: 50ms}"]
)  # fmt: skip
SCENES = st.lists(st.tuples(EVENTS, st.lists(ACTS, min_size=1, max_size=4)), max_size=5)
STEPS = st.lists(st.sampled_from(["text", "audio", "respond", 50, 400, 3_000, "work"]), max_size=25)


@settings(max_examples=80)
@given(SCENES, STEPS)
def test_no_scenario_breaks_a_session(scenes: list[tuple[str, list[str]]], steps: list[Any]) -> None:
    """Whatever is played to whatever the client does: it ends or goes on, in bounded work, at times that pass."""
    text = "".join(f"  - when: {when}\n    do: [{', '.join(f'{{{a}}}' if ':' in a else a for a in do)}]\n"
                   for when, do in scenes)  # fmt: skip
    shared = SharedState(scenario=ScenarioState(scenario(text)))
    session = LiveSession(shared, lambda tools, role: Brain(default_brain(), tools, role), now_ns=0)
    now_ns, ids, count = 0, [""], 0
    for step in [ClientMessage(setup=SETUP), 300, *steps, 9_000]:
        if isinstance(step, ClientMessage):
            session.receive(step, now_ns)
        elif isinstance(step, int):
            now_ns += step * 1_000_000
        elif step == "work":
            for work in session.output.work:
                result: Any = tone(300, 24_000, 4_800) if isinstance(work, Speak) else "hello"
                session.finished(work.key, result, now_ns)
            session.output.work.clear()
        else:
            fields: dict[str, Any] = {
                "text": {"realtime_input": {"text": "hello"}},
                "audio": {"realtime_input": {"audio": {"data": "AAAA" * 800, "mimeType": "audio/pcm"}}},
                "respond": {
                    "tool_response": {"function_responses": [{"id": ids[-1], "name": "book", "response": {}}]}
                },
            }
            session.receive(msgspec.convert(_camel(fields[step]), ClientMessage), now_ns)
        session.advance(now_ns)
        due_ns = session.due_ns
        assert due_ns is None or due_ns > now_ns
        for item in session.output.messages:
            count += 1
            if isinstance(item, Half | HangUp | RawBytes | RawMessage | Stall):
                continue
            if item.tool_call:
                ids += [call.id for call in item.tool_call.function_calls]
        session.output.messages.clear()
    assert count < 5_000
    session.leave(now_ns)


def _camel(value: Any) -> Any:
    return json.loads(
        json.dumps(value)
        .replace("realtime_input", "realtimeInput")
        .replace("tool_response", "toolResponse")
        .replace("function_responses", "functionResponses")
    )
