"""Every fault of a graph is found in one run, named by code, node and port; a right graph is told nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import pytest

from livegraph.pipeline import (
    MS,
    AudioFrame,
    ConfigError,
    Frame,
    Graph,
    In,
    OptionFault,
    Out,
    Policy,
    Problem,
    Processor,
    Range,
    SpeechStartFrame,
    TextFrame,
)
from livegraph.pipeline.frames import VideoFrame
from livegraph.pipeline.graph.check import CheckResult, check
from support.boxes import Collect, Hear, SlowUpper, Tone, Upper, Words


class Listen(Processor):
    """Audio in; audio, speech and text out."""

    audio: In[AudioFrame]
    out: Out[AudioFrame] = Out(like="audio")
    speech: Out[SpeechStartFrame]
    words: Out[TextFrame]

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        return frame


class Talk(Processor):
    """Audio and text in, audio out, and words back in."""

    audio: In[AudioFrame] = In()
    text: In[TextFrame] = In(required=False)
    results: In[TextFrame] = In(required=False, feedback=True)
    sound: Out[AudioFrame] = Out(rate=24_000, channels=1)
    calls: Out[TextFrame]

    async def on_audio(self, frame: AudioFrame) -> None: ...

    async def on_text(self, frame: TextFrame) -> None: ...

    async def on_results(self, frame: TextFrame) -> None: ...


class TwoTexts(Processor):
    """Two inputs of one type."""

    one: In[TextFrame] = In(required=False)
    other: In[TextFrame] = In(required=False)

    def on_one(self, frame: TextFrame) -> None: ...

    def on_other(self, frame: TextFrame) -> None: ...


class Everything(Processor):
    """Takes whatever there is."""

    frames: In[Frame]

    def on_frames(self, frame: Frame) -> None: ...


class Anything(Processor):
    """Gives whatever there is."""

    frames: Out[Frame]


class Loud(TextFrame, frozen=True, eq=False):
    """A text of its own class."""


class Shout(Processor):
    """Gives texts of a subclass, and plain ones."""

    loud: Out[Loud]
    plain: Out[TextFrame]


class Strict(Processor):
    """Has an option with a range, and a mind of its own."""

    text: In[TextFrame]

    def __init__(self, *, level: Annotated[int, Range(0, 10)] = 0) -> None: ...

    def on_text(self, frame: TextFrame) -> None: ...

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        if options["level"] == 7:
            yield OptionFault("level", "seven is taken", "try eight")
        if options["level"] == 6:
            yield OptionFault("level", "six is unwise", warning=True)


def found(graph: Graph) -> list[Problem]:
    return list(check(graph).problems)


def codes(graph: Graph) -> list[str]:
    return [problem.code for problem in found(graph)]


def words_to(kind: type[Processor], **options: Any) -> Graph:
    """A source and ``kind``, not yet joined."""
    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("box", kind, **options)
    return graph


def edges_of(result: CheckResult) -> list[str]:
    return [str(edge) for edge in result.edges]


def test_a_right_graph_has_no_problems() -> None:
    """And its order has every node after those that feed it."""
    graph = Graph()
    graph.add("sink", Collect)
    graph.add("upper", Upper)
    graph.add("words", Words, words=["a"])
    graph.chain("words", "upper", "sink")
    result = check(graph)
    assert result.problems == []
    assert result.order == ["words", "upper", "sink"]


def test_an_empty_graph_is_refused() -> None:
    """LG310."""
    assert codes(Graph()) == ["LG310"]


def test_an_unknown_node_is_named_with_the_nearest() -> None:
    """LG301, once per end, and no second message about the input that stayed open."""
    graph = words_to(Collect)
    graph.connect("word", "box")
    (problem,) = found(graph)
    assert problem.code == "LG301"
    assert "`word`" in problem.message
    assert "`words`" in problem.hint
    assert problem.path == ("edges", 0)


def test_an_unknown_port_is_named_with_the_nearest() -> None:
    """LG302 for outputs and inputs, saying which of the two it is."""
    graph = words_to(Collect)
    graph.connect("words.ou", "box.txt")
    one, other = found(graph)
    assert (one.code, other.code) == ("LG302", "LG302")
    assert "no output `ou`" in one.message and "`out`" in one.hint
    assert "no input `txt`" in other.message and "`text`" in other.hint


def test_ports_that_do_not_fit_are_told_what_there_is() -> None:
    """LG303 lists what comes out and what goes in."""
    graph = words_to(Hear)
    graph.connect("words", "box")
    (problem,) = found(graph)
    assert problem.code == "LG303"
    assert "out: TextFrame" in problem.hint and "audio: AudioFrame" in problem.hint


@pytest.mark.parametrize(
    ("source", "target", "named"),
    [("words", TwoTexts, "output `out` fits one, other"), ("talk", Collect, ""), ("shout", Collect, "")],
)
def test_an_edge_with_a_choice_names_it(source: str, target: type[Processor], named: str) -> None:
    """LG304 when one port would stand in two pairs; none when classes decide."""
    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("tone", Tone)
    graph.add("talk", Talk)
    graph.add("shout", Shout)
    graph.add("box", target)
    graph.connect("tone", "talk")
    graph.connect(source, "box")
    problems = [problem for problem in found(graph) if problem.code != "LG308"]
    assert [problem.code for problem in problems] == (["LG304"] if named else [])
    if named:
        assert problems[0].hint == f"{named}; name the port"


def test_several_pairs_between_two_nodes_are_all_joined() -> None:
    """Audio to audio and text to text, from one edge between two names."""
    graph = Graph()
    graph.add("tone", Tone)
    graph.add("listen", Listen)
    graph.add("talk", Talk)
    graph.connect("tone", "listen")
    graph.connect("listen.out", "talk.audio")
    graph.connect("listen.words", "talk.text")
    assert check(graph).problems == []
    shorter = Graph()
    shorter.add("tone", Tone)
    shorter.add("listen", Listen)
    shorter.add("both", Both)
    shorter.chain("tone", "listen", "both")
    result = check(shorter)
    assert result.problems == []
    assert edges_of(result) == [
        "tone.out -> listen.audio",
        "listen.out -> both.audio",
        "listen.words -> both.text",
    ]


class Both(Processor):
    """Audio and text in."""

    audio: In[AudioFrame]
    text: In[TextFrame]

    def on_audio(self, frame: AudioFrame) -> None: ...

    def on_text(self, frame: TextFrame) -> None: ...


def test_a_port_for_every_frame_takes_any_output_and_gives_to_any_input() -> None:
    """Joined when it is the only pair; what the input does not take is kept out of it."""
    graph = words_to(Everything)
    graph.connect("words", "box")
    assert codes(graph) == []
    graph = Graph()
    graph.add("any", Anything)
    graph.add("sink", Collect)
    graph.connect("any", "sink")
    result = check(graph)
    assert result.problems == []
    assert result.edges[0].passes == (TextFrame,)


def test_several_outputs_for_one_port_of_every_frame_must_be_named() -> None:
    """Nobody knows which of them is meant."""
    graph = Graph()
    graph.add("tone", Tone)
    graph.add("listen", Listen)
    graph.add("all", Everything)
    graph.connect("tone", "listen")
    graph.connect("listen", "all")
    assert codes(graph) == ["LG304"]
    graph.edges.pop()
    graph.connect("listen.speech", "all")
    graph.connect("listen.words", "all")
    assert codes(graph) == []


def test_a_subclass_stands_back_where_the_class_itself_is() -> None:
    """``plain`` is a TextFrame, ``loud`` only inherits."""
    graph = Graph()
    graph.add("shout", Shout)
    graph.add("sink", Collect)
    graph.connect("shout", "sink")
    assert edges_of(check(graph)) == ["shout.plain -> sink.text"]


def test_live_audio_reads_for_the_sound_of_a_node() -> None:
    """``talk.audio`` as an output is its only audio output, whatever that is called."""
    graph = Graph()
    graph.add("tone", Tone)
    graph.add("talk", Talk)
    graph.add("hear", Hear)
    graph.connect("tone", "talk.audio")
    graph.connect("talk.audio", "hear")
    result = check(graph)
    assert result.problems == []
    assert edges_of(result)[1] == "talk.sound -> hear.audio"


def test_an_input_that_needs_something_and_gets_nothing() -> None:
    """LG305 names what it needs; optional inputs may stay open."""
    graph = Graph()
    graph.add("talk", Talk)
    (problem,) = found(graph)
    assert (problem.code, problem.path) == ("LG305", ("nodes", "talk"))
    assert "talk.audio" in problem.message
    assert "AudioFrame" in problem.hint


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_is_refused_and_walked(length: int) -> None:
    """LG306 shows the way round; a node joined to itself is one too."""
    graph = Graph()
    names = [str(graph.add(f"upper{n}", Upper)) for n in range(length)]
    graph.chain(*names, names[0])
    (problem,) = found(graph)
    assert problem.code == "LG306"
    for name in names:
        assert name in problem.message
    assert problem.message.count("->") == length
    assert problem.path[0] == "edges"


def test_a_circle_through_a_feedback_input_is_right() -> None:
    """And the node that takes the feedback comes first."""
    graph = Graph()
    graph.add("tone", Tone)
    graph.add("talk", Talk)
    graph.add("tools", Upper)
    graph.connect("tone", "talk.audio")
    graph.connect("talk.calls", "tools")
    graph.connect("tools", "talk.results")
    result = check(graph)
    assert result.problems == []
    assert result.order == ["tone", "talk", "tools"]
    assert [edge.feedback for edge in result.edges] == [False, False, True]


def test_a_source_that_nobody_hears_is_worth_a_warning() -> None:
    """LG308 keeps no graph from running."""
    graph = Graph()
    graph.add("words", Words, words=["a"])
    (problem,) = found(graph)
    assert (problem.code, problem.warning) == ("LG308", True)
    assert graph.plan().warnings == (problem,)


def test_an_edge_that_is_there_twice() -> None:
    """LG309, also when one of them names the ports and the other does not."""
    graph = words_to(Collect)
    graph.connect("words", "box")
    graph.connect("words.out", "box.text")
    (problem,) = found(graph)
    assert (problem.code, problem.path) == ("LG309", ("edges", 1))


@pytest.mark.parametrize(
    ("options", "code"),
    [({"level": 11}, "LG203"), ({"level": "high"}, "LG202"), ({"lvel": 3}, "LG201"), ({"level": 7}, "LG220")],
)
def test_options_are_checked_with_the_graph(options: dict[str, object], code: str) -> None:
    """Unknown, wrong type, out of range, and what the processor itself finds: all with the node's path."""
    graph = words_to(Strict, **options)
    graph.connect("words", "box")
    (problem,) = found(graph)
    assert problem.path[:2] == ("nodes", "box")
    assert problem.code.startswith("LG2")
    if code == "LG220":
        assert (problem.code, problem.message, problem.hint) == ("LG220", "seven is taken", "try eight")


