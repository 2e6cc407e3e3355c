"""Whole conversations by telephone, on the virtual clock: the fake providers say what the real ones document, and their
network loses, delays and overtakes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette

from livegraph.audio import Pcm
from livegraph.language import parse_agent
from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.events import CallEnded, Event, Interrupted, KeyPressed, StateChanged, Transcript
from livegraph.processors.gemini_live import LiveConnector
from livegraph.server import ServedAgent, make_app
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from livegraph.transports.socket.codings import Coding
from support.malformed import NO_OBJECTS, mutants
from support.speech import levels_db, recorded
from support.telephones import PROVIDERS, FakeTelephone, FakeTelnyx, FakeTwilio

AGENT = """
version: 1
inputs:
  caller: {type: text, default: nobody}
  floor: {type: integer, default: 0}
pipeline:
  - telephone_in
  - vad_gate
  - gemini_live: {greeting: Good day and welcome to the practice.}
  - dtmf_menu:
      menu:
        "9": {end: true}
  - telephone_out
turns: telephone
"""
FOR_BROWSERS = """
version: 1
pipeline: [webrtc_in, vad_gate, {gemini_live: {greeting: Good day and welcome.}}, webrtc_out]
"""
LONG = "We are open from eight in the morning to six in the evening on every day but Sunday, and by appointment only."
BRAIN = parse_brain(f"version: 1\nfallback: [{LONG!r}]\n")


ONSET_S = float(np.argmax(levels_db(recorded("go_forward").pcm, 16_000) > -35)) * 0.02


class Told:
    """What happened in the calls of a test."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.inputs: list[dict[str, Any]] = []

    def of(self, kind: type[Any]) -> list[Any]:
        """Events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def on_call(self, request: object, arrival: Any) -> None:
        """Watch it."""
        for kind in (Transcript, Interrupted, KeyPressed, StateChanged, CallEnded):
            arrival.subscribe(kind, self.events.append)
        self.inputs.append(arrival.inputs)

    def said(self) -> list[str]:
        """What the agent has said."""
        return [event.text for event in self.of(Transcript) if event.role == "agent" and event.final]


def answered(test: Callable[[Starlette, Told], Awaitable[None]], agent: str = AGENT, **options: Any) -> None:
    """Run it with a server that answers telephones, on virtual time."""

    async def run() -> None:
        told = Told()
        async with Simulator(script=BRAIN, ears=NoEars(), voice=TonesVoice()) as simulator:
            parsed = parse_agent(agent, file="desk.yaml")
            served = ServedAgent.of(parsed, resources={LiveConnector: simulator.connector()})
            # `full`: no socket is open while no browser calls. Beside one, virtual time is as slow as real time.
            app = make_app([served], any_host=True, on_call=told.on_call, ice="full", **options)
            async with app.state.desk:
                await test(app, told)

    run_virtual(run())


def voice() -> Pcm:
    """A person says something for two seconds."""
    return recorded("go_forward").pcm


async def until(fact: Callable[[], object], within_s: float = 30) -> None:
    """Wait for it."""
    async with asyncio.timeout(within_s):
        while not fact():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("kind", PROVIDERS, ids=lambda kind: str(kind.provider))
def test_a_whole_conversation(kind: type[FakeTelephone]) -> None:
    """The caller is greeted, asks over a bad line, is answered, speaks over the answer and hears it stop, presses a key
    and is hung up on. What the agent is held to have said is what was heard."""

    async def test(app: Starlette, told: Told) -> None:
        phone = kind(parameters={"caller": "+49301", "floor": "3", "colour": "red"}, loss=0.03, disorder=0.1)
        await phone.dial(app)
        await until(lambda: told.said())
        assert told.said() == ["Good day and welcome to the practice."]
        greeting_s = len(phone.ear.samples()) / phone.coding.rate
        assert greeting_s > 1
        assert phone.ear.gaps() == []
        assert phone.ear.most_held_s <= 0.3
        assert told.inputs[0]["floor"] == 3
        assert told.inputs[0]["caller"] == ("+4930111" if kind is FakeTelnyx else "+49301")

        await phone.say(voice())
        await until(lambda: len(phone.ear.samples()) / phone.coding.rate > greeting_s + 1.5)
        before = len(phone.ear.clears)
        # Over the agent's answer.
        began = asyncio.get_running_loop().time()
        await phone.say(voice())
        await until(lambda: told.of(Interrupted))
        assert len(phone.ear.clears) > before
        heard = len(phone.ear.samples())
        # From the first sound of the voice: the detector's own time, and the line's both ways.
        stopped_s = phone.ear.clears[before] - began - ONSET_S
        assert 0 < stopped_s < 0.5
        await asyncio.sleep(0.2)
        cut = [event for event in told.of(Transcript) if event.interrupted]
        assert cut
        assert LONG.startswith(cut[0].text.rstrip())
        assert len(cut[0].text) < len(LONG)
        assert len(phone.ear.samples()) >= heard

        await until(lambda: told.of(StateChanged)[-1].state == "listening", 60)
        phone.press("9")
        await until(lambda: told.of(CallEnded))
        assert [event.key for event in told.of(KeyPressed)] == ["9"] or told.of(CallEnded)
        await phone.over.wait()
        assert phone.closed is not None
        assert phone.closed[0] == 1000
        await phone.gone()
        assert app.state.desk.active == 0

    answered(test)


@pytest.mark.parametrize("kind", PROVIDERS, ids=lambda kind: str(kind.provider))
@pytest.mark.parametrize(("how", "reason"), [("hang_up", "hung_up"), ("cut", "lost")])
def test_the_end_from_outside(kind: type[FakeTelephone], how: str, reason: str) -> None:
    """Who rings off has hung up, a socket that breaks is a caller who is lost; nothing is left of either."""

    async def test(app: Starlette, told: Told) -> None:
        phone = kind()
        await phone.dial(app)
        await until(lambda: told.of(StateChanged) and told.of(StateChanged)[-1].state == "speaking")
        getattr(phone, how)()
        await until(lambda: told.of(CallEnded))
        await phone.gone()
        assert app.state.desk.active == 0
        assert f'reason="{reason}"}} 1.0' in app.state.metrics.text().decode()

    answered(test)


@pytest.mark.parametrize(
    "coding",
    [Coding("pcma", 8_000), Coding("g722", 16_000), Coding("pcm16", 16_000), Coding("pcm16", 24_000)],
    ids=lambda coding: f"{coding.encoding}-{coding.rate}",
)
def test_wider_codings_of_telnyx(coding: Coding) -> None:
    """The agent is heard in the coding that the stream has, and hears in it."""

    async def test(app: Starlette, told: Told) -> None:
        phone = FakeTelnyx(coding=coding)
        await phone.dial(app)
        await until(lambda: told.said())
        loud = phone.ear.samples()
        assert np.abs(loud).max() > 1_000
        if coding.rate <= 16_000:
            await phone.say(voice())
            await until(lambda: len(told.said()) > 1, 60)
            assert told.said()[1] == LONG
        phone.hang_up()
        await phone.gone()

    answered(test)


def test_marks_out_of_order_and_lost() -> None:
    """Later ones tell of all before; what does not come back at all is taken for played after two seconds."""

    class Confused(FakeTwilio):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.kept: list[str] = []

        def _marked(self, name: str) -> None:
            # Three at a time, backwards, and every seventh never; twice the same.
            if int(name.rpartition("-")[2]) % 7 == 0:
                return
            self.kept.append(name)
            if len(self.kept) == 3:
                for one in reversed(self.kept):
                    super()._marked(one)
                    super()._marked(one)
                self.kept.clear()

    async def test(app: Starlette, told: Told) -> None:
        phone = Confused()
        await phone.dial(app)
        await until(lambda: told.said())
        assert told.said() == ["Good day and welcome to the practice."]
        states = [event.state for event in told.of(StateChanged)]
        assert states[-2:] == ["speaking", "listening"]
        phone.hang_up()
        await phone.gone()

    answered(test)


@pytest.mark.parametrize("kind", PROVIDERS, ids=lambda kind: str(kind.provider))
def test_a_stream_that_talks_nonsense_is_still_a_call(kind: type[FakeTelephone]) -> None:
    """Messages that are wrong in every way, twice begun, of another stream, in binary: they are dropped and counted. A
    key before any sound, and after all of it, is a key; another call hears nothing of it."""

    class Quiet(kind):  # type: ignore[misc,valid-type]
        async def _speak(self) -> None:
            """It has no microphone: keys come before any sound."""

    async def test(app: Starlette, told: Told) -> None:
        other, phone = kind(), Quiet(parameters={"caller": "+49301"})
        await other.dial(app)
        await until(lambda: told.said())
        greeted = len(other.ear.samples())
        await phone.dial(app)
        await asyncio.sleep(0.2)
        phone.press("1")
        known = [
            {
                "event": "media",
                "media": {"track": "inbound", "chunk": "2", "timestamp": "20", "payload": "//8="},
            },
            {"event": "dtmf", "dtmf": {"digit": "4"}},
            {"event": "mark", "mark": {"name": "0-1"}},
            {"event": "playedStream", "name": "0-1"},
        ]
        wrong = [text for one in known for name, text in mutants(one) if "digit" not in name]
        for text in (*NO_OBJECTS.values(), *wrong, b"", b"\0\xff"):
            phone.tell_anything(text)
            await asyncio.sleep(0.05)
        phone._begin()
        id = {"twilio": "streamSid", "telnyx": "stream_id", "plivo": "streamId"}[phone.provider]
        phone.tell({"event": "stop", id: "somebody else's"})
        phone.tell({"event": "dtmf", id: "somebody else's", "dtmf": {"digit": "9"}})
        phone.press("4")
        await asyncio.sleep(0.5)
        assert app.state.desk.active == 2
        assert {event.key for event in told.of(KeyPressed)} == {"1", "4"}
        assert told.said().count("Good day and welcome to the practice.") == 2
        shown = sorted(call["unclear"] for call in app.state.desk.calls())
        assert shown[0] == 0 and shown[1] > 50
        phone.press("9")
        await phone.over.wait()
        await phone.gone()
        assert app.state.desk.active == 1
        assert (
            f'livegraph_unclear_messages_total{{agent="desk"}} {shown[1]}'
            in app.state.metrics.text().decode()
        )
        await other.say(voice())
        await until(lambda: len(other.ear.samples()) > greeted, 60)
        other.hang_up()
        other.hang_up()
        await other.gone()
        assert app.state.desk.active == 0

    answered(test)


@pytest.mark.parametrize("kind", PROVIDERS, ids=lambda kind: str(kind.provider))
def test_disorder_at_both_ends_of_a_stream(kind: type[FakeTelephone]) -> None:
    """Sound overtakes the start, which comes twice; sound, keys and a second stop come after the stop. It is one call,
    begun once and ended once, and its number keeps its plus."""

    class Hasty(kind):  # type: ignore[misc,valid-type]  # a class that is a parameter
        def _begin(self) -> None:
            for chunk in (1, 2, 3):
                self.tell(self._media(chunk, 20 * chunk - 20, "//8="))
            super()._begin()
            super()._begin()

    async def test(app: Starlette, told: Told) -> None:
        phone = Hasty(parameters={"caller": "+49 30 1", "agent": "desk", "token": "", "call_id": "theirs"})
        await phone.dial(app)
        await until(lambda: told.said())
        assert told.said() == ["Good day and welcome to the practice."]
        assert app.state.desk.active == 1
        given = told.inputs[0]["caller"]
        assert given == ("+4930111" if kind is FakeTelnyx else "+49 30 1")
        phone.hang_up()
        phone.tell(phone._media(99_999, 0, "//8="))
        phone.press("1")
        phone.hang_up()
        await phone.gone()
        assert len(told.of(CallEnded)) == 1
        assert [event.key for event in told.of(KeyPressed)] == []
        assert 'reason="hung_up"} 1.0' in app.state.metrics.text().decode()

    answered(test)


def test_an_agent_for_browsers_answers_the_telephone() -> None:
    """Its file stays as it is."""

    async def test(app: Starlette, told: Told) -> None:
        phone = FakeTwilio()
        await phone.dial(app)
        await until(lambda: told.said())
        assert told.said() == ["Good day and welcome."]
        await phone.say(voice())
        await until(lambda: len(told.said()) == 2, 60)
        phone.hang_up()
        await phone.gone()

    answered(test, FOR_BROWSERS)


@pytest.mark.parametrize(
    "start",
    [
        {"event": "start", "start": {"callSid": "CA1"}},
        {"event": "start", "start": {"callSid": 'CA1"', "streamSid": 'MZ"'}},
        {"event": "start", "start": {"nobody": "1"}},
        {"event": "start"},
        {"event": "media", "media": {"payload": ""}},
        {"type": "hello"},
        {
            "event": "start",
            "stream_id": "s",
            "start": {"call_control_id": "c", "media_format": {"encoding": "AMR-WB", "sample_rate": 16_000}},
        },
    ],
)
def test_what_is_no_start_is_refused(start: dict[str, Any]) -> None:
    """With a code of the socket, and no place is taken."""

    class Wrong(FakeTwilio):
        def _begin(self) -> None:
            self.tell(start)

        def _obey(self, message: dict[str, Any]) -> None:
            raise AssertionError

        def _arrived(self) -> None:
            assert self._going.popleft()["code"] == "bad_start"

    async def test(app: Starlette, told: Told) -> None:
        phone = Wrong()
        await phone.dial(app)
        await phone.gone()
        assert phone.closed == (4400, "bad_start")
        assert app.state.desk.active == 0

    answered(test)
