"""Whatever a client sends, whenever it sends it: the server's side of the protocol holds."""

from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.liveapi import (
    AudioTranscriptionConfig,
    Blob,
    ClientContent,
    ClientMessage,
    Content,
    Empty,
    FunctionDeclaration,
    FunctionResponse,
    RealtimeInput,
    RealtimeInputConfig,
    ServerMessage,
    Setup,
    Tool,
    ToolResponse,
    encode_server,
)
from livegraph.simulator.behaviour import Behaviour
from livegraph.simulator.brain import Brain, parse_brain
from livegraph.simulator.server_output import Guess, Speak, Transcribe, Work
from livegraph.simulator.session import LiveSession
from livegraph.simulator.shared_state import SharedState
from support.live import kinds_of
from support.wire import messages

SCRIPT = parse_brain("""
version: 1
rules:
  - hear: story
    say: Once there was a keeper. She lit the lamp. The ships knew their way home.
  - hear: both
    say: Let me see.
    call: {tool: book, args: {}}
  - hear: book
    call: {tool: book, args: {}}
  - hear: later
    call: {tool: later, args: {}}
  - hear: shush
    silent: true
""")
TOOLS = [
    Tool(
        function_declarations=[
            FunctionDeclaration(name="book", behavior="BLOCKING"),
            FunctionDeclaration(name="later", behavior="NON_BLOCKING"),
        ]
    )
]
SETUP = Setup(
    model="m",
    tools=TOOLS,
    input_audio_transcription=AudioTranscriptionConfig(),
    output_audio_transcription=AudioTranscriptionConfig(),
)
WORDS = ["story", "both", "book", "later", "shush", "", "hello"]
PCM = np.full(12_000, 1_000, np.int16)


def realtime(**fields: Any) -> ClientMessage:
    """A message of realtime input."""
    return ClientMessage(realtime_input=RealtimeInput(**fields))


AUDIO = Blob(bytes(6_400), "audio/pcm;rate=16000")
STEPS = st.one_of(
    st.sampled_from(WORDS).map(lambda text: realtime(text=text)),
    st.just(realtime(activity_start=Empty())),
    st.just(realtime(activity_end=Empty())),
    st.just(realtime(audio=AUDIO)),
    st.just(realtime(audio_stream_end=True)),
    st.tuples(st.sampled_from(WORDS), st.booleans()).map(
        lambda pair: ClientMessage(client_content=ClientContent([Content.of_text(pair[0], "user")], pair[1]))
    ),
    st.tuples(st.sampled_from(["", "SILENT", "INTERRUPT", "WHEN_IDLE"]), st.booleans()),
    st.sampled_from([1, 30, 100, 700, 3_000]),
    st.just("work"),
)


class Driver:
    """Drives a session by hand and checks what it sends."""

    def __init__(self, setup: Setup, behaviour: Behaviour) -> None:
        self.now_ns = 0
        self.sent: list[ServerMessage] = []
        self.work: list[Work] = []
        self.ids: list[str] = []
        shared = SharedState(behaviour=behaviour)
        self.session = LiveSession(shared, lambda tools, text: Brain(SCRIPT, tools, text), now_ns=0)
        self.session.receive(ClientMessage(setup=setup), 0)
        self.pass_time(300)

    def step(self, step: Any) -> None:
        """Do one thing that a client, the worker or the clock may do."""
        if isinstance(step, ClientMessage):
            self.session.receive(step, self.now_ns)
        elif isinstance(step, tuple):
            scheduling, goes_on = step
            for id_ in self.ids[-2:]:
                response = FunctionResponse(
                    id=id_, response={"output": "Done."}, scheduling=scheduling, will_continue=goes_on
                )
                self.session.receive(ClientMessage(tool_response=ToolResponse([response])), self.now_ns)
        elif isinstance(step, int):
            self.pass_time(step)
        elif self.work:
            self.finish(self.work.pop(0))
        self.pass_time(0)

    def pass_time(self, milliseconds: int) -> None:
        """Let the clock go on."""
        self.now_ns += milliseconds * 1_000_000
        self.session.advance(self.now_ns)
        self.collect()

    def finish(self, work: Work) -> None:
        """Hand in the result of a piece of work."""
        match work:
            case Transcribe(key=key) | Guess(key=key):
                self.session.finished(key, "story", self.now_ns)
            case Speak(key=key):
                self.session.finished(key, PCM, self.now_ns)

    def collect(self) -> None:
        """Take what it wants done."""
        output = self.session.output
        self.sent += output.messages
        self.work += output.work
        for message in output.messages:
            if message.tool_call:
                self.ids += [call.id for call in message.tool_call.function_calls]
        output.messages, output.work = [], []

    def settle(self) -> None:
        """Let all work be done and all speech be played."""
        for _ in range(12):
            while self.work:
                self.finish(self.work.pop(0))
                self.collect()
            self.pass_time(5_000)


