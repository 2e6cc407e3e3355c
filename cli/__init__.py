"""The command ``livegraph``: one module a verb, each loading what it needs when it runs."""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command with the arguments of this process; leaves it with an exit code of ``exits.Exit``."""
    # Read once, when numpy loads: one thread a process, or every small matrix would wake all cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from .streams import prepare_streams

    prepare_streams()
    try:
        from .app import app
        from .usage import run_app

        code = run_app(app)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    # Nothing is left to be put in order: a further Ctrl-C ends the process at once, and without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)
