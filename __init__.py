"""livegraph: voice agents as graphs."""

__version__ = "0.1.0"
