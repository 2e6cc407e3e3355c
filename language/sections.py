"""What an agent file is made of: its sections, and the forms in which it can say its graph.

The reader and the schema both go by these. ``include`` may stand beside any of them, and is done with before.
"""

from __future__ import annotations

__all__ = ["BODIES", "BOXES", "FORMS", "OF_ALL", "OF_ONE", "OF_TEMPLATE", "TOP"]

BODIES = ("pipeline", "nodes")
"""The forms that a template can have as well."""
FORMS = ("agent", *BODIES)
"""An agent is said in one of them: short, boxes in a row, or a graph."""
BOXES = {"memory": "memory", "guards": "guard_rails"}
"""Sections that are the options of a box, which stands at the end of the row in the short and the linear form."""
OF_ONE = (
    *("title", "description", "inputs"),
    *FORMS,
    *("edges", "turns", "conversation", *BOXES, "record", "log", "server", "resources", "simulator", "tests"),
)
"""The sections of one agent."""
OF_ALL = ("version", "agents", "templates", "profiles")
"""What may stand at the top of a file of several agents: it is not of one of them."""
TOP = ("version", "name", *OF_ONE, "agents", "templates", "profiles")
"""The sections of a file."""
OF_TEMPLATE = ("params", "ports", *BODIES, "edges", "doc")
"""The sections of one template."""
