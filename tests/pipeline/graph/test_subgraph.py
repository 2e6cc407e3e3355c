"""Sub-graphs: parts of a graph with ports of their own. A call sees only what they consist of."""

from typing import Annotated

import pytest

from livegraph.pipeline import (
    ConfigError,
    Doc,
    Duration,
    Graph,
    In,
    Out,
    Range,
    SubGraph,
    TextFrame,
    run_virtual,
)
from support.boxes import Collect, SlowUpper, Upper, Words


class Loud(SubGraph):
    """Upper case, twice."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(
        self,
        *,
        times: Annotated[int, Range(1, 4), Doc("how often")] = 2,
        wait: Annotated[Duration, Doc("how long a word takes")] = 0,
    ) -> None:
        self.times, self.wait_ns = times, wait

    def build(self, graph: Graph) -> None:
        slow = graph.add("slow", SlowUpper, delay_ms=self.wait_ns // 1_000_000)
        boxes = [slow, *(graph.add(Upper) for _ in range(self.times - 1))]
        graph.chain(*boxes)
        self.text, self.out = slow.text, boxes[-1].out


class Pair(SubGraph):
    """One Loud in another, and a witness."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(self, *, heard: list[str] | None = None) -> None:
        self.heard = heard

    def build(self, graph: Graph) -> None:
        loud = graph.add(Loud, times=1)
        witness = graph.add(Collect, into=self.heard)
        self.text = graph.gather(loud.text, witness.text)
        self.out = loud.out


def run(graph: Graph) -> None:
    run_virtual(graph.plan().call().run())


def test_it_is_used_like_a_processor() -> None:
    """Added with options, durations as text too, joined by its ports; its nodes bear its name."""
    heard: list[str] = []
    graph = Graph()
    words, loud, sink = (
        graph.add(Words, words=["a"]),
        graph.add(Loud, wait="30ms"),
        graph.add(Collect, into=heard),
    )
    graph.connect(words.out, loud.text)
    graph.connect(loud.out, sink.text)
    plan = graph.plan()
    assert plan.nodes == ("words", "loud/slow", "loud/upper", "collect")
    assert {str(edge) for edge in plan.checked.edges} == {
        "words.out -> loud/slow.text",
        "loud/slow.out -> loud/upper.text",
        "loud/upper.out -> collect.text",
    }
    assert plan.checked.nodes["loud/slow"].options["delay_ms"] == 30
    run(graph)
    assert heard == ["A"]
    assert list(graph.nodes) == ["words", "loud", "collect"], "the graph itself stays as it was written"


def test_several_of_a_kind_and_bare_nodes() -> None:
    """Names that do not clash; `chain` finds the ports."""
    heard: list[str] = []
    graph = Graph()
    graph.chain(
        graph.add(Words, words=["a"]),
        graph.add(Loud),
        graph.add(Loud, times=1),
        graph.add(Collect, into=heard),
    )
    assert {"loud/slow", "loud_2/slow"} <= set(graph.plan().nodes)
    run(graph)
    assert heard == ["A"]


def test_one_in_another_and_one_port_for_several_inputs() -> None:
    """Edges lead to every port inside that a port means, however deep."""
    heard: list[str] = []
    inside: list[str] = []
    graph = Graph()
    words, pair, sink = (
        graph.add(Words, words=["a"]),
        graph.add(Pair, heard=inside),
        graph.add(Collect, into=heard),
    )
    graph.connect(words, pair)
    graph.connect(pair.out, sink)
    assert "pair/loud/slow" in graph.plan().nodes
    run(graph)
    assert (heard, inside) == (["A"], ["a"])


def test_an_edge_keeps_its_policy_and_a_restart_holds_for_every_part() -> None:
    """What is said of the whole holds inside."""
    graph = Graph()
    words = graph.add(Words, words=["a"])
    loud, sink = graph.add("x", Loud, on_error="restart"), graph.add(Collect)
    graph.connect(words.out, loud.text, max_frames=7)
    graph.connect(loud, sink)
    checked = graph.plan().checked
    (edge,) = [edge for edge in checked.edges if edge.source[0] == "words"]
    assert edge.policy.max_frames == 7
    assert {checked.nodes[name].on_error for name in ("x/slow", "x/upper")} == {"restart"}


def wrong(graph: Graph) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        graph.plan()
    return [f"{problem.code} {problem.message}" for problem in caught.value.problems]


def test_wrong_options_are_told_as_of_any_node() -> None:
    """With all the other faults of the graph."""
    graph = Graph()
    graph.add("loud", Loud, times=9, tims=1)
    told = "\n".join(wrong(graph))
    assert "LG203 `times` must be between 1 and 4" in told and "LG201" in told


class Itself(SubGraph):
    """Never ends."""

    out: Out[TextFrame]

    def build(self, graph: Graph) -> None:
        self.out = graph.add(Itself).out


class Fails(SubGraph):
    """Raises."""

    def build(self, graph: Graph) -> None:
        raise RuntimeError("no bricks")


class Forgets(SubGraph):
    """Sets one port to nothing, one to a port of the wrong side, one to another graph's."""

    text: In[TextFrame]
    other: In[TextFrame]
    out: Out[TextFrame]

    def build(self, graph: Graph) -> None:
        upper = graph.add(Upper)
        self.other = Graph().add(Upper).text
        self.out = upper.text  # type: ignore[assignment]  # what mypy sees as well


def test_faults_of_its_own_are_told_with_its_name() -> None:
    """One that holds itself, one that raises, one that exposes its ports wrongly."""
    graph = Graph()
    graph.add("a", Itself)
    graph.add("b", Fails)
    graph.add("c", Forgets)
    told = "\n".join(wrong(graph))
    assert "LG131 a sub-graph holds itself: Itself -> Itself" in told
    assert "LG221 `b` was not built: RuntimeError: no bricks" in told
    assert "LG135 `c`: its build sets self.text to no port inside" in told
    assert "LG135 `c`: self.other is a port of another graph" in told
    assert "LG135 `c`: self.out is an input inside, an output outside" in told
