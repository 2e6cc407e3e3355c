"""An HTTP request in YAML as a tool."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from ....pipeline.errors import ConfigError, Problem
from ....pipeline.options import MISSING as NOT_GIVEN
from ..catalog import FunctionSpec
from ..context import ToolContext
from ..errors import ToolError
from ..seam import Tool
from ..selection import tool_name
from ..settings import ToolOptions, ToolSettings, resolve
from .arguments import ArgumentSpec, check_arguments, schema_of
from .entry import HttpTool, Reach, revealed
from .hiding import Hiding, of_address
from .hosts import HostPolicy
from .templates import MISSING, fill_address, fill_text, fill_value, names_in, of_the_call, shown

if TYPE_CHECKING:
    from .client import Client, Request

__all__ = [
    "HttpCaller",
    "HttpSource",
    "call_values",
    "check_fixed",
    "checked_host",
    "header_text",
    "with_query",
]

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_SAFE = ("GET", "HEAD")
_WITH_BODY = ("POST", "PUT", "PATCH")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def call_values(context: ToolContext[Any]) -> dict[str, Any]:
    """Fields that are of the call."""
    own = {"call.id": context.call_id, "call.identity": context.identity, "call.agent": context.agent}
    return own | {f"inputs.{name}": value for name, value in context.inputs.items()}


class HttpCaller:
    """One request as a tool, from a template."""

    streams = False
    stoppable = True

    def __init__(
        self,
        kind: str,
        spec: FunctionSpec,
        settings: ToolSettings,
        who: str,
        reach: Reach,
        build: Callable[[dict[str, Any]], Request],
        result: str,
        client: Callable[[], Client],
        hiding: Hiding,
    ) -> None:
        self.kind, self.spec, self.settings = kind, spec, settings
        self._who, self._reach, self._build, self._result = who, reach, build, result
        self._client, self._hiding = client, hiding

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """See ``Tool``."""
        return check_arguments(given, self.spec.parameters)

    async def call(self, arguments: Mapping[str, Any], context: ToolContext[Any]) -> Any:
        """See ``Tool``."""
        request = self._build(dict(arguments) | call_values(context))
        reach = self._reach
        headers = {"Accept": "application/json, text/*;q=0.9, */*;q=0.5"} | dict(request.headers)
        key = context.idempotency_key
        if reach.idempotency_header and key and request.method not in _SAFE:
            headers.setdefault(reach.idempotency_header, key)
        from .answers import read_answer
        from .client import CannotCall

        try:
            answer = await self._client().ask(replace(request, headers=headers), reach.max_bytes)
        except CannotCall as error:
            raise ToolError(f"{self._who}: {error}", retryable=error.retryable) from None
        try:
            found = read_answer(answer, path=self._result, retry_on=reach.retry_on, who=self._who)
        except ToolError as error:
            error.args = (self._hiding.text(str(error)),)
            raise
        return self._hiding.value(found)


def with_query(url: str, query: Mapping[str, Any]) -> str:
    """``url`` with more in its query; lists become several of one name."""
    if not query:
        return url
    pairs = [
        (name, shown(one))
        for name, value in query.items()
        for one in (value if isinstance(value, list | tuple) else [value])
    ]
    return f"{url}{'&' if '?' in url else '?'}{urlencode(pairs)}"


class HttpSource:
    """One entry ``http``."""

    whole = True

    def __init__(self, entry: HttpTool) -> None:
        self._entry = entry
        self._client: Client | None = None
        self._tool: Tool | None = None

    def known(self) -> Sequence[Tool]:
        """See ``ToolSource``."""
        if self._tool is None:
            self._tool = self._made()
        return [self._tool]

    async def open(self, changed: Callable[[], None]) -> Sequence[Tool]:
        """See ``ToolSource``."""
        return self.known()

    def tools(self) -> Sequence[Tool]:
        """See ``ToolSource``."""
        return self.known()

    async def close(self) -> None:
        """See ``ToolSource``."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _made(self) -> Tool:
        entry = self._entry
        method, _, url = entry.http.strip().partition(" ")
        url = url.strip()
        if not url and "://" in method:
            method, url = "GET", method
        method = method.upper()
        if method not in _METHODS or not url:
            raise fault(
                "`http` takes a method and an address",
                "http",
                f"write `GET https://...`; methods: {', '.join(_METHODS)}",
            )
        url = url.partition("#")[0]
        host = checked_host(url, "http")
        check_fixed(entry)
        policy = HostPolicy((host, *entry.hosts), entry.private)
        if why := policy.refuse_url(names_filled(url)):
            raise ConfigError(
                [
                    Problem(
                        "LG235",
                        f"`http` is not called: {why}",
                        ("http",),
                        hint=f"name it: `private: [{host}]`",
                    )
                ]
            )
        if not entry.name:
            raise fault("an HTTP tool needs a name for the model", "name", "write `name: find_table`")
        if entry.name != tool_name(entry.name):
            raise fault(
                f"`{entry.name[:60]}` is no name for a tool",
                "name",
                "letters, digits and _ . : - are allowed",
            )
        if entry.body is not None and entry.form is not None:
            raise fault("`body` and `form` in one tool", "form", "keep one of the two")
        arguments = self._arguments(url)
        settings = resolve(ToolOptions(retries=2) if method in _SAFE else None, entry)
        settings = replace(settings, name=entry.name, service=settings.service or host)
        if settings.cache is not None and settings.cache.shared and any(map(of_the_call, self._fields(url))):
            raise fault(
                "`cache` is shared by all callers, and the request has a field of the caller",
                "cache",
                "leave `shared` out, so that each call keeps its own",
            )
        spec = FunctionSpec(entry.name, entry.description, schema_of(arguments), settings.blocking)
        build = _Template(entry, method, url, tuple(arguments))
        hiding = Hiding(revealed(entry.headers), revealed(entry.query), of_address(url))
        return HttpCaller(
            *("http", spec, settings, entry.name, entry, build, entry.result),
            client=lambda: self._client_of(policy),
            hiding=hiding,
        )

    def _client_of(self, policy: HostPolicy) -> Client:
        if self._client is None:
            from .client import Client

            self._client = Client(policy)
        return self._client

    def _fields(self, url: str) -> list[str]:
        entry = self._entry
        headers, query = revealed(entry.headers), revealed(entry.query)
        return names_in([url, *headers.values(), *query.values(), entry.body, entry.form])

    def _arguments(self, url: str) -> dict[str, ArgumentSpec]:
        entry = self._entry
        used = [name for name in self._fields(url) if not of_the_call(name)]
        if entry.arguments is None:
            return {name: ArgumentSpec() for name in used}
        for name in used:
            if name not in entry.arguments:
                raise fault(
                    f"the request has a field `{{{name}}}`, and no argument is called so",
                    "arguments",
                    f"write `{name}: {{type: text}}` below it",
                )
        in_path = [name for name in names_in(url.partition("?")[0]) if not of_the_call(name)]
        for name in in_path:
            if not entry.arguments[name].required and entry.arguments[name].default is NOT_GIVEN:
                raise fault(
                    f"`{name}` is a part of the path, and need not be given",
                    "arguments",
                    "leave `required` out",
                )
        return entry.arguments


