"""RTVI, the words of Pipecat's clients: protocol 2.2.0, of which the majors 1 and 2 are spoken. Sans-IO.

Every message is ``{"label": "rtvi-ai", "type", "id"?, "data"?}``; beside it there are ``signalling`` messages of the
transport for WebRTC. What RTVI has no word for goes as a ``server-message`` with our own message as its data, where
a page may want it, and otherwise not at all.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from .. import protocol as say
from ..protocol import FromCaller, FromServer, Json, to_json
from .reading import Reader, major_of
from .telling import Teller, rtvi

__all__ = ["PROTOCOL", "Rtvi"]

PROTOCOL = "2.2.0"
_MOST_HELD = 256
_MOST_ASKED = 64
_UNTOUCHED = (say.Persona, say.Transfer, say.ToolProgress, say.Confirmed, say.Muted)
"""What RTVI has no word for, and a page may want to know."""


class Rtvi:
    """See ``Dialect``. Nothing but the end is told before the client has said that it is ready.

    Args:
        now: the time of day in ISO 8601, for transcripts.
        about: what the client is told of this server.
    """

    def __init__(self, now: Callable[[], str], about: Mapping[str, Any] | None = None) -> None:
        self._about = dict(about or {})
        self._now = now
        self._reader = Reader()
        self._teller: Teller | None = None
        self._ready_id: str | None = None
        """Of the client's ``client-ready``, until it is answered."""
        self._version = ""
        self._running: say.Ready | None = None
        self._held: deque[FromServer] = deque(maxlen=_MOST_HELD)
        self._replies: list[Json] = []
        self._asked: OrderedDict[str, str] = OrderedDict()
        """What the page has asked the program, by id: answers repeat its name."""
        self._parted = False

    def spell(self, message: FromServer) -> Iterable[Json]:
        """See ``Dialect``."""
        return list(self._spell(message))

    def read(self, message: Mapping[str, Any]) -> Iterable[FromCaller]:
        """See ``Dialect``."""
        if message.get("label") != "rtvi-ai":
            # Signalling: which tracks are enabled. Their sound and pictures come, or do not, by themselves.
            return []
        kind, data = str(message.get("type")), message.get("data")
        id = message.get("id") if isinstance(message.get("id"), str) else ""
        if kind == "client-ready":
            self._client_ready(id or "", data if isinstance(data, dict) else {})
            return []
        said, refusal = self._reader.read(kind, id or "", data)
        if refusal:
            self._replies.append(rtvi("error-response", {"error": refusal}, id))
        if self._teller is not None:
            for one in said:
                self._replies += self._teller.hear(one)
        for one in said:
            if isinstance(one, say.Ask):
                self._remember(one)
        return said

    def replies(self) -> Iterable[Json]:
        """See ``Dialect``."""
        replies, self._replies = self._replies, []
        return replies

    def farewell(self) -> Iterable[Json]:
        """The word without which a client takes the end of its connection for a fault, and calls again."""
        if self._parted:
            return []
        self._parted = True
        return [{"type": "signalling", "message": {"type": "peerLeft"}}]

    # Inside ----------------------------------------------------------------------------------------

    def _spell(self, message: FromServer) -> Iterator[Json]:
        if isinstance(message, say.Ready):
            self._running = message
            yield from self._answer_ready()
        elif isinstance(message, say.End):
            if self._teller is not None:
                yield from self._teller.stop()
            yield rtvi("server-message", to_json(message))
            yield from self.farewell()
        elif isinstance(message, say.Reply):
            name = self._asked.pop(message.id, "")
            if message.ok:
                yield rtvi("server-response", {"t": name, "d": message.data}, message.id)
            else:
                yield rtvi("error-response", {"error": str(message.data)}, message.id)
        elif isinstance(message, say.Error) and message.fatal:
            yield rtvi("error", _error(message))
        elif self._teller is None:
            self._held.append(message)
        else:
            yield from self._tell(self._teller, message)

    def _tell(self, teller: Teller, message: FromServer) -> Iterator[Json]:
        if isinstance(message, say.Error):
            yield rtvi("error", _error(message))
        elif isinstance(message, say.Message):
            yield rtvi("server-message", message.data)
        elif isinstance(message, _UNTOUCHED):
            yield rtvi("server-message", to_json(message))
        else:
            yield from teller.tell(message)

    def _client_ready(self, id: str, data: Mapping[str, Any]) -> None:
        version = data.get("version")
        self._version = version if isinstance(version, str) else ""
        if major_of(self._version) not in (1, 2):
            what = f"RTVI {self._version[:20]}" if self._version else "no version of RTVI"
            self._replies.append(
                rtvi(
                    "error-response",
                    {"error": f"The client speaks {what}; this server speaks {PROTOCOL}."},
                    id,
                )
            )
            self._version = ""
        self._ready_id = id
        self._replies += self._answer_ready()

    def _answer_ready(self) -> Iterator[Json]:
        """``bot-ready``, and what was held back, once both sides are there."""
        if self._ready_id is None or self._running is None:
            return
        id, self._ready_id = self._ready_id, None
        old = major_of(self._version) == 1
        if self._teller is None:
            results = self._running.report != "none"
            self._teller = Teller(self._now, version=self._version or PROTOCOL, results=results)
        about = {**self._about, "agent": self._running.agent}
        yield rtvi("bot-ready", {"version": self._version if old else PROTOCOL, "about": about}, id)
        while self._held:
            yield from self._tell(self._teller, self._held.popleft())

    def _remember(self, asked: say.Ask) -> None:
        self._asked[asked.id] = asked.name
        if len(self._asked) > _MOST_ASKED:
            self._asked.popitem(last=False)


def _error(message: say.Error) -> Json:
    text = " ".join(part for part in (message.message, message.remedy) if part)
    return {"error": text, "message": text, "fatal": message.fatal}
