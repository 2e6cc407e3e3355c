"""The protocol in the forms that others read: JavaScript with types for the library, a JSON Schema, a page."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

import livegraph
from livegraph.server.protocol import (
    PROTOCOL_VERSION,
    EndReason,
    FromCaller,
    FromServer,
    LiveOption,
    SocketFromCaller,
    SocketFromServer,
)
from livegraph.transports.socket.words import SoundFormat

__all__ = ["protocol_files"]

_ROOT = Path(livegraph.__file__).parent
_CLIENT, _DOCS = _ROOT / "client", _ROOT / "docs"
_MADE = "Made from server/protocol/ by `LIVEGRAPH_UPDATE=1 pytest tests/client/test_protocol_files.py`."
_CONSTANTS = {
    "FromServer": FromServer,
    "ToServer": FromCaller,
    "SocketFromServer": SocketFromServer,
    "SocketToServer": SocketFromCaller,
}
_SIMPLE = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "unknown"}


def protocol_files() -> dict[Path, str]:
    """Every file that is made from the protocol, with its text."""
    return {
        _CLIENT / "protocol.js": _javascript(),
        _CLIENT / "protocol.d.ts": _types(),
        _CLIENT / "protocol.schema.json": json.dumps(_schema(), indent=2) + "\n",
        _DOCS / "protocol.md": _page(),
    }


def _javascript() -> str:
    def constants(name: str, union: Any) -> str:
        entries = "".join(f'  {_tag(kind).upper()}: "{_tag(kind)}",\n' for kind in get_args(union))
        return f"export const {name} = Object.freeze({{\n{entries}}});\n"

    made = "\n".join(constants(*each) for each in _CONSTANTS.items())
    return f"""\
/**
 * What a page and the server say to each other on the data channel "livegraph"; `protocol.d.ts` has the messages.
 * {_MADE}
 */

export const CHANNEL = "livegraph";

export const PROTOCOL_VERSION = {PROTOCOL_VERSION};

{made}
const KNOWN = new Set(Object.values(FromServer));

/**
 * One message from the server, or null for what the page does not understand.
 * @param {{unknown}} data the data of a channel's message event
 * @returns {{import("./protocol.d.ts").ServerMessage | null}}
 */
export function decode(data) {{
  if (typeof data !== "string") return null;
  let message;
  try {{
    message = JSON.parse(data);
  }} catch {{
    return null;
  }}
  const known = message !== null && typeof message === "object" && KNOWN.has(message.type);
  return known ? message : null;
}}

/** The text of one message to the server. */
export function encode(type, fields = {{}}) {{
  return JSON.stringify({{ type, ...fields }});
}}
"""


def _types() -> str:
    parts = [f"/** The messages of the data channel. {_MADE} */\n"]
    reasons = " | ".join(f'"{reason.value}"' for reason in EndReason)
    parts.append(f"/** {_first_line(EndReason)} */\nexport type EndReason =\n  {reasons};\n")
    parts.append(_interface(LiveOption))
    unions = (
        ("ServerMessage", FromServer),
        ("CallerMessage", FromCaller),
        ("SocketServerMessage", SocketFromServer),
        ("SocketCallerMessage", SocketFromCaller),
    )
    parts.append(_interface(SoundFormat))
    for name, union in unions:
        kinds = get_args(union)
        parts += [_interface(kind) for kind in kinds]
        parts.append(f"export type {name} =\n  " + "\n  | ".join(kind.__name__ for kind in kinds) + ";\n")
    parts.append('export const CHANNEL: "livegraph";\n\nexport const PROTOCOL_VERSION: number;\n')
    for name, union in _CONSTANTS.items():
        entries = "".join(f'  {_tag(kind).upper()}: "{_tag(kind)}";\n' for kind in get_args(union))
        parts.append(f"export const {name}: Readonly<{{\n{entries}}}>;\n")
    parts.append("""\
/** One message from the server, of the data of a channel's message event; null for what the page does not know. */
export function decode(data: unknown): ServerMessage | null;

