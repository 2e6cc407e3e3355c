"""The variables of the environment that the command reads, and those that only look like one of them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path

from .exits import Exit, Fault
from .terminal import Terminal

__all__ = ["check_environment", "drop_service_links"]

_PREFIX = "LIVEGRAPH_"
_OTHERS = ("LIVEGRAPH_MIND_KEY", "LIVEGRAPH_PUBLIC_URL", "LIVEGRAPH_TOKEN", "LIVEGRAPH_TURN_MODEL")
"""Those that are no option of ``run``."""
_NOT_OURS = re.compile(r"LIVEGRAPH_(TEST_\w+|SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
"""What our tests read, and what Kubernetes tells every container of a Service that is called livegraph."""
_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://")


def check_environment(environ: Mapping[str, str], terminal: Terminal, files: Iterable[Path] = ()) -> None:
    """Tell of variables that begin as ours do and are none. ``Fault`` for one that is nearly one of ours.

    Args:
        environ: the environment; what is empty in it says nothing.
        files: those of the agents, which may have variables of their own.
    """
    strange = [
        name
        for name, value in environ.items()
        if value and name.upper().startswith(_PREFIX) and not _NOT_OURS.fullmatch(name)
    ]
    known = _known()
    strange = sorted(set(strange) - known)
    if not strange:
        return
    from ..pipeline.spelling import nearest, sure

    texts = [_text(path) for path in files]
    for name in strange:
        if any(name in text for text in texts):
            continue
        word = name.upper().removeprefix(_PREFIX)
        ours = [each.removeprefix(_PREFIX) for each in known]
        if meant := sure(word, ours):
            raise Fault(
                f"{name} is set, and there is no such variable",
                f"did you mean `{_PREFIX}{meant}`?",
                Exit.USAGE,
            )
        guess = nearest(word, ours)
        remedy = f": did you mean `{_PREFIX}{guess}`?" if guess else ""
        terminal.warn(f"{name} is set, and nobody reads it{remedy}")


def drop_service_links(environ: MutableMapping[str, str]) -> None:
    """Forget the one variable of Kubernetes that has the name of an option: ``LIVEGRAPH_PORT=tcp://10.0.0.7:8080``."""
    if _SERVICE_LINK.match(environ.get("LIVEGRAPH_PORT", "")):
        del environ["LIVEGRAPH_PORT"]


def _known() -> set[str]:
    from ..language.server_section import ServerSection

    options = {_PREFIX + field.name.upper() for field in dataclasses.fields(ServerSection)}
    return options | set(_OTHERS)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        # Whoever reads the agents has told of it.
        return ""
