"""Connections to the web server, in bounded time and for bounded work: uvicorn itself waits as long as they like."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame

__all__ = ["MOST_HEAD_BYTES", "Connections", "Patience", "PatientSocket", "TimedProtocol"]

MOST_HEAD_BYTES = 16 * 1024
_FLUSH_WITHIN_S = 3.0
"""For the last words to a WebSocket that is closed; who does not read them is cut off."""
_MOST_PIECES = 1_000
"""Of one body: in pieces of a byte the smallest costs the loop a second, and no route gets to refuse it meanwhile."""
_MOST_BODY_BYTES = 1 << 20
"""Of what no route wants to read. What routes do read they bound themselves, far below it."""
_FRAMES_PER_S = 1_000
_MOST_FRAMES_AT_ONCE = 4_000
"""On one WebSocket, of every kind: an empty one costs as much as one with 20 ms of sound."""
_UNANSWERED_S = 60.0
"""Whoever answers no ping for so long is gone, though something still comes of it."""
_HELD_UP_S, _LOOK_AGAIN_S = 0.5, 1.0
"""A timer that is so late tells that this loop was held up: what has come meanwhile is read first."""
_PORTION_BYTES = 2_048
"""So much is looked at between two looks at how many frames it was."""

_logger = logging.getLogger("livegraph.http")
# uvicorn warns of each request that is none: strangers would fill the log. Errors are ours, and stay.
_logger.addFilter(lambda record: record.levelno != logging.WARNING)
_socket_logger = logging.getLogger("livegraph.websocket")
# It tells of each socket that opens, with its whole address.
_socket_logger.addFilter(lambda record: record.levelno >= logging.ERROR)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a far side may take, in seconds, and how many may take that long."""

    secure_s: float = 10.0
    """For the handshake of TLS, and for its goodbye."""
    head_s: float = 10.0
    """From the connection, or the first byte of a further request, to the end of its head."""
    body_s: float = 30.0
    taken_s: float = 30.0
    """To take 48 KiB of an answer, or what is left of one."""
    most_silent: int = 512
    """Connections on which nothing was asked yet: one more, and the oldest of them is closed."""


class Connections(ServerState):
    """The connections of one server."""

    def __init__(self, patience: Patience, most: int) -> None:
        super().__init__()
        self.patience = patience
        self._most = most
        self._silent: dict[TimedProtocol, None] = {}

    def came(self, connection: TimedProtocol) -> None:
        """It is open. Where there are too many, who has waited longest without a word makes room."""
        self._silent[connection] = None
        if len(self._silent) > self.patience.most_silent or len(self.connections) > self._most:
            oldest = next(iter(self._silent))
            del self._silent[oldest]
            oldest.abort()

    def spoke(self, connection: TimedProtocol) -> None:
        """It has asked for something, or it is gone."""
        self._silent.pop(connection, None)