def test_a_processor_may_warn() -> None:
    """Of options that work and are unwise."""
    graph = words_to(Strict, level=6)
    graph.connect("words", "box")
    assert [(problem.message, problem.warning) for problem in found(graph)] == [("six is unwise", True)]


def test_a_missing_option_is_a_fault() -> None:
    """Not an error of Python's when the call starts."""
    graph = Graph()
    graph.add("words", Words)
    graph.add("sink", Collect)
    graph.connect("words", "sink")
    assert all(code.startswith("LG2") for code in codes(graph)) and codes(graph)


def test_all_faults_come_at_once() -> None:
    """Options, edges and wiring in one list, and in one ConfigError."""
    graph = Graph()
    graph.add("strict", Strict, level=7)
    graph.add("upper", Upper)
    graph.add("slow", SlowUpper)
    graph.chain("upper", "slow", "upper")
    assert codes(graph) == ["LG220", "LG305", "LG306"]
    with pytest.raises(ConfigError) as caught:
        graph.plan()
    assert [problem.code for problem in caught.value.problems] == ["LG220", "LG305", "LG306"]
    assert "seven is taken" in str(caught.value)


def test_names_of_nodes_are_unique_and_plain() -> None:
    """A dot parts node from port."""
    graph = Graph()
    graph.add("upper", Upper)
    with pytest.raises(ValueError, match="already"):
        graph.add("upper", Upper)
    for name in ("", "a.b"):
        with pytest.raises(ValueError, match="name"):
            graph.add(name, Upper)


