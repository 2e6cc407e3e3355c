"""What became of processes."""

import time
from pathlib import Path

__all__ = ["gone"]


def gone(pid: int, within_s: float = 20) -> bool:
    """Whether a process ends within so much real time; one that only waits to be asked how it ended has."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        try:
            if Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False
