"""An OpenAPI document as a source of tools: operations by name or tag."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ....pipeline.errors import ConfigError, Problem
from ....pipeline.secrecy import bare_address
from ....pipeline.units import SECOND
from ..catalog import FunctionSpec
from ..errors import ToolError
from ..http.client import CannotCall, Client, Request
from ..http.entry import revealed
from ..http.hiding import Hiding
from ..http.hosts import HostPolicy
from ..http.tools import HttpCaller, check_fixed, checked_host, with_query
from ..seam import Tool
from ..selection import chosen, tool_name
from ..settings import ToolOptions, resolve
from ..shared import shared
from .document import BadDocument, operations, read_document
from .entry import OpenApiTools
from .operation import Operation, read_operation

__all__ = ["OpenApiSource"]

_MOST_BYTES = 5_000_000
_FETCHED_FOR_NS = 600 * SECOND
_FETCH_S = 8.0


class OpenApiSource:
    """One entry ``openapi``."""

    def __init__(self, entry: OpenApiTools) -> None:
        self._entry = entry
        self._by_url = isinstance(entry.openapi, str)
        self._clients: dict[HostPolicy, Client] = {}
        self._tools: list[Tool] | None = None

    @property
    def whole(self) -> bool:
        """See ``ToolSource``: what an address has nobody asks for before a call."""
        return not self._by_url

    def known(self) -> Sequence[Tool]:
        """See ``ToolSource``."""
        if self._tools is None:
            if isinstance(self._entry.openapi, str):
                host = checked_host(self._entry.openapi, "openapi")
                self._allowed(self._entry.openapi, host, "openapi")
                return []
            self._tools = self._made(_read_file(self._entry.openapi), "")
        return self._tools

    async def open(self, changed: Callable[[], None]) -> Sequence[Tool]:
        """See ``ToolSource``."""
        if self._tools is None and isinstance(self._entry.openapi, str):
            self._tools = self._made(await self._fetched(self._entry.openapi), self._entry.openapi)
        return self.known()

    def tools(self) -> Sequence[Tool]:
        """See ``ToolSource``."""
        return self.known()

    async def close(self) -> None:
        """See ``ToolSource``."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    async def _fetched(self, url: str) -> str:
        """The document at ``url``, which counts for ten minutes for all calls."""
        common, entry = shared(), self._entry
        now_ns = common.clock.now_ns()
        kept: tuple[int, str] | None = common.kept.get(("openapi", url))
        if kept is not None and now_ns < kept[0]:
            return kept[1]
        policy = HostPolicy((checked_host(url, "openapi"), *entry.hosts), entry.private)
        request = Request(
            "GET", url, {"Accept": "application/json, application/yaml, */*"} | revealed(entry.headers)
        )
        try:
            async with asyncio.timeout(_FETCH_S), Client(policy) as client:
                answer = await client.ask(request, _MOST_BYTES)
        except (CannotCall, TimeoutError) as error:
            why = str(error) or "it takes too long"
            raise _fault(f"{bare_address(url)} cannot be read: {why}", "is the service there?") from None
        if answer.status != 200:
            raise _fault(
                f"{bare_address(url)} cannot be read: it answered {answer.status}", "is that the address?"
            )
        text = answer.body.decode("utf-8", "replace")
        common.kept["openapi", url] = (now_ns + _FETCHED_FOR_NS, text)
        return text

    def _made(self, text: str, base: str) -> list[Tool]:
        entry = self._entry
        check_fixed(entry)
        fixed_headers, fixed_query = revealed(entry.headers), revealed(entry.query)
        given = {("header", name.lower()) for name in fixed_headers}
        given |= {("query", name.lower()) for name in fixed_query}
        try:
            document = read_document(text)
            found = [read_operation(each, document, given) for each in operations(document, base)]
        except BadDocument as error:
            raise _fault(f"the document cannot be used: {error}", "check it with an OpenAPI linter") from None
        by_name = _named(found)
        hiding = Hiding(fixed_headers, fixed_query)
        made: list[Tool] = []
        for name, own in self._wanted(by_name).items():
            operation = by_name[name]
            if operation.unsendable:
                if name in entry.only:
                    told = f"`{name}` takes a body of {operation.unsendable}, which is not sent"
                    raise _fault(told, "leave it out of `only`")
                continue
            server = (entry.server or operation.server).rstrip("/")
            host = checked_host(server, "server")
            policy = self._allowed(server, host, "server" if entry.server else "openapi")
            safe = operation.method in ("GET", "HEAD")
            settings = resolve(ToolOptions(retries=2) if safe else None, entry, own.options)
            shown = tool_name(own.name)
            settings = replace(settings, name=shown, service=settings.service or host)
            description = settings.description or operation.description
            spec = FunctionSpec(shown, description, operation.schema, settings.blocking)
            build = _Requests(operation, server, fixed_headers, fixed_query)
            client = _ClientOf(self, policy)
            made.append(HttpCaller("openapi", spec, settings, host, entry, build, "", client, hiding))
        return made

    def _wanted(self, by_name: dict[str, Operation]) -> Any:
        entry = self._entry
        if not entry.tags:
            return chosen(entry, by_name, "operations")
        tagged = [name for name, one in by_name.items() if set(entry.tags) & set(one.tags)]
        if not tagged:
            there = sorted({tag for one in by_name.values() for tag in one.tags})
            hint = f"tags: {', '.join(there) or 'none'}"
            raise ConfigError(
                [Problem("LG230", "no operation has one of these `tags`", ("tags",), hint=hint)]
            )
        named = chosen(replace(entry, tags=()), by_name, "operations") if entry.only else {}
        of_tags = chosen(replace(entry, only=(), options=None, without=()), tagged, "operations")
        every = {
            name: one
            for name, one in chosen(replace(entry, only=()), by_name, "operations").items()
            if name in of_tags
        }
        return {**every, **named}

    def _allowed(self, url: str, host: str, key: str) -> HostPolicy:
        policy = HostPolicy((host, *self._entry.hosts), self._entry.private)
        if why := policy.refuse_url(url):
            hint = f"name it: `private: [{host}]`"
            raise ConfigError([Problem("LG235", f"the service is not called: {why}", (key,), hint=hint)])
        return policy

    def client_of(self, policy: HostPolicy) -> Client:
        """The client of this call: one for each host."""
        if policy not in self._clients:
            self._clients[policy] = Client(policy)
        return self._clients[policy]