# Policies ---------------------------------------------------------------------------------------------

LIVE = Policy("drop_oldest", 200 * MS)


class AsyncHear(Processor):
    """Audio into a queue."""

    audio: In[AudioFrame]

    async def on_audio(self, frame: AudioFrame) -> None: ...


class Picky(AsyncHear):
    """Says how it wants to be fed."""

    audio: In[AudioFrame] = In(policy=Policy("latest"))


def policies(graph: Graph) -> dict[str, Policy]:
    result = check(graph)
    assert result.errors == []
    return {str(edge): edge.policy for edge in result.edges}


def live_graph(sink: type[Processor]) -> Graph:
    graph = Graph()
    graph.add("mic", Tone)
    graph.add("listen", Listen)
    graph.add("sink", sink)
    graph.connect("mic", "listen")
    return graph


def test_live_media_ages_behind_boxes_that_pass_it_on() -> None:
    """The edge behind the gate drops as the one before it; text from the same box does not."""
    graph = live_graph(AsyncHear)
    graph.connect("listen.out", "sink")
    graph.add("log", SlowUpper)
    graph.connect("listen.words", "log")
    assert policies(graph) == {
        "mic.out -> listen.audio": LIVE,
        "listen.out -> sink.audio": LIVE,
        "listen.words -> log.text": Policy("block", max_frames=1024),
    }


def test_what_the_graph_says_of_an_edge_is_added_to_what_flows() -> None:
    """A longer queue for live audio still drops the oldest."""
    graph = live_graph(AsyncHear)
    graph.connect("listen.out", "sink", max_duration="1s")
    assert policies(graph)["listen.out -> sink.audio"] == Policy("drop_oldest", 1_000 * MS)


