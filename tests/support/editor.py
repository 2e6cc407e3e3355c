"""An editor's side of yaml-language-server: a file is opened, and what it offers at a place is asked for."""

import json
import os
import select
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from .node_packages import install_packages, node

__all__ = ["Editor", "language_server"]

_WITHIN_S = 90.0


def language_server(cache: Path, version: str) -> list[str]:
    """The command that starts it; ``version`` is installed below ``cache``. Raises ``Unavailable``.

    ``YAML_LANGUAGE_SERVER`` names the ``.js`` file or the command of one to use instead.
    """
    named = os.environ.get("YAML_LANGUAGE_SERVER")
    if named and not named.endswith(".js"):
        return [named, "--stdio"]
    program = named or ""
    if not program:
        home = install_packages(f"yaml-language-server-{version}", cache, f"yaml-language-server@{version}")
        program = str(home / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server")
    return [node(), program, "--stdio"]


class Editor:
    """One server process; ``schemas`` are files by the patterns of the names that they are for."""

    def __init__(self, command: list[str], folder: Path, schemas: dict[Path, list[str]]) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
        )
        self._next = 0
        self._opened = 0
        self._raw = b""
        self._settings = {
            "yaml": {
                "schemas": {path.as_uri(): names for path, names in schemas.items()},
                "completion": True,
                "validate": True,
                "hover": True,
                "schemaStore": {"enable": False},
            }
        }
        self.diagnostics: dict[str, list[str]] = {}

    def __enter__(self) -> "Editor":
        capabilities = {
            "workspace": {"configuration": True, "didChangeConfiguration": {}},
            "textDocument": {
                "completion": {"completionItem": {"snippetSupport": True}},
                "publishDiagnostics": {},
            },
        }
        self._ask(
            "initialize", {"processId": None, "rootUri": self._folder.as_uri(), "capabilities": capabilities}
        )
        self._send({"method": "initialized", "params": {}})
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": self._settings}})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def offers(self, name: str, text: str) -> set[str]:
        """What is offered in a file of this name, where ``\u2038`` stands in ``text``."""
        before, _, after = text.partition("\u2038")
        uri = self._open(name, before + after)
        place = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        answer = self._ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": place})
        items = answer["items"] if isinstance(answer, dict) else answer or []
        return {item["label"] for item in items}

    def faults(self, name: str, text: str) -> list[str]:
        """What is underlined in a file."""
        uri = self._open(name, text)
        ends_s = time.monotonic() + _WITHIN_S
        while uri not in self.diagnostics:
            assert time.monotonic() < ends_s, "no diagnostics came"
            self._handle(self._receive())
        return self.diagnostics[uri]

    def _open(self, name: str, text: str) -> str:
        self._opened += 1
        uri = (self._folder / str(self._opened) / name).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return uri

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self._next += 1
        self._send({"id": self._next, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == self._next and "method" not in message:
                assert "error" not in message, message["error"]
                return message.get("result")
            self._handle(message)

    def _handle(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            params = message["params"]
            self.diagnostics[params["uri"]] = [each["message"] for each in params["diagnostics"]]
        elif message.get("method") == "workspace/configuration":
            wanted = [self._settings.get(item.get("section"), {}) for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": wanted})
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        while b"\r\n\r\n" not in self._raw:
            self._read()
        head, _, self._raw = self._raw.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n"))
        length = int(fields[b"Content-Length"])
        while len(self._raw) < length:
            self._read()
        body, self._raw = self._raw[:length], self._raw[length:]
        made: dict[str, Any] = json.loads(body)
        return made

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        ready, _, _ = select.select([stream], [], [], _WITHIN_S)
        data = os.read(stream.fileno(), 1 << 16) if ready else b""
        assert data, "the language server does not answer"
        self._raw += data
