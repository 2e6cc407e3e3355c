"""Keeps what passes between a call's ``gemini_live`` and its service, whichever that is, in the form of a recording."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..liveapi.link import EagerLink, Link, LinkClosed, ReceiptLink
from ..pipeline.clock import Clock
from ..pipeline.options import Secret
from ..processors.gemini_live.link_tap import LinkTap
from ..simulator.recording import WireEvent

__all__ = ["WireRecorder"]

_HANDLE = re.compile(r'("(?:newHandle|new_handle|handle)"\s*:\s*")([^"\\]{1,4096})(")')


class WireRecorder(LinkTap):
    """Tells ``note`` of every message of every connection, with times since the first one.

    Resumption handles are replaced by names, ``handle-1``: whoever has one can go on with the session. Keys and tokens
    travel in headers, which are not noted. ``options`` are those of the box, with which `replay` makes one like it; of
    them secrets and what is no plain data are left out.
    """

    def __init__(
        self, note: Callable[[WireEvent], None], clock: Clock, options: Mapping[str, Any] | None = None
    ) -> None:
        self._options = {name: plain for name, value in (options or {}).items() if (plain := _plain(value))}
        self._note = note
        self._clock = clock
        self._began_ns: int | None = None
        self._connections = 0
        self._handles: dict[str, str] = {}

    def wrap(self, link: Link) -> Link:
        """A fresh connection, of which all is noted from now on."""
        self._connections += 1
        if self._began_ns is None:
            self._began_ns = self._clock.now_ns()
            if self._options:
                self.note(1, "options", "in", json.dumps(self._options))
        recorded = _RecordedLink(link, self, self._connections)
        self.note(self._connections, "open", "in", "")
        return recorded

    def note(self, connection: int, kind: Any, direction: str, data: str | bytes) -> None:
        """Something passed: ``in`` is from the client, as for a server's recording."""
        at_ns = self._clock.now_ns() - (self._began_ns or 0)
        if kind == "message":
            data = self._named(data)
        self._note(WireEvent(at_ns, connection, "in" if direction == "in" else "out", kind, data))

    def _named(self, data: str | bytes) -> str | bytes:
        """The message with names for its handles."""
        if isinstance(data, bytes):
            if b"andle" not in data:
                return data
            try:
                return self._named(data.decode()).encode()  # type: ignore[union-attr]
            except UnicodeDecodeError:
                return data

        def name(found: re.Match[str]) -> str:
            given = self._handles.setdefault(found[2], f"handle-{len(self._handles) + 1}")
            return f"{found[1]}{given}{found[3]}"

        return _HANDLE.sub(name, data)


class _RecordedLink:
    """A link like the one inside, and nothing else: what it can do beside sending and receiving it still can."""

    def __init__(self, inner: Link, recorder: WireRecorder, number: int) -> None:
        self._inner = inner
        self._recorder = recorder
        self._number = number
        self._over = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def send(self, message: str | bytes) -> None:
        """See ``Link.send``."""
        await self._inner.send(message)
        self._recorder.note(self._number, "message", "in", message)

    def send_now(self, message: str) -> bool:
        """See ``EagerLink.send_now``."""
        if not (isinstance(self._inner, EagerLink) and self._inner.send_now(message)):
            return False
        self._recorder.note(self._number, "message", "in", message)
        return True

    async def probe_along(self) -> None:
        """See ``EagerLink.probe_along``."""
        if isinstance(self._inner, EagerLink):
            await self._inner.probe_along()
        elif isinstance(self._inner, ReceiptLink):
            await self._inner.probe()

    async def recv(self) -> str | bytes:
        """See ``Link.recv``."""
        try:
            message = await self._inner.recv()
        except LinkClosed as closed:
            self._ends("out", f"{closed.code} {closed.reason}".strip())
            raise
        self._recorder.note(self._number, "message", "out", message)
        return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See ``Link.close``."""
        self._ends("in", f"{code} {reason}".strip())
        await self._inner.close(code, reason)

    def abort(self) -> None:
        """See ``Link.abort``."""
        self._ends("in", "1006")
        self._inner.abort()

    def _ends(self, direction: str, told: str) -> None:
        if not self._over:
            self._over = True
            self._recorder.note(self._number, "close", direction, told)


def _plain(value: Any) -> Any:
    """An option as JSON; None for what is none, and for secrets."""
    if isinstance(value, Secret | Path):
        return None
    try:
        return json.loads(msgspec.json.encode(value))
    except (TypeError, ValueError):
        return None
