"""What is said on a WebSocket beside the messages of a call, whose sound has no line of its own there."""

from __future__ import annotations

from ...transports.socket.words import Alive, Clear, Hello, Key, Mark, Marked, Welcome

__all__ = ["SocketFromCaller", "SocketFromServer"]

SocketFromServer = Welcome | Mark | Clear | Key
SocketFromCaller = Hello | Marked | Alive
