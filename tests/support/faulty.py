"""Processors that fail, hang or misbehave in one place, for tests of what the engine makes of it."""

import asyncio
from collections.abc import Iterator

from livegraph.pipeline import In, InterruptFrame, Out, Processor, TextFrame

__all__ = ["AsyncFaulty", "Faulty", "FaultySource", "Stubborn", "Trouble"]


class Trouble(RuntimeError):
    """What the processors here raise."""


class Faulty(Processor):
    """Passes text on; raises in the method that ``where`` names, or hangs there if ``hangs``.

    ``times`` is how often, over all instances that share ``log``, which notes what was called.
    """

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(
        self, *, where: str = "", hangs: bool = False, times: int = 1_000, log: list[str] | None = None
    ) -> None:
        self.where, self.hangs, self.times = where, hangs, times
        self.calls = log if log is not None else []
        self.stuck = asyncio.Event()
        self._note("init")

    def _note(self, method: str) -> None:
        self.calls.append(method)
        if method == self.where and not self.hangs and self.calls.count(f"{method}!") < self.times:
            self.calls.append(f"{method}!")
            raise Trouble(f"in {method}")

    async def _stick(self, method: str) -> None:
        self._note(method)
        if method == self.where and self.hangs:
            await self.stuck.wait()

    async def start(self) -> None:
        await self._stick("start")

    async def stop(self) -> None:
        await self._stick("stop")

    def on_text(self, frame: TextFrame) -> TextFrame:
        self._note("handler")
        return TextFrame(f"{frame.text}'")

    def on_interrupt(self, frame: InterruptFrame) -> None:
        self._note("on_interrupt")

    def on_end(self) -> None:
        self._note("on_end")


class AsyncFaulty(Faulty):
    """The same with a handler that waits a moment."""

    async def on_text(self, frame: TextFrame) -> TextFrame:  # type: ignore[override]  # async is another way
        await asyncio.sleep(0.001)
        await self._stick("handler")
        return TextFrame(f"{frame.text}'")


class FaultySource(Faulty):
    """Says three words on its own; ``where="run"`` fails after the first."""

    text: In[TextFrame] = In(required=False)

    async def run(self) -> None:
        for word in ("one", "two", "three"):
            await self.out.send(TextFrame(word))
            await asyncio.sleep(0.01)
            await self._stick("run")


class Stubborn(Processor):
    """Ignores its cancellation in ``where`` (start, run, handler or stop) until ``release`` is set."""

    text: In[TextFrame]

    def __init__(self, *, where: str, release: asyncio.Event) -> None:
        self.where, self.release = where, release
        self.entered = asyncio.Event()

    async def _resist(self, method: str) -> None:
        if method != self.where:
            return
        self.entered.set()
        for _ in self._again():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                continue

    def _again(self) -> Iterator[None]:
        while not self.release.is_set():
            yield

    async def start(self) -> None:
        await self._resist("start")

    async def on_text(self, frame: TextFrame) -> None:
        await self._resist("handler")

    async def run(self) -> None:
        await self._resist("run")
        while self.where != "run":
            await asyncio.sleep(3600)

    async def stop(self) -> None:
        await self._resist("stop")
