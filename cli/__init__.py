"""The command ``livegraph``: one module a verb, each loading what it needs when it runs."""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command with the arguments of this process; leaves it with an exit code of ``exits.Exit``."""
    # Read once, when numpy loads: one thread a process, or every small matrix would wake all cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from .app import app
    from .usage import run_app

    sys.exit(run_app(app))
