"""What boxes say of the machine: all are asked, whatever one of them does."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from livegraph.pipeline import Graph, OptionFault, Processor
from livegraph.pipeline.graph.environment import check_surroundings


class Content(Processor):
    """Misses nothing."""


class Needy(Processor):
    """Misses what the environment does not have."""

    def __init__(self, *, key: str = "") -> None:
        self.key = key

    @classmethod
    def check_surroundings(
        cls, options: Mapping[str, Any], environ: Mapping[str, str]
    ) -> Iterator[OptionFault]:
        if options["key"] not in environ:
            yield OptionFault("key", f"`{options['key']}` is not set", "set it", code="LG601")


class Careless(Processor):
    """Fails to look."""

    @classmethod
    def check_surroundings(
        cls, options: Mapping[str, Any], environ: Mapping[str, str]
    ) -> Iterator[OptionFault]:
        raise KeyError("HOME")


class Stuck(Processor):
    """Looks for ever, or until the test is over."""

    over = threading.Event()

    @classmethod
    def check_surroundings(
        cls, options: Mapping[str, Any], environ: Mapping[str, str]
    ) -> Iterator[OptionFault]:
        cls.over.wait(30)
        return iter(())


@pytest.mark.leaks
def test_every_box_is_asked_and_named() -> None:
    graph = Graph()
    graph.add("content", Content)
    graph.add("careless", Careless)
    graph.add("stuck", Stuck)
    graph.add("needy", Needy, key="TOKEN")
    graph.add("served", Needy, key="PATH")
    problems = check_surroundings(graph, {"PATH": "/bin"}, deadline_s=0.05)
    Stuck.over.set()
    assert [(problem.code, problem.path) for problem in problems] == [
        ("LG222", ("nodes", "careless")),
        ("LG604", ("nodes", "stuck")),
        ("LG601", ("nodes", "needy", "key")),
    ]
    assert problems[0].message == "`careless` cannot check its surroundings: KeyError: 'HOME'"
    for thread in threading.enumerate():
        if thread.name == "check stuck":
            thread.join(5)
