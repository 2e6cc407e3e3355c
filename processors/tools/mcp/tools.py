"""An MCP server as a source of tools: by command (stdio) or by address (streamable HTTP)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from ....pipeline.errors import ConfigError, Problem
from ....pipeline.events import Transcript
from ....pipeline.units import SECOND
from ..catalog import FunctionSpec
from ..context import ToolContext
from ..errors import ToolError
from ..http.arguments import check_arguments
from ..http.entry import revealed
from ..http.hiding import Hiding, of_address, of_command
from ..http.hosts import HostPolicy
from ..http.tools import checked_host
from ..openapi.document import BadDocument, expanded
from ..seam import Tool
from ..selection import chosen, tool_name
from ..settings import ToolSettings, resolve
from ..shared import shared
from ..yes_or_no import judge_words, only_refuses
from .changes import listening
from .entry import McpTools
from .results import answer_from_words, asks_yes_or_no, linked, read_call_result, read_resource
from .server import McpServer, ServerDown
from .transports import by_address, by_command

__all__ = ["McpSource"]

_MOST_LINKED = 3
_WAITED_FOR_NS = 5 * SECOND
"""So long a call waits at its start for a server that is being started."""
_asking: ContextVar[Asking | None] = ContextVar("livegraph_mcp_asking", default=None)
"""The call of a tool in whose name the server may ask the caller something."""


class McpSource:
    """One entry ``mcp``."""

    whole = False

    def __init__(self, entry: McpTools) -> None:
        self._entry = entry
        way = of_address(entry.mcp) if isinstance(entry.mcp, str) else of_command(entry.mcp)
        self._hiding = Hiding(revealed(entry.env), revealed(entry.headers), way)
        self._server: McpServer | None = None
        self._changed: Callable[[], None] = _nothing

    def known(self) -> Sequence[Tool]:
        """See ``ToolSource``: only the server itself knows."""
        entry = self._entry
        _need_package()
        if isinstance(entry.mcp, str):
            self._policy()
        elif not entry.mcp:
            raise ConfigError(
                [Problem("LG234", "`mcp` has no command", ("mcp",), hint="write `[python, ./server.py]`")]
            )
        return []

    async def open(self, changed: Callable[[], None]) -> Sequence[Tool]:
        """See ``ToolSource``. A server that is not there has no tools until it is."""
        self._changed = changed
        self._server = self._found()
        await self._server.join(self._tell, _WAITED_FOR_NS)
        return self.tools()

    def tools(self) -> Sequence[Tool]:
        """See ``ToolSource``."""
        server = self._server
        if server is None:
            return []
        by_name = {tool.name: tool for tool in server.tools}
        found = chosen(self._entry, by_name, "tools", strict=False)
        made: list[Tool] = []
        for name, own in found.items():
            settings = resolve(self._entry, own.options)
            shown = tool_name(own.name)
            settings = replace(settings, name=shown, service=settings.service or server.name)
            try:
                made.append(
                    McpTool(by_name[name], shown, settings, server, self._entry.ask_timeout_ns, self._hiding)
                )
            except BadDocument:
                continue
        return made

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """It runs for as long as this lasts, whether a call uses it or not; nobody waits for its start."""
        server = self._found()
        server.use(_nothing)
        try:
            yield
        finally:
            await server.leave(_nothing)

    async def close(self) -> None:
        """See ``ToolSource``."""
        server, self._server = self._server, None
        if server is not None:
            await server.leave(self._tell)

    def _tell(self) -> None:
        self._changed()

    def _found(self) -> McpServer:
        entry = self._entry
        if entry.share == "call":
            return self._made()
        kept = shared().kept
        key = (
            "mcp",
            repr(entry.mcp),
            entry.protocol,
            str(entry.cwd),
            tuple(sorted(revealed(entry.env).items())),
            tuple(sorted(revealed(entry.headers).items())),
        )
        if key not in kept:
            kept[key] = self._made()
        found: McpServer = kept[key]
        return found

    def _made(self) -> McpServer:
        entry = self._entry

        async def connect(stack: AsyncExitStack, died: asyncio.Event, relist: Callable[[], None]) -> Any:
            from mcp import Client, StdioServerParameters, types

            async def heard(message: Any) -> None:
                if isinstance(message, types.ToolListChangedNotification):
                    relist()

            transport: Any
            if isinstance(entry.mcp, str):
                client, transport = by_address(entry.mcp, revealed(entry.headers), self._policy())
                await stack.enter_async_context(client)
            else:
                command, *args = entry.mcp
                if command in ("python", "python3"):
                    # The one that runs this, whose packages the server was installed beside.
                    command = sys.executable
                cwd = None if entry.cwd is None else str(entry.cwd)
                parameters = StdioServerParameters(
                    command=command, args=args, env=revealed(entry.env), cwd=cwd
                )
                transport = by_command(parameters, died)

            async def elicited(context: Any, params: Any) -> Any:
                return await _elicited(server.under_way, params)

            made = Client(
                transport,
                message_handler=heard,
                mode=entry.protocol,
                elicitation_callback=elicited,
                cache=None,
            )
            client_up = await stack.enter_async_context(made)
            await stack.enter_async_context(listening(client_up, relist))
            return client_up

        common = shared()
        server = McpServer(
            entry.title,
            connect,
            entry.start_timeout_ns,
            lambda state, why: common.tell(entry.title, "mcp", state, why),
            self._hiding.text,
        )
        return server

    def _policy(self) -> HostPolicy:
        entry = self._entry
        assert isinstance(entry.mcp, str)
        host = checked_host(entry.mcp, "mcp")
        policy = HostPolicy((host, *entry.hosts), entry.private)
        if why := policy.refuse_url(entry.mcp):
            hint = f"name it: `private: [{host}]`"
            raise ConfigError([Problem("LG235", f"`mcp` is not called: {why}", ("mcp",), hint=hint)])
        return policy


class McpTool:
    """One tool of a server."""

    kind = "mcp"
    streams = False

    def __init__(
        self, told: Any, name: str, settings: ToolSettings, server: McpServer, ask_ns: int, hiding: Hiding
    ) -> None:
        self._told = told
        self._server = server
        self._ask_ns = ask_ns
        self._hiding = hiding
        self._asked = 0
        self.settings = settings
        schema = expanded(told.input_schema, told.input_schema)
        schema.pop("$defs", None)
        schema.pop("$schema", None)
        schema.pop("title", None)
        self._schema = schema
        parameters = schema if schema.get("properties") else {}
        self.spec = FunctionSpec(
            name, settings.description or told.description or "", parameters, settings.blocking
        )

    @property
    def stoppable(self) -> bool:
        """See ``Tool``: while the caller answers its question it goes on, whatever the model makes of the words."""
        return not self._asked

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """See ``Tool``."""
        return check_arguments(given, self._schema)

    async def call(self, arguments: Mapping[str, Any], context: ToolContext[Any]) -> Any:
        """See ``Tool``."""
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        name = self._server.name

        async def progress(done: float, total: float | None, message: str | None) -> None:
            context.progress(message or "", fraction=done / total if total else None)

        asking = Asking(self, context, self._ask_ns)
        token = _asking.set(asking)
        self._server.under_way.append(asking)
        try:
            client = await self._server.client()
            result = await client.call_tool(self._told.name, dict(arguments), progress_callback=progress)
            fetched: dict[str, Any] = {}
            for uri in linked(result)[:_MOST_LINKED]:
                contents = (await client.read_resource(uri)).contents
                fetched[uri] = (
                    read_resource(contents[0])
                    if len(contents) == 1
                    else [read_resource(one) for one in contents]
                )
        except ServerDown as error:
            raise ToolError(f"{name} is not there now ({error})", retryable=True) from None
        except MCPError as error:
            if error.code == CONNECTION_CLOSED or "closed" in error.message.lower():
                self._server.lost()
                raise ToolError(f"{name} has stopped, and is started again", retryable=True) from None
            raise ToolError(self._hiding.text(f"{name}: {error.message[:300]}")) from None
        except (OSError, ConnectionError):
            self._server.lost()
            raise ToolError(f"{name} cannot be reached", retryable=True) from None
        finally:
            self._server.under_way.remove(asking)
            _asking.reset(token)
        try:
            return read_call_result(result, fetched)
        except ToolError as error:
            error.args = (self._hiding.text(str(error)),)
            raise


class Asking:
    """How a server asks the caller of one call."""

    def __init__(self, tool: McpTool, context: ToolContext[Any], within_ns: int) -> None:
        self.server = tool._server
        self._tool, self._context, self._within_ns = tool, context, within_ns

    async def ask(self, message: str, schema: dict[str, Any]) -> dict[str, Any] | None:
        """Say ``message`` to the caller and wait for the answer; ``None`` for a no, or none."""
        call = self._context.call
        heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def listen(event: Transcript) -> None:
            if event.role == "user" and event.final and event.text.strip() and not heard.done():
                heard.set_result(event.text)

        self._tool._asked += 1
        unsubscribe = call.events.subscribe(Transcript, listen)
        try:
            self._context.progress(message)
            self._context.say(message)
            async with asyncio.timeout(self._within_ns / SECOND):
                text = await heard
        except TimeoutError:
            return None
        finally:
            unsubscribe()
            self._tool._asked -= 1
        if only_refuses(text) and not asks_yes_or_no(schema):
            return None
        return answer_from_words(text, schema, {"yes": True, "no": False}.get(judge_words(text)))


async def _elicited(under_way: list[Any], params: Any) -> Any:
    """A server asks the caller something, in the course of a tool."""
    from mcp.types import ElicitResult

    # Where only one call of a tool is under way, it is the one that the server asks for.
    asking = _asking.get() or (under_way[0] if len(under_way) == 1 else None)
    schema = getattr(params, "requested_schema", None)
    if asking is None or schema is None:
        # Nobody to ask, or something that is to be done in a browser.
        return ElicitResult(action="decline")
    answer = await asking.ask(params.message, dict(schema))
    if answer is None:
        return ElicitResult(action="decline")
    return ElicitResult(action="accept", content=answer)


def _need_package() -> None:
    import importlib.util

    if importlib.util.find_spec("mcp") is None:
        hint = "pip install 'livegraph[mcp]'"
        raise ConfigError(
            [
                Problem(
                    "LG111", "MCP servers need the package `mcp`, which is not installed", ("mcp",), hint=hint
                )
            ]
        )


def _nothing() -> None:
    """Nobody is told."""
