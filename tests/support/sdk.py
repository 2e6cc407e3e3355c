"""The official SDK (google-genai) as judge, in a process of its own: as installed, or an older version.

The programs that it runs are in ``tests/sdk/programs.py``. They know google-genai and the standard library only, so
two versions with their own dependencies can judge the same simulator.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .judges import JudgeProcess, Unavailable
from .python_packages import install_package

__all__ = ["OLDEST_SDK", "Judge", "Unavailable", "install_sdk"]

OLDEST_SDK = "2.0.0"
"""The oldest google-genai that the simulator is held to: the first of the major version before the newest."""

_PROGRAMS = Path(__file__).resolve().parents[1] / "sdk" / "programs.py"


def install_sdk(version: str, folder: Path) -> Path:
    """google-genai ``version`` with all that it needs, below ``folder``. Raises ``Unavailable``."""
    return install_package("google-genai", version, folder)


class Judge(JudgeProcess):
    """google-genai for Python.

    Args:
        certificate: the simulator's, which the process is told to trust by ``SSL_CERT_FILE`` as any program may be.
        folder: where an older version was installed; by default the one of this environment is used.
    """

    def __init__(self, certificate: Path, folder: Path | None = None) -> None:
        kept = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment |= {"SSL_CERT_FILE": str(certificate), "NO_PROXY": "*"}
        options = ["-W", "ignore"]
        if folder is not None:
            # Without this environment's own packages: the older version has its own of everything.
            options.append("-S")
            environment["PYTHONPATH"] = str(folder)
        super().__init__("google-genai", [sys.executable, *options, str(_PROGRAMS)], environment)
