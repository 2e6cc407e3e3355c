"""What the service is reported to do to its clients: each as an act or an oddity, and all of it by personality."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any, ClassVar

import msgspec
import pytest
from websockets.asyncio.client import connect

from livegraph.liveapi import (
    AudioTranscriptionConfig,
    ClientContent,
    ClientMessage,
    Content,
    FunctionDeclaration,
    SessionResumptionConfig,
    Setup,
    Tool,
)
from livegraph.simulator.actions import Ignore, Reject, Say, SayPart, Silent, StopSpeaking, Write
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.personality import PERSONALITIES, Personality
from livegraph.simulator.scenario_file import ScenarioError, parse_scenario
from livegraph.simulator.server import Simulator
from support.live import Caller, calling, virtually
from support.speech import recorded

SECOND = 1_000_000_000
LONG = "We are open from eight in the morning to six in the evening. On Sundays we are closed all day."
BRAIN = parse_brain(f"""
version: 1
use_tools: false
rules:
  - hear: story
    say: {LONG}
  - hear: book it
    call: {{tool: book, args: {{day: monday}}}}
    say_result: It is booked.
  - hear: who am i
    say: "{{caller|Nobody}}"
fallback: I did not understand.
""")
SETUP = Setup(
    model="models/gemini-3.8-live",
    tools=[
        Tool(
            function_declarations=[
                FunctionDeclaration(name="book", behavior="BLOCKING"),
                FunctionDeclaration(name="note", behavior="NON_BLOCKING"),
            ]
        )
    ],
    input_audio_transcription=AudioTranscriptionConfig(),
    output_audio_transcription=AudioTranscriptionConfig(),
)


def played(scenes: str, test: Any, **options: Any) -> Any:
    """Run a test on the virtual clock, with these scenes."""
    scenario = parse_scenario(f"version: 1\nscenes:{chr(10) + scenes if scenes else ' []'}")
    return virtually(test, scenario=scenario, script=BRAIN, **options)


def said(caller: Caller) -> str:
    """All words that the model spoke."""
    return "".join(heard.text for heard in caller.all("outputTranscription"))


def times(caller: Caller, kind: str) -> list[float]:
    """When messages of a kind came, in ms."""
    return [heard.at_ms for heard in caller.all(kind)]


class TestActs:
    """Turns that are none, or not what they should be."""

    def answer(self, act: str) -> Caller:
        async def test(simulator: Simulator) -> Caller:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("a story")
                await asyncio.sleep(20)
                return caller

        caller: Caller = played(f"  - when: turn\n    do: [{act}]\n", test)
        caller.heard = [each for each in caller.heard if each.message.server_content]
        return caller

    def test_an_empty_turn(self) -> None:
        assert self.answer("silent").kinds == ["generationComplete", "turnComplete"]

    def test_no_turn_at_all(self) -> None:
        assert self.answer("ignore").kinds == []

    def test_text_only_where_sound_was_asked_for(self) -> None:
        caller = self.answer(f"write: {LONG}")
        assert not any(heard.audio or heard.text for heard in caller.heard)
        turns = [content.model_turn for each in caller.heard if (content := each.message.server_content)]
        assert "".join(turn.plain_text for turn in turns if turn) == LONG

    @pytest.mark.parametrize(
        ("act", "reason"), [("reject", "RESPONSE_REJECTED"), ("reject: BLOCKLIST", "BLOCKLIST")]
    )
    def test_a_rejected_turn(self, act: str, reason: str) -> None:
        (heard,) = self.answer(act).heard
        content = heard.message.server_content
        assert content and content.turn_complete and content.turn_complete_reason == reason

    def test_a_reason_that_does_not_exist(self) -> None:
        with pytest.raises(ScenarioError, match="BLOCKLIST"):
            parse_scenario("version: 1\nscenes:\n  - when: turn\n    do: [reject: BLOKLIST]\n")

    def test_a_turn_completed_before_its_sentence_is(self) -> None:
        caller = self.answer(f"say_part: {LONG}")
        assert caller.kinds == ["speech", "generationComplete", "turnComplete"]
        assert LONG.startswith(said(caller)) and 0 < len(said(caller)) < 0.7 * len(LONG)

    def test_sound_that_stops_and_nothing_ends_it(self) -> None:
        """Until the user says something: then it is cut, and the next answer comes."""
        caller = self.answer(f"stop_speaking: {LONG}")
        assert caller.kinds == ["speech"] and LONG.startswith(said(caller))

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("a story")
                await caller.until("audio")
                await asyncio.sleep(10)
                assert not caller.all("turnComplete")
                await caller.write("a story")
                await caller.until("turnComplete", 2)
                assert caller.kinds[-4:] == ["turnComplete", "speech", "generationComplete", "turnComplete"]

        played(f"  - when: {{turn: 1}}\n    do: [stop_speaking: {LONG}]\n", test)


class TestScenesBehindACall:
    """What stands behind a call in a scenario happens when the call is out."""

    def test_a_call_that_is_cancelled(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("go")
                ((id_, name, args),) = (await caller.until("toolCall")).calls()
                assert (name, args) == ("book", {})
                cancelled = (await caller.until("toolCallCancellation")).message.tool_call_cancellation
                assert cancelled and cancelled.ids == [id_]

        played("  - when: {turn: 1}\n    do: [{call: {tool: book}}, cancel_calls]\n", test)

    def test_a_warning_and_then_an_answer(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                assert await caller.words("go") == "I have to go soon."
                assert caller.kinds.index("goAway") < caller.kinds.index("speech")

        played("  - when: {turn: 1}\n    do: [{go_away: 20s}, {say: I have to go soon.}]\n", test)

    def test_a_call_and_then_the_end(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("go")
                await caller.until("toolCall")
                assert (await caller.until_closed()).code == 1011

        played("  - when: {turn: 1}\n    do: [{call: {tool: note}}, {close: 1011}]\n", test)


class TestOddities:
    """A connection that is odd in one way."""

    def on(self, change: str, test: Any, **options: Any) -> Any:
        return played(f"  - when: connect\n    do: [{{set: {{{change}}}}}]\n", test, **options)

    def test_words_ahead_of_the_sound(self) -> None:
        """After one second of sound more than four seconds of words are there."""

        def spread(change: str) -> tuple[float, float]:
            async def test(simulator: Simulator) -> tuple[float, float]:
                async with calling(simulator.open(), SETUP) as caller:
                    assert await caller.words("a story") == LONG
                    part, words = 0.0, 0
                    for heard in caller.heard:
                        part += heard.audio_ms
                        words += len(heard.text) if "outputTranscription" in heard.kinds else 0
                        if part >= 1_000:
                            break
                    whole = sum(heard.audio_ms for heard in caller.heard)
                    return part / whole, words / len(LONG)

            found: tuple[float, float] = self.on(change, test)
            return found

        sound, words = spread("words_ahead: 3s")
        usual_sound, usual_words = spread("words_ahead: 0s")
        assert sound == usual_sound and words > usual_words + 0.3

    def test_words_behind_the_turns_end(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("a story")
                await caller.until("turnComplete")
                await asyncio.sleep(12)
                assert said(caller) == LONG
                assert times(caller, "outputTranscription")[-1] > times(caller, "turnComplete")[0]

        self.on("output_words_after: 10s", test)

    def test_the_users_words_behind_the_answer(self) -> None:
        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.say(recorded("go_forward").pcm)
                await caller.pause(2)
                await caller.until("inputTranscription")
                assert times(caller, "inputTranscription")[0] > times(caller, "audio")[0]

        self.on("input_words_after: 1500ms", test)

    def test_sound_after_interrupted(self) -> None:
        """The first of it in the same message, all of it before the turn is over."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("a story")
                await caller.until("audio")
                await caller.write("a story")
                cut = await caller.until("interrupted")
                assert cut.audio
                await caller.until("turnComplete")
                behind = caller.heard[caller.heard.index(cut) :]
                end = next(n for n, heard in enumerate(behind) if "turnComplete" in heard.kinds)
                assert end > 1 and sum(heard.audio_ms for heard in behind[:end]) == pytest.approx(400, abs=1)

        self.on("sound_after_interrupted: 400ms", test)

    @pytest.mark.parametrize("blocking", [True, False])
    def test_a_call_is_made_again(self, blocking: bool) -> None:
        """Talked over while it waits, it comes under another id; the first result answers the first."""
        name = "book" if blocking else "note"
        script = parse_brain(
            f"version: 1\nrules:\n  - hear: book it\n    call: {{tool: {name}, args: {{}}}}\nfallback: Hm.\n"
        )

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.write("book it")
                ((first, *call),) = (await caller.until("toolCall")).calls()
                if not blocking:
                    await caller.until("turnComplete")
                    await caller.write("one moment")
                    await caller.until("audio")
                await caller.write("hello")
                ((second, *again),) = (await caller.until("toolCall", 2)).calls()
                assert again == call and second != first

        scenario = parse_scenario(
            "version: 1\nscenes:\n  - when: connect\n    do: [{set: {repeat_calls: true}}]\n"
        )
        virtually(test, scenario=scenario, script=script)

    def test_a_closed_microphone_that_ends_nothing(self) -> None:
        """The turn ends by the silence that is sent, and by nothing else."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.say(recorded("go_forward").pcm)
                await caller.signal("audio_stream_end")
                await asyncio.sleep(5)
                assert not caller.all("inputTranscription")
                await caller.pause(1.5)
                await caller.until("turnComplete")

        self.on("ignores_stream_end: true", test)

    def test_a_greeting_in_other_words(self) -> None:
        """Whoever asks for words is given others; what is said on one's own account stays."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                words = await caller.words(
                    'Say "Good morning, how can I help you?" to the caller, word for word.'
                )
                assert words == "Hello, what can I do for you?"
                assert await caller.words("a story") == LONG

        self.on("paraphrases: true", test)

    @pytest.mark.parametrize(("forgets", "name"), [(True, "Nobody"), (False, "Ann")])
    def test_prefill_is_gone_after_resuming(self, forgets: bool, name: str) -> None:
        """What was said in the session itself is not."""

        async def test(simulator: Simulator) -> None:
            async with calling(simulator.open(), SETUP) as caller:
                await caller.tell(("user", "I am Ann."), ("model", "Hello Ann."), complete=False)
                update = (await caller.until("sessionResumptionUpdate")).message.session_resumption_update
                assert update
            again = msgspec.structs.replace(
                SETUP, session_resumption=SessionResumptionConfig(update.new_handle)
            )
            async with calling(simulator.open(), again) as caller:
                assert await caller.words("who am i") == name

        self.on(f"forgets_prefill: {json.dumps(forgets)}", test)

    def test_a_short_word_right_after_a_turn_is_not_noticed(self) -> None:
        """Half a second later it is."""
        word = recorded("go_forward").pcm[7_200:17_600]

        def noticed(wait_s: float) -> bool:
            async def test(simulator: Simulator) -> bool:
                async with calling(simulator.open(), SETUP) as caller:
                    await caller.words("a story")
                    await caller.pause(wait_s)
                    await caller.say(word)
                    await caller.pause(3)
                    return bool(caller.all("inputTranscription"))

            return bool(self.on("deaf_after_turn: 1s", test))

        assert not noticed(0.1) and noticed(2.0)

    def test_pongs_come_late_on_a_socket(self) -> None:
        async def test() -> float:
            scenario = parse_scenario(
                "version: 1\nscenes:\n  - when: connect\n    do: [{set: {pong_after: 300ms}}]\n"
            )
            loop = asyncio.get_running_loop()
            async with Simulator(scenario=scenario, script=BRAIN) as simulator:
                port = await simulator.serve()
                address = f"ws://127.0.0.1:{port}/ws/x.BidiGenerateContent"
                async with connect(address, ping_interval=None, proxy=None) as socket:
                    began = loop.time()
                    await (await socket.ping())
                    return loop.time() - began

        assert asyncio.run(test()) >= 0.3

    def test_pongs_come_late_in_memory(self) -> None:
        async def test(simulator: Simulator) -> float:
            link: Any = simulator.open()
            await asyncio.sleep(0.1)
            loop = asyncio.get_running_loop()
            began = loop.time()
            await link.probe()
            return loop.time() - began

        assert self.on("pong_after: 12s", test) == pytest.approx(12, abs=0.01)


