"""What tests leave behind; now in ``livegraph.testing``."""

from livegraph.testing.leaks import no_leaks, no_tasks_left, open_files

__all__ = ["no_leaks", "no_tasks_left", "open_files"]
