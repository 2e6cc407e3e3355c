"""The caller's ear: who plays, and how far it has come."""

from __future__ import annotations

import asyncio

from .sender import AudioSender, SampleSource

__all__ = ["AudioOutput"]


class AudioOutput:
    """The way to the caller's ear. It sends silence while nobody plays, and nothing while there is no connection."""

    def __init__(self) -> None:
        self._sender: AudioSender | None = None
        self._source: SampleSource | None = None
        self._rate = 0
        self._played: asyncio.Future[None] | None = None

    async def play(self, source: SampleSource, rate: int) -> None:
        """Send what ``source`` has, 20 ms every 20 ms, until it is drained. What the source raises is raised.

        ``RuntimeError`` while another plays; ``OpusError`` for a rate that Opus does not have.
        """
        if self._source is not None:
            raise RuntimeError("somebody else plays to this caller already")
        self._played = asyncio.get_running_loop().create_future()
        self._source, self._rate = source, rate
        try:
            if self._sender is not None:
                self._sender.play(source, rate)
            await self._played
        finally:
            self._source = self._played = None
            if self._sender is not None:
                self._sender.play(None)

    def use(self, sender: AudioSender) -> None:
        """Send through ``sender`` from now on: what plays goes on with its next sample."""
        self._sender = sender
        if self._source is not None and self._played is not None and not self._played.done():
            try:
                sender.play(self._source, self._rate)
            except Exception as error:  # it is told to whoever plays
                self._fail(error)

    def tick(self, now_ns: int) -> list[bytes]:
        """The packets that are due."""
        sender = self._sender
        if sender is None:
            return []
        try:
            packets = sender.tick(now_ns)
        except Exception as error:  # it is told to whoever plays; the caller hears silence
            sender.play(None)
            self._fail(error)
            return sender.tick(now_ns)
        if self._source is not None and self._source.drained and self._played is not None:
            sender.play(None)
            if not self._played.done():
                self._played.set_result(None)
        return packets

    def _fail(self, error: Exception) -> None:
        if self._played is not None and not self._played.done():
            self._played.set_exception(error)
