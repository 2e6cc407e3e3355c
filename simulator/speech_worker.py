"""Ears and voice behind one worker thread, a mind beside it: what takes long never stops the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from ..audio import Pcm
from .ears import Ears, load_ears
from .mind import Mind, MindError, MindRequest, Thought
from .server_output import Guess, Reflect, Speak, Transcribe, Work
from .voice import Voice, load_voice

__all__ = ["SpeechWorker"]

T = TypeVar("T")
_log = logging.getLogger(__name__)


class SpeechWorker:
    """Runs `Work`, one piece at a time, in a thread of its own. Ears and voice are loaded at the first use.

    Args:
        ears, voice: used instead of the best that are installed.
        mind: asked in threads of the loop's own, for it may take its time.
    """

    def __init__(
        self, ears: Ears | None = None, voice: Voice | None = None, mind: Mind | None = None
    ) -> None:
        self._mind = mind
        self._ears = ears
        self._voice = voice
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="livegraph-speech")
        self.notes: list[str] = []
        """What is missing for real speech, once that is known."""

    async def warm_up(self) -> None:
        """Load both now."""

        def load() -> None:
            self._load_ears()
            self._load_voice().warm_up()

        await self._run(load)

    async def do(self, work: Work) -> str | Pcm | Thought | None:
        """The result of a piece of work: see there."""
        match work:
            case Transcribe(pcm=pcm) | Guess(pcm=pcm):
                return await self._run(lambda: self._load_ears().transcribe(pcm))
            case Speak(text=text, voice=name):
                return await self._run(lambda: np.asarray(self._load_voice().speak_sentence(text, name)))

            case Reflect(request=request):
                return await self._reflect(request)

    async def _reflect(self, request: MindRequest) -> Thought | None:
        if self._mind is None:
            return None
        try:
            return await asyncio.get_running_loop().run_in_executor(None, self._mind.ask, request)
        except MindError as error:
            _log.warning("%s", error)
            return None

    async def close(self) -> None:
        """End the thread, after the work that it is at."""
        if self._mind is not None:
            await asyncio.to_thread(self._mind.close)
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    async def _run(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)

    def _load_ears(self) -> Ears:
        if self._ears is None:
            self._ears, note = load_ears()
            self._note(note)
        return self._ears

    def _load_voice(self) -> Voice:
        if self._voice is None:
            self._voice, note = load_voice()
            self._note(note)
        return self._voice

    def _note(self, note: str) -> None:
        if note:
            self.notes.append(note)
