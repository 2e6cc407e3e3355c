"""Tools as `setup` and `contextUpdate` declare them."""

from __future__ import annotations

from typing import Any

from .base import Empty, JsonObject, WireStruct

__all__ = ["FunctionDeclaration", "GoogleSearch", "McpServer", "Schema", "SearchTypes", "Tool"]


class Schema(WireStruct, frozen=True, kw_only=True):
    """The API's subset of an OpenAPI schema. Any other key fails the whole setup.

    `type`: see `enums.SchemaType`. The keys of `properties` and `defs` are the user's names;
    `additional_properties`, `default` and `example` are free-form.
    """

    type: str = ""
    format: str = ""
    title: str = ""
    description: str = ""
    nullable: bool | None = None
    enum: list[str] = []
    items: Schema | None = None
    properties: dict[str, Schema] | None = None
    required: list[str] = []
    property_ordering: list[str] = []
    any_of: list[Schema] = []
    default: Any = None
    example: Any = None
    minimum: float | None = None
    maximum: float | None = None
    min_items: int | None = None
    max_items: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_properties: int | None = None
    max_properties: int | None = None
    pattern: str = ""
    additional_properties: Any = None
    defs: dict[str, Schema] | None = None
    ref: str = ""


class FunctionDeclaration(WireStruct, frozen=True, kw_only=True):
    """A function that the model may call.

    `parameters` and `parameters_json_schema` exclude each other. `behavior`: see `enums.Behavior`; empty
    takes the model's default.
    """

    name: str = ""
    description: str = ""
    parameters: Schema | None = None
    parameters_json_schema: Any = None
    response: Schema | None = None
    response_json_schema: Any = None
    behavior: str = ""


class SearchTypes(WireStruct, frozen=True):
    """Which kinds of search to ground on."""

    web_search: Empty | None = None
    image_search: Empty | None = None


class Interval(WireStruct, frozen=True):
    """A stretch of time between two RFC 3339 timestamps."""

    start_time: str = ""
    end_time: str = ""


class GoogleSearch(WireStruct, frozen=True):
    """Search on the server's side; the last two fields are Vertex's."""

    search_types: SearchTypes | None = None
    time_range_filter: Interval | None = None
    exclude_domains: list[str] = []
    blocking_confidence: str = ""


class StreamableHttpTransport(WireStruct, frozen=True, kw_only=True):
    """How the server reaches an MCP server. `headers` are written as given."""

    url: str = ""
    headers: dict[str, str] = {}
    timeout: str = ""
    sse_read_timeout: str = ""
    terminate_on_close: bool | None = None


class McpServer(WireStruct, frozen=True):
    """An MCP server for Google to call."""

    name: str = ""
    streamable_http_transport: StreamableHttpTransport | None = None


class Tool(WireStruct, frozen=True, kw_only=True):
    """One entry of the tool list: normally one field is set.

    The fields typed as plain JSON objects exist in the schema but not for Live on the Gemini API; they pass
    through as they are.
    """

    function_declarations: list[FunctionDeclaration] = []
    google_search: GoogleSearch | None = None
    code_execution: Empty | None = None
    url_context: Empty | None = None
    mcp_servers: list[McpServer] = []
    google_search_retrieval: JsonObject | None = None
    google_maps: JsonObject | None = None
    file_search: JsonObject | None = None
    computer_use: JsonObject | None = None
    retrieval: JsonObject | None = None
    enterprise_web_search: JsonObject | None = None
    parallel_ai_search: JsonObject | None = None
    exa_ai_search: JsonObject | None = None
