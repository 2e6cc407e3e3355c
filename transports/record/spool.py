"""The way of one record from the call to the disk: gathered on the event loop, written in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...audio import Pcm
from ...pipeline.units import SECOND
from .lines import Json
from .timeline import Side
from .writer import Batch, FinishedRecord, RecordWriter

__all__ = ["Spool"]

_EVERY_NS = SECOND // 2
"""How often the writer is given what came: a crash loses no more than that."""
_MOST_BEHIND = 40
"""Batches that may wait for the disk, 20 s; what comes then is lost, and told once."""


class Spool:
    """Takes what is to be kept; nothing of it waits for the disk but ``finish``.

    Args:
        writer: makes the files. All of it runs in the thread.
        name: of the thread.
        now_ns: when the record begins.
        log: is told what goes wrong, with the name of the node.
        failed: called once, on the loop, when nothing more can be written, with the reason.
        kept: called in the thread with a record whose files are in their place.
    """

    def __init__(
        self,
        writer: RecordWriter,
        name: str,
        now_ns: int,
        log: logging.Logger | logging.LoggerAdapter[Any],
        *,
        failed: Callable[[str], None],
        kept: Callable[[FinishedRecord], None],
    ) -> None:
        self._writer = writer
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._log = log
        self._failed = failed
        self._kept = kept
        self._batch = Batch()
        self._handed_ns = now_ns
        self._behind = 0
        self._lost = 0
        self._over = False
        self._submit(writer.begin)

    def sound(self, side: Side, samples: Pcm, rate: int, at_ns: int) -> None:
        """Samples that are heard from ``at_ns`` on."""
        self._batch.sounds.append((side, samples, rate, at_ns))

    def cut(self, at_ns: int) -> None:
        """What the agent said is not heard from ``at_ns`` on."""
        self._batch.cuts.append((len(self._batch.sounds), at_ns))

    def line(self, make: Callable[[], Json | None]) -> None:
        """One line; made in the thread."""
        self._batch.lines.append(make)

    def is_due(self, now_ns: int) -> bool:
        """Whether it is time to hand over what came."""
        return now_ns - self._handed_ns >= _EVERY_NS

    def hand_over(self, now_ns: int) -> None:
        """Give the writer what came since."""
        batch, self._batch, self._handed_ns = self._batch, Batch(), now_ns
        if self._behind >= _MOST_BEHIND:
            if not self._lost:
                self._log.error("the disk is too slow: parts of the record are lost")
            self._lost += 1
            return
        batch.now_ns = now_ns
        self._submit(lambda: self._writer.take(batch))

    def discard(self) -> None:
        """Leave nothing on the disk."""
        self._batch = Batch()
        self._submit(self._writer.discard)
        self._close()

    async def finish(self, now_ns: int, reason: str) -> FinishedRecord | None:
        """Complete the record; ``None`` when that failed, which has been told.

        What is done with it afterwards nobody waits for but the end of the process.
        """
        batch, self._batch = self._batch, Batch()
        batch.now_ns = now_ns
        last: Json = {"reason": reason}
        if self._lost:
            last["lost_s"] = self._lost * _EVERY_NS / SECOND
        try:
            record: FinishedRecord = await asyncio.shield(
                self._submit(lambda: self._writer.finish(batch, last))
            )
        except OSError:
            return None
        if not self._over:
            self._thread.submit(self._kept, record)
            self._close()
        return record

    def _submit(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """Have the thread do it; virtual time waits for that."""
        self._behind += 1
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        future.add_done_callback(self._done)
        return future

    def _done(self, future: asyncio.Future[Any]) -> None:
        self._behind -= 1
        if self._over or future.cancelled() or (error := future.exception()) is None:
            return
        self._batch = Batch()
        self._thread.submit(self._rescue)
        self._close()
        self._failed(getattr(error, "strerror", None) or f"{type(error).__name__}: {error}")

    def _close(self) -> None:
        self._over = True
        self._thread.shutdown(wait=False)

    def _rescue(self) -> None:
        """Put what there is of a broken record in its place."""
        try:
            record = self._writer.give_up()
        except OSError as error:
            self._log.error("the record stays as it is: %s", error.strerror)
            return
        if record is not None:
            self._kept(record)