@dataclass(frozen=True, slots=True)
class _ClientOf:
    source: OpenApiSource
    policy: HostPolicy

    def __call__(self) -> Client:
        return self.source.client_of(self.policy)


@dataclass(frozen=True, slots=True)
class _Requests:
    """Makes requests of one operation."""

    operation: Operation
    server: str
    headers: dict[str, str]
    query: dict[str, str]

    def __call__(self, values: dict[str, Any]) -> Request:
        try:
            made = self.operation.request(self.server, values)
        except UnicodeError:
            raise ToolError("wrong arguments: a text in them is not valid Unicode") from None
        headers = {**made.headers, **self.headers}
        if "Cookie" in made.headers and "Cookie" in self.headers:
            headers["Cookie"] = f"{self.headers['Cookie']}; {made.headers['Cookie']}"
        return Request(made.method, with_query(made.url, self.query), headers, made.body)


def _named(found: Sequence[Operation]) -> dict[str, Operation]:
    """The operations by name. Of two with one name, which a document should not have, the later goes by its path."""
    made: dict[str, Operation] = {}
    for operation in found:
        name = operation.name
        if name in made:
            name = tool_name(f"{operation.method.lower()}_{operation.path.strip('/') or 'root'}")
        count, free = 1, name
        while free in made:
            count += 1
            free = tool_name(f"{name[:60]}_{count}")
        made[free] = operation
    return made


def _read_file(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _fault(f"`{path.name}` is larger than {_MOST_BYTES} bytes", "shorten it to what is used")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise _fault(f"`{path.name}` cannot be read: {why}", f"looked in {path.parent}") from None


def _fault(message: str, hint: str) -> ConfigError:
    return ConfigError([Problem("LG236", message, ("openapi",), hint=hint)])
