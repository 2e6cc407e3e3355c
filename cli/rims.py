"""A graph's rims for a call without a browser: files in the place of WebRTC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..pipeline.graph.declarations import NodeSpec
from ..pipeline.graph.graph import Graph
from ..pipeline.graph.substitution import substitute
from ..pipeline.processor import Processor
from .exits import Exit, Fault, check_there

__all__ = ["check_sound", "rims", "with_files"]


def rims(graph: Graph, processor: type[Processor]) -> list[NodeSpec]:
    """The nodes of ``graph`` that are a ``processor``."""
    return [node for node in graph.nodes.values() if issubclass(node.processor, processor)]


def check_sound(path: Path, option: str) -> None:
    """Raise ``Fault`` for a file that cannot be read, or is no sound: better now than by the call.

    One that is not there is told of by whoever takes it, with where it was looked for.
    """
    from ..pipeline.errors import TransportError
    from ..transports.decode import AudioFile

    if not path.is_file():
        return
    check_there(path, option)
    try:
        AudioFile(path, 16_000).close()
    except TransportError as error:
        raise Fault(f"{option}: {error}", "WAV, or whatever FFmpeg reads", Exit.CONFIG) from None


def with_files(graph: Graph, question: Path | None, answer: Path | None) -> Graph:
    """``graph`` with its WebRTC ends replaced by files; file ends that it has read and write these instead.

    ``Fault`` when a path is missing, or leads nowhere.
    """
    from ..transports.file_in import FileIn
    from ..transports.file_out import FileOut
    from ..transports.webrtc.webrtc_in import WebRTCIn
    from ..transports.webrtc.webrtc_out import WebRTCOut

    graph = _exchange(graph, WebRTCIn, FileIn, question, "--in", "a recording of what the caller says")
    return _exchange(graph, WebRTCOut, FileOut, answer, "--out", "a file for what the caller would hear")


def _exchange(
    graph: Graph,
    live: type[Processor],
    file: type[Processor],
    path: Path | None,
    option: str,
    purpose: str,
) -> Graph:
    absolute = None if path is None else path.absolute()
    if absolute is not None:
        for fault in file.check_options({"path": path}):
            raise Fault(f"{option}: {fault.message}", fault.hint, Exit.USAGE)
    ends, files = rims(graph, live), rims(graph, file)
    if len(ends) + len(files) > 1 and absolute is not None:
        names = ", ".join(node.name for node in (*ends, *files))
        raise Fault(
            f"{option} could be any of {names}",
            "a call has one caller: give the agent one such end",
            Exit.USAGE,
        )
    if not ends and not files and absolute is not None:
        raise Fault(
            f"{option}: this agent has no end that a file could stand in for",
            f"leave {option} out",
            Exit.USAGE,
        )
    for node in ends:
        if absolute is None:
            raise Fault(
                f"{option} is missing: {purpose}", f"livegraph call AGENT {option} FILE ...", Exit.USAGE
            )
        graph = substitute(graph, node.name, file, {"path": absolute})
    for node in files:
        if absolute is not None:
            options: dict[str, Any] = {**node.options, "path": absolute}
            graph = substitute(graph, node.name, file, options)
    return graph
