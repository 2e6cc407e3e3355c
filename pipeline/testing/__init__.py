"""Tests of agents, as far as they need no agent: what a test says, and whether what happened is what it expects.

``read_cases`` turns the section ``tests`` of a file into ``Case`` objects; ``judge`` holds a ``Timeline`` against
what a case expects. What runs an agent and fills the timeline is ``livegraph.cli.testing``.
"""

from .judge import Verdict, judge
from .model import Case
from .reading import read_cases
from .scene import Scene
from .timeline import Entry, Timeline

__all__ = ["Case", "Entry", "Scene", "Timeline", "Verdict", "judge", "read_cases"]
