"""Tool router: runs the functions that the model asks for.

Ports: ``calls`` in, ``results`` out (joined back to the model). Tools come from Python files and modules, REST
services, OpenAPI documents and MCP servers, side by side. Arguments are validated, each call has a deadline, and a call
that the model withdraws is cancelled. A plain Python function runs in a thread and cannot be stopped: past its deadline
its thread is left alone and its result is not used. An async function that yields gives a result each time, and has its
deadline for each. A function may return pictures and files (`Media`, `media_from_file`, Pillow's), alone or inside of a
result: they go to the model as such where it takes them.

Example:
    tool_router: {tools: [./tools.py], timeout: 5s}
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

from ...pipeline import (
    ConfigError,
    Doc,
    Duration,
    In,
    ModuleRef,
    NameUsed,
    OptionFault,
    Out,
    Processor,
    Range,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
)
from ...pipeline.events import (
    Confirmed,
    PersonaChanged,
    StateChanged,
    ToolCalled,
    ToolCancelled,
    ToolFinished,
    ToolProgress,
    ToolServiceChanged,
    Transcript,
    TransferAsked,
)
from ...pipeline.graph.inputs import InputSpec
from ...pipeline.options import Bytes
from ...pipeline.processor import Emitted
from ...pipeline.running.context import set_idempotency_key
from ...pipeline.running.tasks import settle
from ...pipeline.units import MS, SECOND, format_duration
from .admitted import agents_named
from .breaker import BreakerPolicy
from .consent import Consents
from .context import ToolDesk
from .docket import Docket
from .execution import Execution, unknown_fields
from .fillers import missing_sounds
from .listening import Listening
from .mcp.entry import McpTools
from .offer import Offer
from .python_host import Isolation, PythonHost
from .reports import ToolReports
from .results import ToolResult
from .seam import Tool, ToolSource
from .shared import ServiceState, shared
from .sources import ToolEntry, held, known_tools, make_source
from .state import StateKind, read_state_class
from .threads import ToolThreads
from .voice import Voice
from .withdrawn import Running
from .yes_or_no import Words

__all__ = ["ToolRouter"]

_LET_END_NS = 2 * SECOND
"""What must not be cut goes on so long after the call; a node has three seconds to stop."""


class ToolRouter(Processor):
    """Run functions for the model: Python's, REST services', MCP servers'.

    Example:
        tool_router: {tools: [./tools.py], timeout: 5s}
    """

    emits = (
        *(
            ToolCalled,
            ToolFinished,
            ToolCancelled,
            ToolProgress,
            Confirmed,
            TransferAsked,
            ToolServiceChanged,
        ),
        StateChanged,
    )

    calls: In[ToolCallFrame | ToolCancelFrame] = In(doc="calls and cancellations from the model")
    results: Out[ToolResultFrame] = Out(
        doc="a result for every call that was not withdrawn; several from a function that yields"
    )

    def __init__(
        self,
        *,
        tools: Annotated[
            list[ToolEntry],
            Doc(
                "files or modules with functions, one function as ./tools.py:name, or a mapping for the other kinds"
            ),
        ],
        timeout: Annotated[
            Duration,
            Range(10 * MS, 3600 * SECOND),
            Doc("deadline of one call; the model is told when it passes"),
        ] = 10 * SECOND,
        max_parallel: Annotated[int, Range(1, 256), Doc("calls that run at the same time; others wait")] = 8,
        agents: Annotated[
            Sequence[str],
            Doc("the personas of `agents` whose functions these are; empty is everybody"),
        ] = (),
        own_state: Annotated[
            Sequence[str],
            Doc("personas of `agents` whose tools keep state of their own; all the others share theirs"),
        ] = (),
        max_result_bytes: Annotated[
            int,
            Range(1_000, 10_000_000),
            Doc("what the model is given of one result, as JSON; the rest is cut off and it is told so"),
        ] = 100_000,
        max_media_bytes: Annotated[
            int,
            Range(0, 100_000_000),
            Doc("pictures and files in one result; the model is told of what is more"),
        ] = 4_000_000,
        state: Annotated[
            ModuleRef | dict[str, InputSpec] | None,
            Doc("what tools keep for the length of a call: fields, or a class as ./tools.py:Visit"),
        ] = None,
        consent: Annotated[
            Words | None,
            Doc("what else means yes and no where a tool has `confirm`; common languages are known"),
        ] = None,
        breaker: Annotated[
            BreakerPolicy | bool, Doc("when a service that fails is left alone for a while; false: never")
        ] = True,
        isolation: Annotated[
            Isolation,
            Doc(
                "where Python functions run: `process` is one of a pool of processes, where a crash, an endless loop "
                "or too much memory ends that call of the tool and nothing else"
            ),
        ] = "none",
        max_memory: Annotated[
            Bytes, Range(16_000_000, 1_000_000_000_000), Doc("what a function may use there, on Linux")
        ] = 512_000_000,
    ) -> None:
        self._entries = tools
        self._timeout_ns = timeout
        self._max_parallel = max_parallel
        self._agents = tuple(agents)
        self._own_state = frozenset(own_state)
        self._max_result_bytes = max_result_bytes
        self._max_media_bytes = max_media_bytes
        self._state_option = state
        self._words = consent
        self._breaker = BreakerPolicy() if breaker is True else breaker or None
        self._isolation: Isolation = isolation
        self._max_memory = max_memory
        self._sources: list[ToolSource] = []
        self._threads = ToolThreads()
        self._changed = asyncio.Event()
        self._ended = False
        self._uncut: set[asyncio.Task[None]] = set()
        """At work on what must not be cut."""
        self._watched: list[Any] = []
        """What ends the subscriptions to events."""
        self._offer: Offer
        self._desk: ToolDesk
        self._docket: Docket
        self._reports: ToolReports
        self._execution: Execution

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        try:
            known, _ = known_tools(options["tools"], options.get("isolation", "none"))
            yield from missing_sounds(known.values())
            yield from unknown_fields(known.values())
        except ConfigError as error:
            for problem in error.problems:
                yield _fault(problem, "tools")
        try:
            _state_kind(options.get("state"))
        except ConfigError as error:
            for problem in error.problems:
                yield _fault(problem, "state")

    @classmethod
    def names_used(cls, options: Mapping[str, Any]) -> Iterator[NameUsed]:
        for option in ("agents", "own_state"):
            for index, name in enumerate(options.get(option, ())):
                yield NameUsed("agents", name, (option, index))
        for path, name in agents_named(options["tools"], options.get("isolation", "none")):
            yield NameUsed("agents", name, ("tools", *path), elsewhere=True)

    @classmethod
    def names_given(cls, options: Mapping[str, Any]) -> Mapping[str, Collection[str]]:
        """The functions, as the model calls them; ``*`` where a server has to be asked for them."""
        try:
            known, whole = known_tools(options["tools"], options.get("isolation", "none"))
        except ConfigError:  # told by ``check_options``
            return {"functions": ("*",)}
        return {"functions": (*known, *(() if whole else ("*",)))}

    @classmethod
    def shared_by_calls(cls, options: Mapping[str, Any]) -> AbstractAsyncContextManager[None]:
        return held(options["tools"])

    async def start(self) -> None:
        state = _state_kind(self._state_option)
        self._offer = Offer(self.name, self.call, self._agents, self.log)
        consents = Consents(self._words, self.call.shelf.setdefault("consents", []))
        self._watched.append(consents.leave)
        self._desk = ToolDesk(self.name, self.call, self.log, consents, self._voices, state, self._own_state)
        self._reports = ToolReports(self.name, self.call)
        self._docket = Docket(
            self.name,
            self.call.clock,
            self.call.conversation,
            self._reports,
            self.log,
            emit=self.results.emit,
            changed=self._changed.set,
        )
        self._execution = Execution(
            self._desk,
            shared(),
            self.log,
            timeout_ns=self._timeout_ns,
            max_result_bytes=self._max_result_bytes,
            max_media_bytes=self._max_media_bytes,
            breaker=self._breaker,
        )
        host = PythonHost(
            threads=self._threads,
            most=2 * self._max_parallel,
            isolation=self._isolation,
            max_memory_bytes=self._max_memory,
            max_media_bytes=self._max_media_bytes,
            timeout_ns=self._timeout_ns,
        )
        self._watched.append(shared().watch(self._service_changed))
        self._sources = [make_source(entry, host) for entry in self._entries]
        groups = await asyncio.gather(*(self._open(source) for source in self._sources))
        self.calls.advertised = self._offer.renew(groups)
        offers: list[Offer] = self.call.shelf.setdefault("tool offers", [])
        offers.append(self._offer)
        self._watched.append(lambda: offers.remove(self._offer))
        listening = Listening(self._desk, self._reports, offers)
        self._watched.append(self.call.events.subscribe(Transcript, listening.heard))
        self._watched.append(self.call.events.subscribe(PersonaChanged, lambda _: consents.give_up()))

    def on_calls(self, frame: ToolCallFrame | ToolCancelFrame) -> Emitted:
        if isinstance(frame, ToolCancelFrame):
            for call_id in frame.ids:
                self._docket.withdraw(call_id)
        elif (tool := self._offer.asked_for(frame)) is not None:
            # Functions of another router on the same stream are not ours to answer, nor those of another persona.
            self._docket.accept(frame, tool)
        return None

    def on_end(self) -> Emitted:
        self._ended = True
        self._changed.set()
        return None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while not (self._ended and self._docket.at_rest):
                for running in self._docket.begin(self._max_parallel):
                    self._begin(running, group)
                self._changed.clear()
                await self._changed.wait()
            for running in self._docket.unwanted():
                # What must not be cut comes to its end, within its deadline; of a thread nobody needs to know.
                if running.task is not None and running.tool.settings.cancel:
                    running.task.cancel()
            if self._uncut:
                await asyncio.wait(self._uncut)

    def _begin(self, running: Running, group: asyncio.TaskGroup) -> None:
        """Set a function going. What must not be cut does not end with the group: ``stop`` waits for it."""
        tool, name = running.tool, f"tool {running.frame.name}"
        if not tool.stoppable or tool.settings.cancel:
            running.task = group.create_task(self._answer(running), name=name)
            return
        running.task = asyncio.get_running_loop().create_task(self._answer(running), name=name)
        self._uncut.add(running.task)
        running.task.add_done_callback(self._uncut.discard)

    async def _answer(self, running: Running) -> None:
        running.began_ns = self.call.clock.now_ns()
        set_idempotency_key(running.frame.idempotency_key)
        outcome = await self._execution.run(
            running.tool, running.frame, lambda part: self._part(running, part)
        )
        self._docket.ended(running, outcome)

    async def _part(self, running: Running, result: ToolResult) -> None:
        """Send what a function yields, as it comes."""
        for frame in list(self._docket.part(running, result)):
            await self.results.send(frame)

    async def _let_end(self) -> None:
        """The call is over: what must not be cut has a moment to come to its end, and then is cut and named."""
        if not self._uncut:
            return
        # Their results are nobody's by now.
        self._docket.forget()
        _, left = await asyncio.wait(self._uncut, timeout=_LET_END_NS / SECOND)
        for task in left:
            task.cancel()
            self.log.warning(
                "%s: %s had not ended %s after the call, and was cut: whether it has done its work is not known",
                self.name,
                task.get_name(),
                format_duration(_LET_END_NS),
            )
        await settle(left)

    @property
    def at_rest(self) -> bool:
        """Whether no call is under way: then no result will come."""
        return self._docket.at_rest

    @property
    def offered(self) -> Sequence[tuple[Tool, tuple[str, ...]]]:
        """The tools that models are told of in this call, from ``start`` on, and the personas who are; none is all."""
        return self._offer.by_persona()

    async def stop(self) -> None:
        await self._let_end()
        for unsubscribe in self._watched:
            unsubscribe()
        await asyncio.gather(*(source.close() for source in self._sources))
        if self._threads.alive:
            self.log.warning(
                "%s: %d call(s) of tools go on in their threads after the call",
                self.name,
                self._threads.alive,
            )

    # What there is ---------------------------------------------------------------------------------

    async def _open(self, source: ToolSource) -> Sequence[Tool]:
        """The tools of a source; of one that asks others, and gets no answer, none: the call goes on without."""
        try:
            return await source.open(self._others)
        except ConfigError as error:
            if source.whole:
                raise
            self.log.error("%s: tools are missing: %s", self.name, error.problems[0].message)
            return []

    def _others(self) -> None:
        """A server has other tools than before."""
        self.calls.advertised = self._offer.renew([list(source.tools()) for source in self._sources])
        for voice in self._voices():
            voice.functions_changed()

    def _service_changed(self, state: ServiceState) -> None:
        """Something that tools depend on came or went; what is none of this router's is nobody's business here."""
        servers = {entry.title for entry in self._entries if isinstance(entry, McpTools)}
        if state.service in servers or any(
            tool.settings.service == state.service for tool in self._offer.tools
        ):
            self._reports.service(state)

    def _voices(self) -> list[Voice]:
        return [each for each in self.results.peers_advertise() if isinstance(each, Voice)]


def _state_kind(option: str | Mapping[str, InputSpec] | None) -> StateKind | None:
    return read_state_class(option) if isinstance(option, str) else option


def _fault(problem: Any, option: str) -> OptionFault:
    return OptionFault((option, *problem.path), problem.message, problem.hint, code=problem.code)