class TestPersonalities:
    """All of it by a seed."""

    def fates(self, personality: Personality, count: int = 2_000) -> list[str]:
        actions: list[Any] = [Say(LONG)]
        made = [personality.answer(number, actions) for number in range(1, count + 1)]
        return ["" if each is actions else type(each[-1]).__name__ for each in made]

    def test_a_seed_is_a_fate(self) -> None:
        """The same seed does the same, whenever it is asked; another does something else."""
        one, two = Personality("hostile", 1), Personality("hostile", 2)
        assert self.fates(one) == self.fates(Personality("hostile", 1)) != self.fates(two)
        assert one.oddities(3, "gemini-3.8-live") == one.oddities(3, "gemini-3.8-live")
        assert [one.oddities(n, "m") for n in range(9)] != [two.oddities(n, "m") for n in range(9)]

    def test_kind_does_nothing(self) -> None:
        kind = Personality("kind", 5)
        assert set(self.fates(kind)) == {""} and not kind.oddities(1, "gemini-3.8-live")
        assert not kind.acts(1) and kind.refusal(1) is None

    def test_hostile_does_everything(self) -> None:
        """Every act, every oddity and every refusal has its turn."""
        hostile = Personality("hostile", 3)
        kinds = {act.__name__ for act in (Silent, Ignore, Reject, Write, SayPart, StopSpeaking)}
        assert set(self.fates(hostile)) == {"", *kinds}
        seen: Counter[str] = Counter()
        for number in range(200):
            seen.update(name for name, value in hostile.oddities(number, "x").items() if value)
        assert len(seen) == 10 and min(seen.values()) > 20
        codes = {refusal.code for n in range(1, 200) if (refusal := hostile.refusal(n))}
        assert codes == {1007, 1008, 1011}
        assert any(hostile.acts(number) for number in range(40))

    def test_never_more_than_three_in_a_row(self) -> None:
        for seed in range(20):
            run = 0
            for fate in self.fates(Personality("hostile", seed), 400):
                run = run + 1 if fate else 0
                assert run <= 3

    def test_what_was_not_said_is_owed(self) -> None:
        """Whoever asks again, in whatever words, gets the answer; so nothing depends on the client's own."""

        async def test(simulator: Simulator) -> list[str]:
            async with calling(simulator.open(), SETUP) as caller:
                answers = []
                for number in range(1, 8):
                    answers.append(await caller.words("a story" if number % 2 else "Hm? Still there?"))
                return answers

        for seed in range(100):
            fates = [bool(fate) for fate in self.fates(Personality("hostile", seed), 2)]
            personality = Personality("hostile", seed)
            if fates == [True, False] and isinstance(personality.answer(1, [Say(LONG)])[-1], Silent):
                break
        scenario = parse_scenario("version: 1\nscenes: []\n")
        answers = virtually(test, scenario=scenario, script=BRAIN, personality="hostile", seed=seed)
        assert answers[:2] == ["", LONG]

    def test_cancellations_are_not_announced_by_a_hostile_one(self) -> None:
        model = "models/gemini-2.5-flash-native-audio-preview-12-2025"
        setup = msgspec.structs.replace(
            SETUP,
            model=model,
            tools=[Tool(function_declarations=[FunctionDeclaration(name="book", behavior="BLOCKING")])],
        )

        def announced(name: str) -> bool:
            async def test(simulator: Simulator) -> bool:
                async with calling(simulator.open(), setup) as caller:
                    await caller.write("go")
                    await caller.until("toolCall")
                    await caller.write("stop")
                    await caller.until("interrupted")
                    await asyncio.sleep(1)
                    return bool(caller.all("toolCallCancellation"))

            scenes = "  - when: {turn: 1}\n    do: [call: book]\n"
            return bool(played(scenes, test, personality=name, connection_ns=None))

        assert announced("kind") and not announced("hostile")

    def test_scenarios_may_ask_for_one(self) -> None:
        scenario = parse_scenario("version: 1\nsettings: {personality: hostile, seed: 7}\n")
        assert scenario.settings == {"personality": "hostile", "seed": 7}
        with pytest.raises(ScenarioError, match="personality"):
            parse_scenario("version: 1\nsettings: {personality: nice}\n")
        with pytest.raises(ValueError, match="kind, typical, hostile"):
            Simulator(personality="nice")  # type: ignore[arg-type]
        assert PERSONALITIES == ("kind", "typical", "hostile")