class PatientSocket(WebSocketsSansIOProtocol):
    """A WebSocket that holds nothing for a far side that reads nothing: uvicorn itself answers every ping, and waits
    without end for what it has written to be taken."""

    _cut: asyncio.TimerHandle | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._frames_left: float = _MOST_FRAMES_AT_ONCE
        self._counted_s = self._came_s = self.loop.time()
        self.logger = _socket_logger
        # At the level of debug it tells the log of each header and each message: what callers are let in by.
        self.conn.logger = _socket_logger
        self.conn.debug = False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._cut is not None:
            self._cut.cancel()
        if self.conn.close_rcvd is None:
            # uvicorn takes a connection that broke for one that was closed without a word.
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        now_s = self.loop.time()
        more = (now_s - self._counted_s) * _FRAMES_PER_S
        self._frames_left = min(_MOST_FRAMES_AT_ONCE, self._frames_left + more)
        self._counted_s = self._came_s = now_s
        for at in range(0, len(data), _PORTION_BYTES):
            if self.transport.is_closing():
                return
            super().data_received(data[at : at + _PORTION_BYTES])

    def handle_events(self) -> None:
        self._frames_left -= len(self.conn.events)
        if self._frames_left < 0:
            self.conn.fail(1008, "too many frames")
            self.handle_parser_exception()
            self._cut_off_soon()
            return
        super().handle_events()

    def handle_cont(self, event: Frame) -> None:
        # Pieces of nothing would be kept without end, for they never make a message too large.
        if event.data or event.fin:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                # uvicorn tells the log of it, with a traceback, and fails where the close has come as well.
                self.frames = []
                self.conn.fail(1007, "text that is no UTF-8")
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            # Its answer is lost, as everything is that is written to who does not read.
            self.conn.data_to_send()

    def keepalive_timeout(self) -> None:
        more_s = self._patience_s()
        if more_s > 0:
            self.pong_timer = self.loop.call_later(more_s, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        self._cut_off_soon()

    def _patience_s(self) -> float:
        """How much longer the answer to a ping may take: the ping itself waits behind the sound that a slow network or
        a busy machine has not taken yet, and of who is there something else comes meanwhile."""
        now_s = self.loop.time()
        if self.pong_timer is not None and now_s - self.pong_timer.when() > _HELD_UP_S:
            return _LOOK_AGAIN_S
        silent_until_s = self._came_s + (self.ping_timeout or 0.0)
        return min(silent_until_s, self.ping_sent_at + _UNANSWERED_S) - now_s

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._cut_off_soon()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            # A handshake that was answered by a refusal is over, though uvicorn says that it is not.
            self.handshake_complete = True

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            self._cut_off_soon()

    def _cut_off_soon(self) -> None:
        if self._cut is None:
            self._cut = self.loop.call_later(_FLUSH_WITHIN_S, self.transport.abort)


class _Reader(h11.Connection):
    """Reads requests whose bodies come in pieces of some size, and are no longer than anybody would read."""

    _pieces = _bytes = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._pieces = self._bytes = 0
        elif isinstance(event, h11.Data):
            self._pieces += 1
            self._bytes += len(event.data)
            if self._pieces > _MOST_PIECES or self._bytes > _MOST_BODY_BYTES:
                raise h11.RemoteProtocolError("the body is too long, or in too many pieces")
        return event


class TimedProtocol(H11Protocol):
    """Closes connections whose heads or bodies do not arrive, or whose answers are not taken: uvicorn itself waits as
    long as they like."""

    server_state: Connections
    _deadline: asyncio.TimerHandle | None = None
    _awaited: object = None
    _untaken: asyncio.TimerHandle | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.logger = _logger
        self.conn = _Reader(h11.SERVER, self.config.h11_max_incomplete_event_size or MOST_HEAD_BYTES)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._await(h11.IDLE)
        self.server_state.came(self)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        # RFC 6455, section 4.2.1; what upgrades in HTTP/1.0 is a proxy that does not know what it passes on.
        if event.http_version < b"1.1":
            self.send_400_response("A WebSocket needs HTTP/1.1.")
        else:
            self._taken()
            super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            # It has its answer already, or a part of one.
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._await(None)
        self._taken()
        self.server_state.spoke(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        state: Any = self.conn.their_state
        if state is not h11.IDLE:
            self.server_state.spoke(self)
        self._await(state if state in (h11.IDLE, h11.SEND_BODY) else None)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_taking()

    def resume_writing(self) -> None:
        self._taken()
        super().resume_writing()

    def on_response_complete(self) -> None:
        # Anew for each: on a connection that is used again there is nearly always something on its way.
        self._taken()
        if self.transport.get_write_buffer_size():
            self._watch_taking()
        super().on_response_complete()

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abort()

    def _watch_taking(self) -> None:
        """From now on what is written has to be taken."""
        if self._untaken is None:
            self._untaken = self.loop.call_later(self.server_state.patience.taken_s, self._cut_off)

    def _taken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _cut_off(self) -> None:
        self._untaken = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _await(self, state: object) -> None:
        """From now on ``state`` is to end in time; the deadline of one that goes on stays."""
        if state is self._awaited:
            return
        self._awaited = state
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if state is not None:
            patience = self.server_state.patience
            within_s = patience.head_s if state is h11.IDLE else patience.body_s
            self._deadline = self.loop.call_later(within_s, self._close)

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
