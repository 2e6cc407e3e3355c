"""Memory: what is known of a caller from one call to the next.

Ports: ``calls`` in and ``results`` out, joined to the model; ``transcript`` in. The model is told the facts, and how
the last calls went, with its instructions: when a call begins and at each renewal, so that they outlive the service's
window. It keeps facts by the functions ``remember``, ``forget`` and ``forget_everything``. The conversation as it was
heard is kept while it goes on, so that it outlives a process that dies, and at its end with a summary by the model
itself or by a text model; one that could not be made in time is made in the next call. Without a ``key`` nothing is
remembered. Facts are kept in a file of SQLite, in PostgreSQL by ``url``, or where the program says
(``resources={MemoryStore: ...}``).

Example:
    memory: {store: ./memory.sqlite, key: ada}
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from ...pipeline import (
    Doc,
    In,
    OptionFault,
    Out,
    PerCall,
    Processor,
    Range,
    Secret,
    ServiceError,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
    TranscriptFrame,
)
from ...pipeline.clock import unix_time_ns
from ...pipeline.events import ToolCalled, ToolFinished
from ...pipeline.units import SECOND
from ..tools.answering import answer_call
from ..tools.catalog import FunctionSpec, ToolCatalog
from .block import facts_block, plain_fact, said_of, spoken_lines, summary_request
from .sqlite_store import SqliteStore, explain_sqlite, unfit_file
from .store import MemoryStore, PastCall, Recalled
from .summary import SummaryError, TextModel, ask_live_model, ask_text_model

__all__ = ["Memory"]

_Function = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]

_MOST_UTTERANCES = 2_000
_MOST_NUMBER = 2**53
"""Beyond it floats, and infinity, are no numbers of facts."""
_STORE_WITHIN_S = 8.0
_KEEP_EVERY_S = 2.0
_SUMMARY_WITHIN_S = 2.0
"""While a call ends; it may take three seconds for that."""
_LATER_WITHIN_S = 30.0
_LEAST_LINES = 2
"""A call in which less was said needs no summary."""

_FUNCTIONS = (
    FunctionSpec(
        "remember",
        "Keep a fact about this caller for later calls: a preference, a name, what was agreed. Not what is said to be "
        "secret, and no numbers of cards.",
        {
            "type": "object",
            "properties": {"fact": {"type": "string", "description": "one sentence that stands for itself"}},
            "required": ["fact"],
        },
    ),
    FunctionSpec(
        "forget",
        "Drop a fact about this caller that is wrong, or that they want forgotten.",
        {
            "type": "object",
            "properties": {"number": {"type": "integer", "description": "the number in brackets before it"}},
            "required": ["number"],
        },
    ),
    FunctionSpec(
        "forget_everything",
        "Erase all that is kept about this caller, this call included. Only if they ask for it and confirm.",
    ),
)


class Memory(Processor):
    """Know a caller again: facts, conversations and their summaries.

    Example:
        memory: {store: ./memory.sqlite, key: ada}
    """

    emits = (ToolCalled, ToolFinished)

    calls: In[ToolCallFrame | ToolCancelFrame] = In(doc="calls of its functions")
    transcript: In[TranscriptFrame] = In(required=False, doc="what was said, by both sides")
    results: Out[ToolResultFrame] = Out(doc="their answers")

    def __init__(
        self,
        *,
        key: Annotated[
            str, PerCall(), Doc("who calls, such as {{inputs.caller}}; empty remembers nothing")
        ] = "",
        store: Annotated[Path | None, Doc("file of SQLite, made where it is missing")] = None,
        url: Annotated[Secret | None, Doc("a database instead: postgresql://user:password@host/name")] = None,
        summary: Annotated[
            Literal["model", "none"] | TextModel,
            Doc(
                "who summarises a call at its end: the Live model itself, nobody, or a text model (url, model, key)"
            ),
        ] = "model",
        keep_calls: Annotated[bool, Doc("whether conversations are kept, or facts alone")] = True,
        tell_calls: Annotated[int, Range(0, 20), Doc("so many of the latest calls the model is told of")] = 3,
    ) -> None:
        self._key = key.strip()
        self._path, self._url = store, url
        self._summary = summary
        self._keep_calls, self._tell_calls = keep_calls, tell_calls
        self._store: MemoryStore | None = None
        self._mine = False
        self._known = Recalled()
        self._heard: deque[tuple[str, str, bool, float]] = deque(maxlen=_MOST_UTTERANCES)
        self._fresh = asyncio.Event()
        """Something was said that is not kept yet."""
        self._keeping = asyncio.Lock()
        self._began_s = 0
        self._erased = False

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        store, url = options.get("store"), options.get("url")
        if store is not None and any(part in ("postgresql:", "postgres:") for part in store.parts):
            yield OptionFault("store", "`store` is a file, and this is a database", "write it as `url`")
        elif store is not None and url:
            yield OptionFault("url", "memories are kept in one place: `store` or `url`", "leave one out")
        elif store is not None and store.expanduser().is_dir():
            yield OptionFault(
                "store", "`store` is a folder, and memories are a file", "write ./memory.sqlite"
            )
        elif store is not None and not store.expanduser().parent.is_dir():
            yield OptionFault("store", f"there is no folder `{store.parent}`", "make it first")
        elif store is not None and (why := unfit_file(store.expanduser())):
            yield OptionFault(
                "store", f"memories cannot be kept in `{store.name}`: {why}", "name another file"
            )
        if url and not url.reveal().startswith(("postgresql://", "postgres://")):
            yield OptionFault(
                "url", "`url` is no address of PostgreSQL", "write postgresql://user:password@host/name"
            )
        if not str(options.get("key") or "").strip():
            told = "`key` says who calls, and without it nobody is remembered"
            yield OptionFault("key", told, 'write key: "{{inputs.caller}}"', warning=True)

    @classmethod
    def names_given(cls, options: Mapping[str, Any]) -> Mapping[str, Collection[str]]:
        return {"functions": tuple(function.name for function in _FUNCTIONS)}

    async def start(self) -> None:
        self._began_s = unix_time_ns() // SECOND
        if not self._key:
            self.log.info("%s: who calls is not known: nothing is remembered", self.name)
            return
        self._store = self._open()
        self._known = await self._kept("read", lambda store: store.recall(self._key, calls=self._tell_calls))
        self.calls.advertised = ToolCatalog(_FUNCTIONS, notes=lambda: facts_block(self._known))
        if self._summary != "none" and any(call.summary is None for call in self._known.calls):
            self.spawn(self._catch_up(), name="summaries")
        if self._keep_calls:
            self.spawn(self._keep_so_far(), name="conversation so far")

    async def on_calls(self, frame: ToolCallFrame | ToolCancelFrame) -> ToolResultFrame | None:
        if isinstance(frame, ToolCancelFrame) or self._store is None:
            return None
        run = {"remember": self._remember, "forget": self._forget, "forget_everything": self._erase}.get(
            frame.name
        )
        return None if run is None else await answer_call(self.call, frame, self._told(run))

    def on_transcript(self, frame: TranscriptFrame) -> None:
        text = frame.text.strip()
        if self._store is not None and frame.final and text:
            text = self.call.redacted(text)
            self._heard.append((frame.role, text, frame.interrupted, round(frame.time_ns / SECOND, 3)))
            self._fresh.set()

    async def stop(self) -> None:
        """Keep the conversation, with a summary if one is to be had in time."""
        store = self._store
        if store is None:
            return
        try:
            async with self._keeping:
                if self._keep_calls and self._heard and not self._erased:
                    await self._keep()
        finally:
            if self._mine:
                await store.close()

    # The functions -----------------------------------------------------------------------------

    def _told(self, run: _Function) -> _Function:
        """``run``, where a store that fails is told to the model: the conversation goes on without it."""

        async def told(args: Mapping[str, Any]) -> dict[str, Any]:
            try:
                return await run(args)
            except ServiceError as error:
                self.log.error("%s: %s", self.name, error, exc_info=error)
                return {"error": "not done: memories cannot be written now"}

        return told

    async def _remember(self, args: Mapping[str, Any]) -> dict[str, Any]:
        if self._erased:
            return {"error": "the caller wanted nothing of this call to be kept"}
        text = plain_fact(self.call.redacted(str(args.get("fact") or "")))
        if not text:
            return {"error": "there is no fact in it"}
        fact = await self._kept(
            "write", lambda store: store.remember(self._key, text, unix_time_ns() // SECOND)
        )
        others = tuple(one for one in self._known.facts if one.number != fact.number)
        self._known = Recalled((*others, fact), self._known.calls)
        return {"output": f"kept as number {fact.number}"}

    async def _forget(self, args: Mapping[str, Any]) -> dict[str, Any]:
        number = args.get("number")
        if not isinstance(number, int | float) or not abs(number) < _MOST_NUMBER or number != int(number):
            return {"error": "say the number that stands in brackets before the fact"}
        gone = await self._kept("write", lambda store: store.forget(self._key, int(number)))
        facts = tuple(one for one in self._known.facts if one.number != int(number))
        self._known = Recalled(facts, self._known.calls)
        return (
            {"output": "forgotten"}
            if gone
            else {"error": f"there is no fact {int(number)} about this caller"}
        )

    async def _erase(self, args: Mapping[str, Any]) -> dict[str, Any]:
        self._erased = True
        self._heard.clear()
        self._known = Recalled()
        async with self._keeping:
            await self._kept("write", lambda store: store.erase(self._key))
        return {"output": "everything about this caller is erased, and nothing of this call will be kept"}

    # Inside ------------------------------------------------------------------------------------

    def _open(self) -> MemoryStore:
        given = self.call.resource(MemoryStore)  # type: ignore[type-abstract]  # a Protocol is a key like any other
        if given is not None:
            return given
        self._mine = True
        if self._url:
            from .postgres_store import PostgresStore

            return PostgresStore(self._url.reveal())
        if self._path is None:
            raise ServiceError(
                "nothing says where memories are kept (option store)", remedy="write `store: ./memory.sqlite`"
            )
        return SqliteStore(self._path.expanduser())

    async def _kept(self, what: str, work: Callable[[MemoryStore], Awaitable[Any]]) -> Any:
        """Ask the store; whatever goes wrong there is told without what it holds, or what its address does."""
        assert self._store is not None
        try:
            async with asyncio.timeout(_STORE_WITHIN_S):
                return await work(self._store)
        except ImportError as error:
            remedy = "pip install 'livegraph[postgres]'"
            raise ServiceError("memories in PostgreSQL need asyncpg (option url)", remedy=remedy) from error
        except Exception as error:
            done = "written" if what == "write" else "read"
            in_file = self._mine and not self._url
            why, remedy = explain_sqlite(error) if in_file else (type(error).__name__, "")
            where = "url" if self._url else "store"
            told = ServiceError(f"memories cannot be {done}: {why} (option {where})", remedy=remedy)
            # What is wrong with an address is told with a part of it, which may be the password.
            raise told from (None if self._url else error)

    async def _catch_up(self) -> None:
        """Make the summaries that an earlier call had no time for."""
        for call in self._known.calls:
            if self._erased:
                return
            if call.summary is None and len(spoken_lines(call.said)) >= _LEAST_LINES:
                text = await self._summarised(call.said, _LATER_WITHIN_S)
                if text and not self._erased:
                    await self._add_summary(call.call_id, text)

    async def _keep_so_far(self) -> None:
        """Keep what was said so far, now and then: what serves the call may be gone before its end."""
        while True:
            await self._fresh.wait()
            self._fresh.clear()
            async with self._keeping:
                if self._erased:
                    return
                try:
                    await self._keep_heard()
                except ServiceError as error:
                    # The call goes on without; at its end it is tried once more, and told.
                    self.log.error("%s: %s", self.name, error, exc_info=error)
                    return
            await asyncio.sleep(_KEEP_EVERY_S)

    async def _keep(self) -> None:
        # First what there is: the summary may not come in time.
        call = await self._keep_heard()
        if self._summary == "none" or len(spoken_lines(call.said)) < _LEAST_LINES:
            return
        text = await self._summarised(call.said, _SUMMARY_WITHIN_S)
        if text:
            await self._add_summary(call.call_id, text)

    async def _keep_heard(self) -> PastCall:
        call = PastCall(self.call.id, self._began_s, said_of(self._heard))
        await self._kept("write", lambda store: store.keep(self._key, call))
        return call

    async def _add_summary(self, call_id: str, text: str) -> None:
        await self._kept("write", lambda store: store.summarise(self._key, call_id, self.call.redacted(text)))

    async def _summarised(self, said: str, within_s: float) -> str:
        """A summary of a conversation; empty where none is to be had now."""
        request = summary_request(said, self._known.facts)
        try:
            async with asyncio.timeout(within_s):
                if isinstance(self._summary, TextModel):
                    return await ask_text_model(self._summary, request, within_s)
                return await ask_live_model(self.results.peers_advertise(), request)
        except TimeoutError:
            why = "it took too long"
        except SummaryError as error:
            why = str(error)
        self.log.info("%s: no summary for now: %s", self.name, why)
        return ""