class TestHistoryThatEndsWithTheUser:
    """A completed history whose last turn is the user's is answered as each family does it."""

    MODELS: ClassVar[dict[str, str]] = {
        "2.5": "models/gemini-2.5-flash-native-audio-preview-12-2025",
        "3.1": "models/gemini-3.1-flash-live-preview",
        "3.8": "models/gemini-3.8-live",
    }

    def talk(self, family: str, test: Any, *, history: bool) -> Any:
        from livegraph.liveapi import HistoryConfig

        setup = Setup(
            model=self.MODELS[family],
            output_audio_transcription=AudioTranscriptionConfig(),
            history_config=HistoryConfig(True) if history else None,
        )

        async def run(simulator: Simulator) -> Any:
            async with calling(simulator.open(), setup) as caller:
                return await test(caller)

        return virtually(run, script=BRAIN)

    def test_2_5_answers_at_once(self) -> None:
        async def test(caller: Caller) -> None:
            await caller.tell(("user", "Hello."), ("model", "Hi."), ("user", "a story"))
            await caller.until("turnComplete")
            assert said(caller) == LONG

        self.talk("2.5", test, history=True)

    @pytest.mark.parametrize("family", ["3.1", "3.8"])
    @pytest.mark.parametrize("nudge", [" ", "sound"])
    def test_3_x_answers_with_the_next_realtime_input(self, family: str, nudge: str) -> None:
        async def test(caller: Caller) -> None:
            await caller.tell(("user", "Hello."), ("model", "Hi."), ("user", "a story"))
            await asyncio.sleep(5)
            assert "turnComplete" not in caller.kinds
            if nudge == "sound":
                await caller.pause(0.1)
            else:
                await caller.write(nudge)
            await caller.until("turnComplete")
            assert said(caller) == LONG

        self.talk(family, test, history=True)

    @pytest.mark.parametrize("family", ["2.5", "3.1", "3.8"])
    def test_a_history_that_ends_with_the_model_is_not_answered(self, family: str) -> None:
        async def test(caller: Caller) -> None:
            await caller.tell(("user", "a story"), ("model", "Hi."))
            await caller.pause(0.2)
            await caller.write(" ")
            await asyncio.sleep(5)
            assert "turnComplete" not in caller.kinds

        self.talk(family, test, history=True)

    def test_a_full_stop_makes_2_5_act_on_the_instruction_before_it(self) -> None:
        async def test(caller: Caller) -> None:
            await caller.tell(("model", "Tell the user a story."), ("user", "."))
            await caller.until("turnComplete")
            assert said(caller) == LONG

        self.talk("2.5", test, history=False)

    def test_a_full_stop_gets_an_empty_turn_from_3_8(self) -> None:
        async def test(caller: Caller) -> None:
            await caller.tell(("model", "Tell the user a story."), ("user", "."))
            await caller.until("turnComplete")
            assert said(caller) == "" and "audio" not in caller.kinds

        self.talk("3.8", test, history=False)

    def test_a_blank_text_says_nothing_to_a_model_that_speaks(self) -> None:
        async def test(caller: Caller) -> None:
            await caller.write("a story")
            await caller.until("audio")
            await caller.write(" ")
            await caller.until("turnComplete")
            assert said(caller) == LONG and "interrupted" not in caller.kinds

        self.talk("3.8", test, history=False)

    def test_instructions_in_tags_are_not_read_aloud(self) -> None:
        async def test(caller: Caller) -> None:
            content = Content.of_text("<instructions>\nGreet the user.\n</instructions>", "user")
            await caller.send(ClientMessage(client_content=ClientContent([content], True)))
            await caller.until("turnComplete")
            assert said(caller) and "instruction" not in said(caller)

        self.talk("3.8", test, history=False)
