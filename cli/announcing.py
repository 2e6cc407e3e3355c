"""What ``livegraph run`` prints when it listens: address, agents, model, and what is missing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..server.logs import escaped
from .output import json_text
from .prepared import Prepared
from .terminal import colourful, paint

if TYPE_CHECKING:
    from .serving import Serving

__all__ = ["announcement", "facts"]


def announcement(
    serving: Serving,
    port: int,
    prepared: Sequence[Prepared],
    notes: Sequence[str],
    room: tuple[int, str],
    media_port: int,
) -> str:
    """The whole of it, with a QR code of the page's address where a telephone is to read it.

    ``media_port`` is where callers' sound comes to, which a firewall has to let through; 0 where there is no one port.
    """
    colour = paint(sys.stdout)
    page = serving.url(port)
    token = f"#token={serving.invitation}" if serving.invitation else ""
    rows = [("Page", colour("message", page + token))]
    names = [
        escaped(item.agent.name + (f" ({item.agent.title})" if item.agent.title else "")) for item in prepared
    ]
    rows += [("Agents" if index == 0 else "", name) for index, name in enumerate(names)]
    models = dict.fromkeys(
        item.route.label + (f" ({item.route.detail})" if item.route.detail else "") for item in prepared
    )
    rows += [("Model" if index == 0 else "", model) for index, model in enumerate(models)]
    rows.append(("Calls", room[1]))
    rows.append(("Media", _media(serving, media_port)))
    notes = [*notes, *serving.notes]
    if not serving.near and serving.front.certfile is None:
        notes.append(
            "Browsers give their microphone to https pages and to localhost only: put https in front."
        )
    code = ""
    if serving.wish.self_signed and serving.addresses:
        near_url = f"https://{serving.addresses[0]}:{port}{serving.front.root_path}/{token}"
        rows.insert(1, ("Nearby", colour("message", near_url)))
        notes.append(
            "The browser warns of the certificate, which was made here: that is to be accepted once."
        )
        code = _qr(near_url)
    rows += [("Note", escaped(note)) for note in notes]
    lines = [f"  {colour('dim', name.ljust(7))} {text}" for name, text in rows]
    return "\n".join(
        ["", *lines, *([code] if code else []), "", "  Open the page and press Call. Ctrl-C ends.", ""]
    )


def facts(
    serving: Serving,
    port: int,
    prepared: Sequence[Prepared],
    notes: Sequence[str],
    room: tuple[int, str],
    media_port: int,
) -> str:
    """The same as one JSON object, for programs that start servers."""
    return json_text(
        {
            "url": serving.url(port),
            "token": serving.invitation,
            "agents": [
                {"name": item.agent.name, "title": item.agent.title, "model": item.route.label}
                for item in prepared
            ],
            "max_calls": room[0],
            "media_port": media_port,
            "notes": [*notes, *serving.notes],
        }
    )


def _media(serving: Serving, media_port: int) -> str:
    if serving.wish.ice == "full":
        return "UDP, a port for each call (--ice full)"
    if media_port:
        return f"UDP and TCP port {media_port}"
    first = serving.wish.udp_port
    return f"UDP and TCP, a port for each worker, {f'from {first} on' if first else 'as they are free'}"


def _qr(text: str) -> str:
    """The text as a QR code in blocks, for a terminal; nothing where nobody could read it."""
    if not colourful(sys.stdout):
        return ""
    import io

    import segno

    drawn = io.StringIO()
    segno.make(text, error="l").terminal(out=drawn, border=2, compact=True)
    return "\n" + drawn.getvalue().rstrip("\n")
