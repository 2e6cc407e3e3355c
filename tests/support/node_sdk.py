"""The official SDK for JavaScript (``@google/genai``) as judge, in a process of Node's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .judges import JudgeProcess, Unavailable

__all__ = ["NodeJudge", "install_node_sdk"]

_PROGRAMS = Path(__file__).resolve().parents[1] / "sdk" / "javascript"
_INSTALL_WITHIN_S = 200
_OLDEST_NODE = 18


def install_node_sdk(version: str, folder: Path) -> Path:
    """``@google/genai`` ``version`` and the programs that use it, below ``folder``: installed once, then found there.

    Raises ``Unavailable`` when there is no Node, or the registry cannot be reached or has no such version.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Unavailable("there is no Node here (node and npm): @google/genai for JavaScript is not tried")
    told = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30).stdout.strip()
    if int(told.removeprefix("v").partition(".")[0] or 0) < _OLDEST_NODE:
        raise Unavailable(f"Node {told} is too old for @google/genai, which needs {_OLDEST_NODE}")
    home = folder / f"google-genai-js-{version}"
    if home.is_dir():
        return home
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        command = [npm, "install", "--prefix", unfinished, "--no-audit", "--no-fund", "--ignore-scripts"]
        command += ["--loglevel", "error", f"@google/genai@{version}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise Unavailable(
                f"@google/genai {version} was not installed within {_INSTALL_WITHIN_S} s"
            ) from None
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise Unavailable(f"@google/genai {version} cannot be installed: {lines[0] if lines else 'npm'}")
        if not home.is_dir():
            Path(unfinished).rename(home)
            Path(unfinished).mkdir()
    return home


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