/** The text of one message to the server. */
export function encode(type: string, fields?: Record<string, unknown>): string;
""")
    return "\n".join(parts)


def _interface(kind: type[msgspec.Struct]) -> str:
    lines = [f"/** {_sentence(kind)} */", f"export interface {kind.__name__} {{"]
    if kind.__struct_config__.tag:
        lines.append(f'  type: "{_tag(kind)}";')
    for name, hint, optional in _fields(kind):
        lines.append(f"  {name}{'?' if optional else ''}: {_spelled(hint)};")
    return "\n".join([*lines, "}", ""])


def _page() -> str:
    """The messages as a page of the documentation."""
    parts = [
        "# The messages of a call\n",
        f"<!-- {_MADE} -->\n",
        "A page and the server talk on a data channel called `livegraph` (ordered), or on a WebSocket.\n",
        "Every message is a JSON object with a `type`. What a side does not know it ignores. A message of the caller's "
        "that is not as it should be is dropped, and answered by `error`, code `bad_message`.\n",
        "Fields marked with ? are left out where they have nothing to say.\n",
        f"This is version {PROTOCOL_VERSION}; `ready` tells the server's.\n",
    ]
    for title, union in (("From the server", FromServer), ("From the caller", FromCaller)):
        parts.append(f"## {title}\n\n| type | fields | meaning |\n| --- | --- | --- |")
        for kind in get_args(union):
            parts.append(f"| `{_tag(kind)}` | {_listed(kind)} | {_sentence(kind)} |")
        parts.append("")
    parts.append(
        "## On a WebSocket as well\n\n"
        "Where sound and messages share a socket ([its page](websocket.md)), this is said too.\n\n"
        "| type | who | fields | meaning |\n| --- | --- | --- | --- |"
    )
    for who, union in (("caller", SocketFromCaller), ("server", SocketFromServer)):
        for kind in get_args(union):
            parts.append(f"| `{_tag(kind)}` | {who} | {_listed(kind)} | {_sentence(kind)} |")
    parts.append("")
    parts.append("## Why a call is over\n\n" + ", ".join(f"`{reason.value}`" for reason in EndReason) + ".\n")
    return "\n".join(parts)


def _listed(kind: type[msgspec.Struct]) -> str:
    return ", ".join(f"`{name}{'?' if optional else ''}`" for name, _, optional in _fields(kind))


def _fields(kind: type[msgspec.Struct]) -> Iterator[tuple[str, Any, bool]]:
    """Name, type, and whether it may be left out."""
    hints = get_type_hints(kind)
    # What the server sends has all its fields; a caller's may lack those with defaults.
    sent = not kind.__struct_config__.omit_defaults and kind not in get_args(SocketFromCaller)
    for field in msgspec.structs.fields(kind):
        yield field.encode_name, hints[field.name], not field.required and not sent


def _spelled(hint: Any) -> str:
    """A Python type as TypeScript."""
    if not get_args(hint) and hint in _SIMPLE:
        return _SIMPLE[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint.__name__
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in inside)
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(_spelled(each) for each in inside))
    if origin is list:
        return f"{_spelled(inside[0])}[]"
    if origin is tuple:
        return f"[{', '.join(_spelled(each) for each in inside)}]"
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint.__name__
    if origin is dict:
        return f"Record<string, {_spelled(inside[1])}>"
    raise TypeError(f"protocol.d.ts has no word for {hint!r}")


def _schema() -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    sides = {}
    unions = {
        "server": FromServer,
        "caller": FromCaller,
        "server on a socket": SocketFromServer,
        "caller on a socket": SocketFromCaller,
    }
    for name, union in unions.items():
        (schema,), parts = msgspec.json.schema_components([union], ref_template="#/$defs/{name}")
        # msgspec up to 0.22 leaves a docstring's indentation where it is.
        for part in parts.values():
            if "description" in part:
                part["description"] = inspect.cleandoc(part["description"])
        definitions |= parts
        sides[name] = schema
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Messages of a call",
        "description": f"Version {PROTOCOL_VERSION}. {_MADE}",
        "anyOf": list(sides.values()),
        "$defs": definitions,
    }


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


def _sentence(kind: type) -> str:
    """Its docstring on one line, without the marks of Python's."""
    return " ".join(inspect.getdoc(kind).split()).replace("``", "`")  # type: ignore[union-attr]


def _first_line(kind: type) -> str:
    return _sentence(kind).split(". ")[0]