@settings(max_examples=100)
@given(
    st.lists(STEPS, max_size=40),
    st.booleans(),
    st.sampled_from(["", "NO_INTERRUPTION"]),
    st.booleans(),
)
def test_turns_are_well_formed(
    steps: list[Any], manual: bool, handling: str, send_cancellation: bool
) -> None:
    """Each turn ends once; nothing is generated after an interruption; ids are unique; time never waits for ever."""
    config = msgspec.convert(
        {"automaticActivityDetection": {"disabled": True} if manual else {}, "activityHandling": handling},
        RealtimeInputConfig,
    )
    setup = msgspec.structs.replace(SETUP, realtime_input_config=config)
    driver = Driver(setup, Behaviour(send_cancellation=send_cancellation, connection_ns=None))
    for step in steps:
        driver.step(step)
        due_ns = driver.session.due_ns
        assert due_ns is None or due_ns > driver.now_ns or driver.session.output.closing
    driver.settle()
    check(driver)
    if driver.session.output.closing is None:
        # Whatever happened, it still answers, once the calls that hold a turn open have their responses.
        driver.step(realtime(text="hello"))
        driver.settle()
        for _ in range(len(steps) + 1):
            driver.step(("", False))
            driver.settle()
        assert "turnComplete" in kinds_of(driver.sent[-1])
        check(driver)


def check(driver: Driver) -> None:
    """The rules of live-api.md 8."""
    assert len(driver.ids) == len(set(driver.ids))
    speaking = interrupted = generated = False
    for message in driver.sent:
        kinds = kinds_of(message)
        assert len(kinds) == 1 or kinds == ["audio", "outputTranscription"]
        assert len(encode_server(message)) < 1_000_000
        match kinds[0]:
            case "audio" | "outputTranscription" | "toolCall":
                assert not generated
                speaking = True
            case "interrupted":
                assert not interrupted
                interrupted = True
            case "toolCallCancellation":
                assert interrupted
            case "generationComplete":
                assert not interrupted and not generated
                generated = True
            case "turnComplete":
                assert interrupted or generated
                assert message.usage_metadata is not None
                speaking = interrupted = generated = False
            case _:
                assert not interrupted
    # Only a blocking call can hold a turn open for ever.
    assert not (interrupted or generated)
    assert not speaking or driver.ids


@settings(max_examples=100)
@given(st.lists(messages(ClientMessage, depth=4), max_size=6))
def test_no_message_breaks_a_session(hostile: list[ClientMessage]) -> None:
    """Anything that can be decoded is answered, ignored, or ends the session with a reason that fits a close frame."""
    driver = Driver(SETUP, Behaviour())
    for message in hostile:
        driver.step(message)
    driver.settle()
    closing = driver.session.output.closing
    assert closing is None or (closing.code in (1007, 1008, 1011) and len(closing.reason.encode()) <= 123)
    driver.session.leave(driver.now_ns)
    assert driver.session.due_ns is None
