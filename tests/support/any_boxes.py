"""The boxes of random graphs: each numbers what it sends, and notes what it is given.

So the edge by which a frame came is known at its end. What flows is data, sound, pictures and markers, in any mixture.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from livegraph.pipeline import AudioFrame, Frame, In, InterruptFrame, Marker, Out, Processor, VideoFrame
from livegraph.pipeline.events import NodeFailed
from livegraph.pipeline.processor import ports_of

__all__ = [
    "ERRORS",
    "KINDS",
    "SEEING",
    "Box",
    "Item",
    "Mic",
    "Notes",
    "Picture",
    "Sign",
    "Sink",
    "Sound",
    "Source",
]


class Panic(BaseException):
    """No Exception."""


ERRORS: list[type[BaseException]] = [ValueError, Panic, SystemExit, asyncio.CancelledError]


class Item(Frame):
    """What flows: the n-th frame of its sender, with so many rounds to go."""

    sender: str
    number: int
    rounds: int = 0
    late: bool = False
    """Whether it comes of what a box has given at the end of its streams."""


class Sound(AudioFrame):
    """The same as sound, which is looked at, has a duration, and may age."""

    sender: str
    number: int
    rounds: int = 0
    late: bool = False


class Picture(VideoFrame):
    """The same as a picture, of which the newest is wanted."""

    sender: str
    number: int
    rounds: int = 0
    late: bool = False


class Sign(Marker):
    """The same as a marker, which passes every port in order with the rest and is never dropped by a policy."""

    sender: str
    number: int
    rounds: int = 0
    late: bool = False


Carried = Item | Sound | Picture | Sign


@dataclass
class Notes:
    """What happened in one call."""

    sent: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    got: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    """By sender and input, what was handled."""
    calls: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    """How much of what a box has sent came of what a box gave at the end of its streams."""
    cut: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    failed: list[NodeFailed] = field(default_factory=list)


@dataclass(frozen=True)
class Box:
    """One node of the graph and what is wrong with it."""

    kind: str
    delay_ms: int = 0
    makes: int = 1
    fails_at: int = 0
    """The frame, or the step of a run, that it raises at; 0 for none."""
    error: int = 0
    on_error: str = "end_call"
    start_ms: int = 0
    frames: int = 0
    turns: int = 0
    queue: tuple[str, int] | None = None
    """Policy and bound of the edges into it, where the graph says."""
    carries: tuple[type[Frame], ...] = (Item,)
    """What a source sends, in turns."""
    ages: bool = False
    """Whether a source's sound does."""


class Noted(Processor):
    """What all boxes have in common."""

    def __init__(self, *, box: Box, notes: Notes) -> None:
        self.box, self.notes = box, notes
        self.inside = 0
        self.ending = False
        self.stopped = False

    async def start(self) -> None:
        await asyncio.sleep(self.box.start_ms / 1_000)

    async def stop(self) -> None:
        self.alive("stop")
        self.stopped = True

    def alive(self, where: str) -> None:
        """Nothing of a node runs once it has stopped."""
        if self.stopped:
            self.notes.wrong.append(f"{self.name}: {where} after stop")

    def make(self, kind: type[Frame], rounds: int, turn: int = 0, *, late: bool = False) -> Carried:
        """The next frame."""
        numbers = self.notes.sent[self.name]
        number = len(numbers)
        numbers.append(number)
        self.notes.late[self.name] += late
        if kind is Sound:
            return Sound(np.zeros(160, np.int16), 16_000, self.name, number, rounds, late, turn=turn)
        if kind is Picture:
            return Picture(np.zeros((2, 2, 3), np.uint8), self.name, number, rounds, late, turn=turn)
        return (Sign if kind is Sign else Item)(self.name, number, rounds, late, turn=turn)

    def take(self, port: str, frame: Carried) -> None:
        """Note what came, and that it may come."""
        self.alive(port)
        if self.inside:
            self.notes.wrong.append(f"{self.name}: two handlers at once")
        self.notes.got[frame.sender, f"{self.name}.{port}"].append(frame.number)
        if frame.turn and frame.turn <= self.notes.cut.get(frame.turn.source, 0):  # type: ignore[attr-defined]
            self.notes.wrong.append(f"{self.name}: was given a frame of a turn that was cut")
        self.step()

    def step(self) -> None:
        """Raise when it is time to."""
        self.notes.calls[self.name] += 1
        if self.notes.calls[self.name] == self.box.fails_at:
            raise ERRORS[self.box.error]("on purpose")

    def on_interrupt(self, frame: InterruptFrame) -> None:
        self.alive("on_interrupt")