def test_an_inputs_own_wish_goes_before_the_default_and_behind_the_graph() -> None:
    """Port, then graph."""
    graph = live_graph(Picky)
    graph.connect("listen.out", "sink")
    assert policies(graph)["listen.out -> sink.audio"] == Policy("latest")
    graph = live_graph(Picky)
    graph.connect("listen.out", "sink", when_full="block")
    assert policies(graph)["listen.out -> sink.audio"] == Policy("block")


def test_made_media_waits() -> None:
    """A model's sound is not live, even if the microphone behind it is."""
    graph = Graph()
    graph.add("mic", Tone)
    graph.add("talk", Talk)
    graph.add("sink", AsyncHear)
    graph.connect("mic", "talk.audio")
    graph.connect("talk.sound", "sink")
    assert policies(graph)["talk.sound -> sink.audio"].when_full == "block"


class Denoise(Processor):
    """Sound in, sound out, and no word about it."""

    audio: In[AudioFrame] = In(rate=16_000)
    out: Out[AudioFrame] = Out(rate=16_000)

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        return frame


class Plays(Processor):
    """Sound that waits to be heard."""

    out: Out[AudioFrame]


def test_sound_ages_through_whatever_does_not_say_otherwise() -> None:
    """A denoiser without `like=` does not turn a microphone into a minute of waiting; who makes sound says so."""

    class Dubs(Denoise):
        ages = False

    class Serves(Denoise):
        kind = "service"

    class TakesSome(Denoise):
        audio: In[AudioFrame] = In(rate=(8_000, 16_000))
        out: Out[AudioFrame] = Out(rate=(16_000, 48_000))

    class TakesAny(Denoise):
        audio: In[AudioFrame] = In()

    class GivesAny(Denoise):
        out: Out[AudioFrame] = Out()

    for kind, policy in (
        (Denoise, "drop_oldest"),
        (TakesAny, "drop_oldest"),
        (GivesAny, "drop_oldest"),
        (TakesSome, "drop_oldest"),
        (Dubs, "block"),
        (Serves, "block"),
    ):
        graph = Graph()
        graph.add("mic", Tone)
        graph.add("one", kind)
        graph.add("two", Denoise)
        graph.add("sink", AsyncHear)
        graph.chain("mic", "one", "two", "sink")
        assert policies(graph)["two.out -> sink.audio"].when_full == policy


@pytest.mark.parametrize("order", [("mic", "file"), ("file", "mic")])
def test_each_edge_into_an_input_ages_for_itself(order: tuple[str, str]) -> None:
    """In whatever order the graph names them; and behind both the sound of the microphone still ages."""
    graph = Graph()
    graph.add("mic", Tone)
    graph.add("file", Plays)
    graph.add("both", Denoise)
    graph.add("sink", AsyncHear)
    for name in order:
        graph.connect(name, "both")
    graph.connect("both", "sink")
    when_full = {name: policy.when_full for name, policy in policies(graph).items()}
    assert when_full == {
        "mic.out -> both.audio": "drop_oldest",
        "file.out -> both.audio": "block",
        "both.out -> sink.audio": "drop_oldest",
    }


def test_inputs_that_must_agree_have_one_format() -> None:
    """What one of them is fed decides for the other; a circle of them is a mistake of the class."""

    class Cancels(Processor):
        near: In[AudioFrame] = In()
        far: In[AudioFrame] = In(like="near")
        out: Out[AudioFrame] = Out(like="far")

        def on_near(self, frame: AudioFrame) -> None: ...

        def on_far(self, frame: AudioFrame) -> None: ...

    graph = Graph()
    graph.add("mic", Tone, rate=16_000)
    graph.add("far", Plays)
    graph.add("cancels", Cancels)
    graph.connect("mic", "cancels.near")
    graph.connect("far", "cancels.far")
    plan = graph.plan()
    assert {plan.format_of("cancels", port).rate for port in ("near", "far", "out")} == {16_000}
    assert plan.format_of("far", "out").rate == 16_000

    class Circle(Processor):
        one: In[AudioFrame] = In(like="two")
        two: In[AudioFrame] = In(like="one")

        def on_one(self, frame: AudioFrame) -> None: ...

        def on_two(self, frame: AudioFrame) -> None: ...

    with pytest.raises(TypeError, match="leads in a circle"):
        Graph().add("circle", Circle)


def test_pictures_are_replaced() -> None:
    """Nobody wants to see the past."""

    class Camera(Processor):
        ages = True
        out: Out[VideoFrame]

    class Screen(Processor):
        video: In[VideoFrame]

        async def on_video(self, frame: VideoFrame) -> None: ...

    graph = Graph()
    graph.add("camera", Camera)
    graph.add("screen", Screen)
    graph.connect("camera", "screen")
    assert policies(graph)["camera.out -> screen.video"].when_full == "latest"
