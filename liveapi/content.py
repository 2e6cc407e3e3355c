"""Content and its parts: what both sides say to each other."""

from __future__ import annotations

from typing import Any

from .base import JsonObject, WireStruct

__all__ = [
    "Blob",
    "CodeExecutionResult",
    "Content",
    "ExecutableCode",
    "FileData",
    "FunctionCall",
    "FunctionResponse",
    "FunctionResponsePart",
    "Part",
]


class Blob(WireStruct, frozen=True):
    """Raw media: audio, an image, a document. `data` is bytes here and base64 on the wire."""

    data: bytes = b""
    mime_type: str = ""
    display_name: str = ""


class FileData(WireStruct, frozen=True):
    """Media by address."""

    file_uri: str = ""
    mime_type: str = ""
    display_name: str = ""


class ExecutableCode(WireStruct, frozen=True):
    """Code that the model wrote for its built-in interpreter. `language`: see `enums.Language`."""

    code: str = ""
    language: str = ""
    id: str = ""


class CodeExecutionResult(WireStruct, frozen=True):
    """What that code printed. `outcome`: see `enums.Outcome`."""

    outcome: str = ""
    output: str = ""
    id: str = ""


class PartialArg(WireStruct, frozen=True, kw_only=True):
    """A piece of a function call's arguments while they are streamed (Vertex)."""

    json_path: str = ""
    string_value: str | None = None
    number_value: float | None = None
    bool_value: bool | None = None
    null_value: str | None = None
    will_continue: bool = False


class FunctionCall(WireStruct, frozen=True, kw_only=True):
    """A request to run a tool.

    `id` is opaque, and empty where the server omits it (Vertex): the client then makes its own. `args` are
    the user's own names and values.
    """

    id: str = ""
    name: str = ""
    args: JsonObject = {}
    partial_args: list[PartialArg] = []
    will_continue: bool = False


class FunctionResponsePart(WireStruct, frozen=True):
    """Media in a tool's result."""

    inline_data: Blob | None = None
    file_data: FileData | None = None


class FunctionResponse(WireStruct, frozen=True, kw_only=True):
    """A tool's result.

    `id` must be the call's; `response` is any JSON object (by convention under ``output`` or ``error``).
    `scheduling` (see `enums.Scheduling`) and `will_continue` are for non-blocking calls only. With
    `will_continue` true more results for this id follow; false, unlike absent, is written.
    """

    id: str = ""
    name: str = ""
    response: JsonObject | None = None
    scheduling: str = ""
    will_continue: bool | None = None
    parts: list[FunctionResponsePart] = []

    @property
    def asked_scheduling(self) -> str:
        """The scheduling, from either place where clients put it (Google's own sample puts it into
        `response`).

        ``""`` when there is none; the prose spelling ``INTERRUPTED`` reads as ``INTERRUPT``.
        """
        found: Any = self.scheduling or (self.response or {}).get("scheduling", "")
        if not isinstance(found, str):
            return ""
        found = found.upper()
        return "INTERRUPT" if found == "INTERRUPTED" else found


class Part(WireStruct, frozen=True, kw_only=True):
    """One piece of a content: normally one field is set, besides the flags.

    A `thought` is the model's note to itself: never spoken, never shown as the answer.
    """

    text: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: ExecutableCode | None = None
    code_execution_result: CodeExecutionResult | None = None
    thought: bool = False
    thought_signature: bytes = b""
    part_metadata: JsonObject | None = None
    video_metadata: JsonObject | None = None
    media_resolution: JsonObject | None = None


class Content(WireStruct, frozen=True):
    """What one side said. `role` is ``user`` or ``model``, or empty where it does not matter."""

    parts: list[Part] = []
    role: str = ""

    @classmethod
    def of_text(cls, text: str, role: str = "") -> Content:
        """A content of one text part."""
        return cls(parts=[Part(text=text)], role=role)

    @property
    def plain_text(self) -> str:
        """All text that is not a thought, joined."""
        return "".join(part.text for part in self.parts if part.text and not part.thought)
