"""The official SDK for JavaScript (``@google/genai``) as judge, in a process of Node's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .judges import JudgeProcess
from .node_packages import install_packages

__all__ = ["NodeJudge", "install_node_sdk"]

_PROGRAMS = Path(__file__).resolve().parents[1] / "sdk" / "javascript"


def install_node_sdk(version: str, folder: Path) -> Path:
    """``@google/genai`` ``version`` and the programs that use it, below ``folder``: installed once, then found there.

    Raises ``Unavailable`` when there is no Node, or the registry cannot be reached or has no such version.
    """
    return install_packages(f"google-genai-js-{version}", folder, f"@google/genai@{version}")


class NodeJudge(JudgeProcess):
    """@google/genai, as installed in ``folder``; trusts the simulator's ``certificate`` by Node's own variable."""

    def __init__(self, certificate: Path, folder: Path) -> None:
        kept = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment |= {"NODE_EXTRA_CA_CERTS": str(certificate), "NO_PROXY": "*"}
        # Modules are looked for beside the program, so that it runs from where the SDK lies.
        program = folder / "programs.mjs"
        shutil.copyfile(_PROGRAMS / "programs.mjs", program)
        super().__init__("@google/genai", ["node", "--no-warnings", str(program)], environment)
