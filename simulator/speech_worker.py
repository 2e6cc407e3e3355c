"""Ears and voice behind one worker thread: what takes long never stops the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from ..audio import Pcm
from .ears import Ears, load_ears
from .server_output import Guess, Speak, Transcribe, Work
from .voice import Voice, load_voice

__all__ = ["SpeechWorker"]

T = TypeVar("T")


class SpeechWorker:
    """Runs `Work`, one piece at a time, in a thread of its own. Ears and voice are loaded at the first use.

    Args:
        ears, voice: used instead of the best that are installed.
    """

    def __init__(self, ears: Ears | None = None, voice: Voice | None = None) -> None:
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

    async def do(self, work: Work) -> str | Pcm:
        """The result of a piece of work: see there."""
        match work:
            case Transcribe(pcm=pcm) | Guess(pcm=pcm):
                return await self._run(lambda: self._load_ears().transcribe(pcm))
            case Speak(text=text, voice=name):
                return await self._run(lambda: np.asarray(self._load_voice().speak_sentence(text, name)))

    async def close(self) -> None:
        """End the thread, after the work that it is at."""
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
