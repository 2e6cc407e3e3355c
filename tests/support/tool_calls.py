"""A model that asks for functions as a test says, and a call in which a tool router answers it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from livegraph.audio import Pcm
from livegraph.pipeline import (
    MS,
    ConversationPolicy,
    Graph,
    In,
    Out,
    Processor,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
    run_virtual,
)
from livegraph.pipeline.events import Event, Transcript
from livegraph.pipeline.frames import Role
from livegraph.processors.tools.router import ToolRouter
from livegraph.testing import no_tasks_left

__all__ = ["Model", "calling", "talk", "with_tools"]


class Model(Processor):
    """Asks for what the test says, keeps the answers with their time, and speaks when tools want it to."""

    results: In[ToolResultFrame] = In(feedback=True, required=False)
    calls: Out[ToolCallFrame | ToolCancelFrame]

    def __init__(self) -> None:
        self.answers: list[ToolResultFrame] = []
        self.read = 0
        self.catalogs: list[Any] = []
        self.over = asyncio.Event()
        self.answered = asyncio.Event()
        self.spoken: list[tuple[str, int]] = []
        """What tools had said and played, and when it began or ended."""
        self.changes = 0
        self._utterances = 0

    async def start(self) -> None:
        self.catalogs = self.calls.peers_advertise()
        self.results.advertised = self

    async def run(self) -> None:
        await self.over.wait()

    def on_results(self, frame: ToolResultFrame) -> None:
        self.answers.append(frame)
        self.answered.set()

    # As a voice

    def say_line(self, text: str) -> Callable[[], None]:
        """Note what is to be said."""
        self._note(text)
        return lambda: self._note(f"end of {text}")

    def hold_sound(self, sound: Pcm, rate: int) -> Callable[[], None]:
        """Note that a sound is played."""
        self._note(f"sound of {len(sound)}")
        return lambda: self._note("end of sound")

    def functions_changed(self) -> None:
        """Look again."""
        self.changes += 1
        self.catalogs = self.calls.peers_advertise()

    def _note(self, what: str) -> None:
        self.spoken.append((what, self.call.clock.now_ns() // MS))

    # What a test does

    def heard(self, role: Role, text: str) -> None:
        """Somebody was heard to say this."""
        self._utterances += 1
        now_ns = self.call.clock.now_ns()
        self.call.events.publish(
            Transcript(time_ns=now_ns, role=role, utterance=self._utterances, text=text, final=True)
        )

    def ask(self, name: str, call_id: str = "1", /, **args: Any) -> None:
        """Call a function."""
        self.calls.emit(ToolCallFrame(call_id, name, args))

    def withdraw(self, *ids: str) -> None:
        """Take calls back."""
        self.calls.emit(ToolCancelFrame(ids))

    async def answer(self) -> dict[str, Any]:
        """What the next answer says, in the order in which they came."""
        while len(self.answers) <= self.read:
            self.answered.clear()
            await self.answered.wait()
        self.read += 1
        return self.answers[self.read - 1].result


def with_tools(*functions: Any, routers: int = 1, **options: Any) -> Graph:
    """A model and a router, or one router for each function."""
    graph = Graph("desk")
    graph.add("model", Model)
    groups = [functions] if routers == 1 else [(function,) for function in functions]
    for number, group in enumerate(groups):
        graph.add(f"tools{number}", ToolRouter, tools=list(group), **options)
        graph.connect("model", f"tools{number}")
        graph.connect(f"tools{number}", "model")
    return graph


@asynccontextmanager
async def calling(
    *entries: Any, identity: str = "", **options: Any
) -> AsyncIterator[tuple[Model, list[Event]]]:
    """A call on the running loop with these entries of ``tools``, and its events."""
    call = with_tools(*entries, **options).plan().call(identity=identity)
    events: list[Event] = []
    call.events.subscribe(Event, events.append)
    async with call:
        yield call.processor("model", Model), events


def talk(
    graph: Graph,
    script: Callable[[Model, list[Event]], Any],
    *,
    identity: str = "",
    resources: Mapping[type, Any] | None = None,
    conversation: ConversationPolicy | None = None,
) -> list[ToolResultFrame]:
    """Run ``script(model, events)`` in a call on virtual time; returns the answers. Nothing may be left behind."""

    async def main() -> list[ToolResultFrame]:
        async with no_tasks_left():
            call = graph.plan(conversation=conversation).call(identity=identity, resources=resources)
            events: list[Event] = []
            call.events.subscribe(Event, events.append)
            async with call:
                model = call.processor("model", Model)
                await script(model, events)
                return model.answers

    return run_virtual(main())