class Source(Noted):
    """Sends its frames, in a few turns, and waits for room."""

    out: Out[Item | Sound] = Out(rate=16_000, channels=1)

    async def run(self) -> None:
        turn = 0
        for number in range(self.box.frames):
            kind = self.box.carries[number % len(self.box.carries)]
            if self.box.turns and number % max(1, self.box.frames // self.box.turns) == 0:
                turn = self.call.conversation.next_turn()
            self.step()
            # The turn goes first: from the step on nothing may come between.
            if not turn or turn > self.notes.cut.get(self.name, 0):
                await self.out.send(self.make(kind, 2, turn))  # type: ignore[arg-type]  # markers pass
            if self.box.delay_ms:
                await asyncio.sleep(self.box.delay_ms / 1_000)
            self.alive("run")


class Between(Noted):
    """Makes something of what comes; `back` may close a circle."""

    data: In[Item | Sound]
    back: In[Item | Sound] = In(required=False, feedback=True)
    out: Out[Item | Sound] = Out(rate=16_000, channels=1)

    def made(self, port: str, frame: Any) -> Iterator[Any]:
        """What follows from a frame, each made when it is sent; round a circle it goes only so often."""
        if port == "back":
            if frame.rounds > 0:
                yield self.make(type(frame), frame.rounds - 1, frame.turn, late=frame.late or self.ending)
            return
        for _ in range(1 if isinstance(frame, Sign) else self.box.makes):
            yield self.make(type(frame), frame.rounds, late=frame.late or self.ending)

    def on_marker(self, port: str, frame: Marker) -> list[Frame]:
        assert isinstance(frame, Sign)
        self.take(port, frame)
        return list(self.made(port, frame))


class Plain(Between):
    """Returns."""

    def on_data(self, frame: Item) -> list[Item] | Item | None:
        self.take("data", frame)
        made = list(self.made("data", frame))
        return made[0] if len(made) == 1 else made

    def on_back(self, frame: Item) -> list[Item]:
        self.take("back", frame)
        return list(self.made("back", frame))


class Emits(Between):
    """Emits by name."""

    def on_data(self, frame: Item) -> None:
        self.take("data", frame)
        for item in self.made("data", frame):
            self.out.emit(item)

    def on_back(self, frame: Item) -> None:
        self.take("back", frame)
        for item in self.made("back", frame):
            self.out.emit(item)


class Generates(Between):
    """Yields."""

    def on_data(self, frame: Item) -> Iterator[Item]:
        self.take("data", frame)
        try:
            yield from self.made("data", frame)
        finally:
            self.alive("a generator's finally")

    def on_back(self, frame: Item) -> Iterator[Item]:
        self.take("back", frame)
        yield from self.made("back", frame)


class Waits(Between):
    """Async: waits, then returns, or sends where it makes several."""

    async def on_data(self, frame: Item) -> Item | None:
        self.take("data", frame)
        return await self.work("data", frame)

    async def on_back(self, frame: Item) -> Item | None:
        self.take("back", frame)
        return await self.work("back", frame)

    async def work(self, port: str, frame: Item) -> Item | None:
        self.inside += 1
        try:
            await asyncio.sleep(self.box.delay_ms / 1_000)
            if port == "back" or self.box.makes == 1:
                return next(self.made(port, frame), None)
            for item in self.made(port, frame):
                await self.out.send(item)
            return None
        finally:
            self.inside -= 1
            self.alive("an async handler's finally")


class WaitsAndYields(Between):
    """An async generator."""

    async def on_data(self, frame: Item) -> AsyncIterator[Item]:
        self.take("data", frame)
        # Python closes a generator within a generator only when it is collected: whoever nests them closes them.
        async with aclosing(self.work("data", frame)) as items:
            async for item in items:
                yield item

    async def on_back(self, frame: Item) -> AsyncIterator[Item]:
        self.take("back", frame)
        for item in self.made("back", frame):
            yield item

    async def work(self, port: str, frame: Item) -> AsyncGenerator[Item, None]:
        self.inside += 1
        try:
            for item in self.made(port, frame):
                yield item
                await asyncio.sleep(self.box.delay_ms / 1_000)
        finally:
            self.inside -= 1
            self.alive("an async generator's finally")


class Offloads(Between):
    """Works in a thread."""

    async def on_data(self, frame: Item) -> Item | None:
        return await self.work("data", frame)

    async def on_back(self, frame: Item) -> Item | None:
        return await self.work("back", frame)

    async def work(self, port: str, frame: Item) -> Item | None:
        self.take(port, frame)
        self.inside += 1
        try:
            await self.offload(sum, range(100))
            return next(self.made(port, frame), None)
        finally:
            self.inside -= 1
            self.alive("an offloading handler's finally")


class Spawns(Between):
    """Answers in tasks beside the handlers."""

    def on_data(self, frame: Item) -> None:
        self.take("data", frame)
        self.spawn(self.later("data", frame))

    def on_back(self, frame: Item) -> None:
        self.take("back", frame)
        self.spawn(self.later("back", frame))

    async def later(self, port: str, frame: Item) -> None:
        try:
            await asyncio.sleep(self.box.delay_ms / 1_000)
            for item in self.made(port, frame):
                self.out.emit(item)
        finally:
            self.alive("a spawned task's finally")


class Holds(Between):
    """Holds back what it makes until its timer fires, and the rest until the end."""

    held: list[tuple[str, Item]]

    async def start(self) -> None:
        self.held = []
        await super().start()
        self.every(f"{self.box.delay_ms + 5}ms", self.release)

    def on_data(self, frame: Item) -> None:
        self.take("data", frame)
        self.held.append(("data", frame))

    def on_back(self, frame: Item) -> None:
        self.take("back", frame)
        self.held.append(("back", frame))

    def release(self) -> Iterator[Frame]:
        self.alive("a timer")
        held, self.held = self.held, []
        for port, frame in held:
            yield from self.made(port, frame)

    def on_end(self) -> Iterator[Frame]:
        self.ending = True
        return self.release()


class Sink(Noted):
    """Hears."""

    data: In[Item | Sound]

    def on_data(self, frame: Item) -> None:
        self.take("data", frame)

    def on_marker(self, port: str, frame: Marker) -> None:
        assert isinstance(frame, Sign)
        self.take(port, frame)


KINDS: dict[str, type[Noted]] = {
    "plain": Plain,
    "emits": Emits,
    "generates": Generates,
    "waits": Waits,
    "yields": WaitsAndYields,
    "offloads": Offloads,
    "spawns": Spawns,
    "holds": Holds,
}


class Mic(Source):
    """A source whose sound ages."""

    ages = True


_SEEN = Item | Sound | Picture


def _seeing(kind: type[Noted]) -> type[Noted]:
    """The same box for pictures as well, whose edges drop all but the newest where nobody says otherwise."""
    ports: dict[str, Any] = {"data": In[_SEEN], "back": In[_SEEN], "out": Out[_SEEN]}
    own = {name: hint for name, hint in ports.items() if name in ports_of(kind)}
    members: dict[str, Any] = {"__annotations__": own, "__module__": __name__}
    for name in own:
        if name == "out":
            members[name] = Out(rate=16_000, channels=1)
        elif name == "back":
            members[name] = In(required=False, feedback=True)
        else:
            members[name] = In()
    return type(f"Seeing{kind.__name__}", (kind,), members)


SEEING: dict[type[Noted], type[Noted]] = {
    kind: _seeing(kind) for kind in (*KINDS.values(), Source, Mic, Sink)
}