class _Template:
    """Makes a request of values."""

    def __init__(self, entry: HttpTool, method: str, url: str, arguments: tuple[str, ...]) -> None:
        self._entry, self._method, self._url = entry, method, url
        self._headers, self._query = revealed(entry.headers), revealed(entry.query)
        used = set(names_in([url, *self._headers.values(), *self._query.values(), entry.body, entry.form]))
        self._rest = [name for name in arguments if name not in used]

    def __call__(self, values: dict[str, Any]) -> Request:
        try:
            return self._made(values)
        except UnicodeError:
            raise ToolError("wrong arguments: a text in them is not valid Unicode") from None

    def _made(self, values: dict[str, Any]) -> Request:
        entry = self._entry
        headers = _filled(self._headers, values)
        query = _filled(self._query, values)
        rest = {name: values[name] for name in self._rest if name in values}
        body: bytes | None = None
        if entry.form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = with_query("", fill_value(entry.form, values))[1:].encode()
        elif entry.body is not None:
            body = json.dumps(fill_value(entry.body, values), ensure_ascii=False).encode()
        elif self._method in _WITH_BODY:
            body = json.dumps(rest, ensure_ascii=False, default=str).encode()
            rest = {}
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        url = with_query(
            fill_address(self._url, values), query | (rest if self._method not in _WITH_BODY else {})
        )
        from .client import Request

        return Request(self._method, url, headers, body)


def _filled(templates: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    made: dict[str, str] = {}
    for name, template in templates.items():
        text = fill_text(template, values)
        if text is MISSING:
            continue
        made[name] = header_text(name, text)
    return made


def header_text(name: str, text: str) -> str:
    """``text`` as it may stand in the header ``name``, RFC 9110 5.5. Raises ``ToolError`` for what would leave it."""
    text.encode()
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text.replace("\t", " ")):
        raise ToolError(f"wrong arguments: {name} cannot hold a line end")
    return text.strip(" \t")


def check_fixed(entry: Reach) -> None:
    """What every request has can be sent. Raises ``ConfigError``: a key from a file often ends with a line end."""
    for name, value in revealed(entry.headers).items():
        if not _TOKEN.fullmatch(name):
            raise fault(
                f"`{name[:60]}` is no name of a header", "headers", "letters, digits and - are allowed"
            )
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
            raise fault(
                f"the header `{name}` holds a line end, or another character that cannot be sent",
                "headers",
                "a key that was read from a file often ends with one: take it off",
            )


def names_filled(url: str) -> str:
    """The address with something harmless for every field, to be judged before any call."""
    return re.sub(r"\{[^{}/]*\}", "x", url)


def checked_host(url: str, key: str) -> str:
    """The host of an address, which must be fixed. Raises ``ConfigError``."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower().rstrip(".")
        plain = urlsplit(names_filled(url)).port
        del plain
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise fault(
            f"`{key}` has no address that can be called", key, "write it whole: https://api.example.com/path"
        )
    if "{" in parts.netloc or "}" in parts.netloc:
        raise fault(
            f"the host of `{key}` is not fixed", key, "fields stand in the path, the query and the body"
        )
    return host


def fault(message: str, key: str, hint: str) -> ConfigError:
    """A request that cannot be made: LG234."""
    return ConfigError([Problem("LG234", message, (key,), hint=hint)])
