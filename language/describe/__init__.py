"""Seeing a graph and what it is made of: facts of processors, the JSON Schema of the language, pictures.

::

    facts = describe_box("vad_gate", VadGate)        # ports, options, events, examples, as data
    schema = json_schema()                           # of agent files, with every installed processor
    picture = picture_of(check(graph))               # a model; drawing.render(picture, "svg") draws it

Nothing here starts anything, opens a device or loads a model.
"""

from .boxes import BoxFacts, CounterFacts, EventFacts, OptionFacts, PortFacts, describe_box, installed
from .examples import full_example, short_example
from .picture import Arrow, Box, Picture, picture_of
from .schema import json_schema

__all__ = [
    "Arrow",
    "Box",
    "BoxFacts",
    "CounterFacts",
    "EventFacts",
    "OptionFacts",
    "Picture",
    "PortFacts",
    "describe_box",
    "full_example",
    "installed",
    "json_schema",
    "picture_of",
    "short_example",
]
