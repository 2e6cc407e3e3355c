"""``livegraph tap``: what leaves one output of a call of a running server."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from ...pipeline.units import SECOND, parse_duration
from ...server.logs import escaped
from ..admin_socket import AdminClient, find_admin
from ..exits import Exit, Fault, told
from ..frame_text import line_of
from ..hearing import Hearing, Loudspeaker, SoundInFile, check_sound_file
from ..output import LineOut, json_text
from ..terminal import Terminal
from .operate import ServerOption

__all__ = ["tap"]


def tap(
    call: Annotated[str, typer.Argument(metavar="CALL", help="The call, as `livegraph calls` names it.")],
    port: Annotated[
        str | None,
        typer.Argument(
            metavar="NODE.PORT",
            show_default=False,
            help="The output; NODE alone where it has one. Without it, the outputs that there are.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Keep the sound: .wav, .flac, .opus or .ogg."),
    ] = None,
    play: Annotated[bool, typer.Option("--play", help="Play the sound here.")] = False,
    within: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="How long; until the call is over otherwise."),
    ] = None,
    frames: Annotated[
        int | None, typer.Option("--frames", min=1, metavar="N", help="How many frames at most.")
    ] = None,
    server: ServerOption = None,
    as_json: bool = False,
) -> None:
    """Look into a call of a running server: every frame that leaves one output, a line each.

    A line has the frame's time in the call, its type and turn, and what is in it; of sound, how long and how loud it
    is. It holds nobody up: what comes faster than it is read is lost, and told. Ctrl-C ends it, and so does the end of
    the call.
    """
    terminal = Terminal(level=logging.WARNING)
    with told(terminal):
        within_s = _seconds(within)
        if out is not None:
            check_sound_file(out)
        loudspeaker = Loudspeaker() if play else None
        admin = find_admin(server)
        if port is None:
            _show_outputs(admin, call, as_json)
            return
        with ExitStack() as stack:
            ears: list[Hearing] = [SoundInFile(out)] if out is not None else []
            if loudspeaker is not None:
                ears.append(loudspeaker)
            for ear in ears:
                stack.enter_context(closing(ear))
            target = f"/calls/{quote(call, safe='')}/tap/{quote(port, safe='')}"
            told_of = admin.follow(target + ("?sound=true" if ears else ""), within_s)
            with closing(told_of):
                _print(told_of, ears, frames, as_json, terminal)


def _seconds(within: str | None) -> float | None:
    if within is None:
        return None
    try:
        return parse_duration(within) / SECOND
    except ValueError as error:
        raise Fault(f"--for: {error}", code=Exit.USAGE) from None


def _show_outputs(admin: AdminClient, call: str, as_json: bool) -> None:
    found = admin.ask("GET", f"/calls/{quote(call, safe='')}")["outputs"]
    if as_json:
        print(json.dumps({"outputs": found}))
        return
    width = max((len(each["port"]) for each in found), default=0)
    for each in found:
        print(escaped(f"{each['port']:<{width}}  {', '.join(each['carries'])}"))


def _print(
    frames: Iterable[dict[str, Any]],
    ears: list[Hearing],
    most: int | None,
    as_json: bool,
    terminal: Terminal,
) -> None:
    reading = True

    def nobody_reads() -> None:
        nonlocal reading
        reading = False

    shown = 0

    line_out = LineOut(nobody_reads)
    why = ""
    for frame in frames:
        pcm = frame.pop("pcm", None)
        for ear in ears:
            ear.take(frame, pcm)
        match frame["type"]:
            case "tap":
                if ears and "audio" not in frame["carries"]:
                    carried = ", ".join(frame["carries"])
                    raise Fault(f"{frame['port']} carries no sound: it carries {carried}", code=Exit.USAGE)
            case "end":
                why = "the call is over" if frame["why"] == "call" else "nothing more leaves this output"
            case "lost" if not as_json:
                terminal.warn(f"{frame['frames']} frames were lost: they came faster than they were read")
        if as_json:
            line_out.line(json_text(frame))
        elif frame["type"] not in ("tap", "lost", "end"):
            line_out.line(line_of(frame))
        shown += frame["type"] not in ("tap", "lost", "end")
        if not reading or shown == most:
            break
    line_out.check()
    if why:
        terminal.say(why)
    for ear in ears:
        for note in ear.notes():
            terminal.say(note)
