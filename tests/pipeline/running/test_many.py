"""Ports for many edges: each frame says by which it came, each end is told, each edge can be served alone."""

from collections.abc import Iterator

import pytest

from livegraph.pipeline import (
    EdgeEnd,
    Frame,
    Graph,
    In,
    Ins,
    Out,
    Outs,
    Processor,
    ProcessorError,
    TextFrame,
    run_virtual,
)
from support.boxes import Collect, SlowUpper, Upper, Words


class Many(Processor):
    """Says where each word came from, and what has ended."""

    words: Ins[TextFrame]
    other: In[TextFrame] = In(required=False)
    out: Out[TextFrame]

    def __init__(self, *, fail_at: str = "") -> None:
        self.fail_at = fail_at

    def on_words(self, frame: TextFrame, edge: EdgeEnd) -> TextFrame:
        if frame.text == self.fail_at:
            raise RuntimeError(f"no {frame.text}")
        return TextFrame(f"{edge.name}[{edge.index}] {frame.text}")

    def on_other(self, frame: TextFrame) -> None:
        return None

    def on_input_end(self, port: str, edge: EdgeEnd) -> TextFrame:
        return TextFrame(f"{port} {edge.name} ended")

    def on_end(self) -> Iterator[TextFrame]:
        yield TextFrame("all ended")


class AsyncMany(Many):
    """The same behind queues."""

    async def on_words(self, frame: TextFrame, edge: EdgeEnd) -> TextFrame:  # type: ignore[override]  # async here
        return super().on_words(frame, edge)


def graph_of(kind: type[Processor], heard: list[str], **options: object) -> Graph:
    graph = Graph()
    first = graph.add("first", Words, words=["a", "b"], gap_ms=20)
    second = graph.add("second", Words, words=["x"], gap_ms=10)
    many = graph.add("many", kind, on_error="restart", **options)
    graph.connect(first, "many.words")
    graph.connect(second, "many.words")
    graph.connect(many, graph.add(Collect, into=heard))
    return graph


@pytest.mark.parametrize("kind", [Many, AsyncMany])
def test_a_frame_says_by_which_edge_it_came(kind: type[Processor]) -> None:
    """In plain and in async handlers; edges are called after the nodes that feed them, each end is told once."""
    heard: list[str] = []
    run_virtual(graph_of(kind, heard).plan().call().run())
    assert heard == [
        "first[0] a",
        "second[1] x",
        "words second ended",
        "first[0] b",
        "words first ended",
        "all ended",
    ]


def test_a_fresh_processor_hears_of_the_ends_before_it() -> None:
    """After a restart it knows what will not come any more."""
    heard: list[str] = []
    run_virtual(graph_of(Many, heard, fail_at="b").plan().call().run())
    assert heard[-3:] == ["words second ended", "words first ended", "all ended"]
    assert heard.count("words second ended") == 2


def test_two_edges_of_one_node_are_called_with_their_ports() -> None:
    """So that no two have one name; a box in between does not change it."""

    class Two(Processor):
        """Two outputs."""

        left: Out[TextFrame]
        right: Out[TextFrame]

        async def run(self) -> None:
            self.left.emit(TextFrame("l"))
            self.right.emit(TextFrame("r"))

    heard: list[str] = []
    graph = Graph()
    two, many = graph.add("two", Two), graph.add(Many)
    graph.connect(two.left, many.words)
    graph.connect(two.right, many.words)
    graph.connect(many, graph.add(Collect, into=heard))
    run_virtual(graph.plan().call().run())
    assert heard[:2] == ["two.left[0] l", "two.right[1] r"]


class Deals(Processor):
    """Deals words out, one edge after the other."""

    word: In[TextFrame]
    outs: Outs[TextFrame]

    def __init__(self, *, to: str = "") -> None:
        self.to = to
        self.count = 0

    def on_word(self, frame: TextFrame) -> None:
        names = [edge.name for edge in self.outs.edges]
        self.outs.emit_to(self.to or names[self.count % len(names)], frame)
        self.count += 1


def dealt(to: str = "", words: str = "abcd") -> list[list[str]]:
    heard: list[list[str]] = [[], []]
    graph = Graph()
    deals = graph.add(Deals, to=to)
    graph.connect(graph.add(Words, words=list(words)), deals)
    graph.connect(deals.outs, graph.add("upper", Upper).text)
    graph.connect(deals.outs, graph.add("slow", SlowUpper, delay_ms=1).text)
    graph.connect("upper", graph.add("one", Collect, into=heard[0]))
    graph.connect("slow", graph.add("two", Collect, into=heard[1]))
    run_virtual(graph.plan().call().run())
    return heard


def test_one_edge_of_many_can_be_served_alone() -> None:
    """By the name of the node that it leads to, with or without a queue; ends reach all of them."""
    assert dealt() == [["A", "C"], ["B", "D"]]
    assert dealt("slow") == [[], ["A", "B", "C", "D"]]


def test_an_edge_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(ProcessorError, match=r"outs has no edge to 'nobody'; there is: upper, slow"):
        dealt("nobody")


def test_a_handler_for_many_takes_the_edge() -> None:
    """Markers that the port takes included, and a fault is the node's."""
    seen: list[tuple[str, str]] = []

    class Takes(Processor):
        """Anything."""

        all: Ins[Frame]

        def on_all(self, frame: Frame, edge: EdgeEnd) -> None:
            seen.append((type(frame).__name__, edge.name))

    graph = Graph()
    graph.connect(graph.add(Words, words=["a"], turn=1, mark_end=True), graph.add(Takes))
    run_virtual(graph.plan().call().run())
    assert seen == [("TextFrame", "words"), ("TurnEndFrame", "words")]
