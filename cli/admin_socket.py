"""Where the admin routes of a running server are, for the server and for whoever asks it."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .addresses import open_port
from .exits import Exit, Fault

if TYPE_CHECKING:
    from http.client import HTTPResponse

__all__ = ["AdminClient", "admin_folder", "find_admin", "listen_admin"]

_LONGEST_PATH = 100
"""Of a Unix socket's name; the system takes 107 bytes."""
_LONGEST_ANSWER = 16 << 20
_SILENT_S = 30.0
"""After which a server that says nothing, not even that nothing happens, is gone."""
_NO_SUCH_NAME = ("output_unknown",)
"""Refusals of a name that was wrong when it was written; a call may have ended by itself."""


def admin_folder() -> Path:
    """Where the sockets of this user's servers lie; made for its owner only. ``Fault`` when it is not, or cannot be."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base) / "livegraph" if base else Path("/tmp") / f"livegraph-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Below /tmp anybody may have been there first, also with a link to a folder of this user's.
        found = folder.lstat()
    except OSError as error:
        raise Fault(
            f"cannot make {folder}: {error.strerror}", "set XDG_RUNTIME_DIR, or say --admin"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Fault(f"{folder} is not this user's alone", f"chmod 700 {folder}, or --admin off")
    return folder


def listen_admin(where: str, port: int) -> tuple[socket.socket, Path | None, bool] | None:
    """The socket, its path if it has one, and whether calls may be seen and ended by it; ``None`` for ``off``.

    ``where`` is ``unix:PATH``, ``HOST:PORT`` or empty for the socket of the server on ``port``. Raises ``Fault``.
    """
    from ..server.hosts import is_loopback
    from .listening import open_unix

    if where == "off":
        return None
    if not where or where.startswith("unix:"):
        path = Path(where.removeprefix("unix:")) if where else admin_folder() / f"{port}.sock"
        if len(str(path)) > _LONGEST_PATH:
            raise Fault(f"--admin: {path} is too long for a Unix socket", code=Exit.USAGE)
        return open_unix(path, 0o600), path, True
    host, colon, number = where.rpartition(":")
    if not colon or not number.isdecimal() or int(number) > 65_535:
        raise Fault(f"--admin: {where} is none of unix:PATH, HOST:PORT and off", code=Exit.USAGE)
    # Whoever reaches another address than loopback sees numbers, and no calls.
    return open_port(host.strip("[]"), int(number)), None, is_loopback(host)


def find_admin(where: str | None) -> AdminClient:
    """The running server: the one that ``where`` names (a path, a port, ``HOST:PORT``), or the only one of this user.

    Raises ``Fault`` when there is none, or several.
    """
    if where and ":" in where and not where.startswith("unix:"):
        host, _, number = where.rpartition(":")
        if not number.isdecimal():
            raise Fault(f"--server: {where} is no address", code=Exit.USAGE)
        return AdminClient(None, host.strip("[]") or "127.0.0.1", int(number))
    if where and not where.isdecimal():
        return AdminClient(Path(where.removeprefix("unix:")), "", 0)
    folder = admin_folder()
    if where:
        return AdminClient(folder / f"{where}.sock", "", 0)
    from .listening import answers

    found = [path for path in sorted(folder.glob("*.sock")) if answers(path)]
    if not found:
        raise Fault(
            "no server of this user is running", "livegraph run starts one; --server says where another is"
        )
    if len(found) > 1:
        ports = ", ".join(path.stem for path in found)
        raise Fault(f"several servers are running: {ports}", "say which with --server PORT", Exit.USAGE)
    return AdminClient(found[0], "", 0)


@dataclass(frozen=True, slots=True)
class AdminClient:
    """Asks a running server, one request a connection."""

    path: Path | None
    host: str
    port: int

    def ask(self, method: str, target: str, body: object = None, within_s: float = 10.0) -> Any:
        """The answer's JSON, ``None`` for an empty one, text for what is no JSON. Raises ``Fault``."""
        with self._asked(method, target, body, within_s) as (answer, _):
            data = answer.read(_LONGEST_ANSWER)
        found = _content(answer, data)
        if answer.status >= 400 and not target.endswith("z"):
            raise _refused(answer, found)
        return found

    def follow(self, target: str, within_s: float | None = None) -> Generator[dict[str, Any]]:
        """The objects of an answer that goes on and on, one a line, until it ends or ``within_s`` after it began.

        Raises ``Fault`` when the server refuses, and when nothing is heard of it any more.
        """
        import json

        with self._asked("GET", target, None, _SILENT_S) as (answer, sock):
            if answer.status >= 400:
                raise _refused(answer, _content(answer, answer.read(_LONGEST_ANSWER)))
            until_s = time.monotonic() + within_s if within_s is not None else None
            while True:
                if until_s is not None:
                    left_s = until_s - time.monotonic()
                    if left_s <= 0:
                        return
                    sock.settimeout(min(left_s, _SILENT_S))
                try:
                    line = answer.readline(_LONGEST_ANSWER)
                except TimeoutError:
                    if until_s is not None and time.monotonic() >= until_s:
                        return
                    raise
                if not line:
                    return
                if line.strip():
                    yield json.loads(line)

    @contextmanager
    def _asked(
        self, method: str, target: str, body: object, within_s: float
    ) -> Iterator[tuple[HTTPResponse, socket.socket]]:
        import http.client
        import json

        connection = http.client.HTTPConnection(self.host or "localhost", self.port or 80, timeout=within_s)
        try:
            if self.path is not None:
                connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                connection.sock.settimeout(within_s)
                connection.sock.connect(str(self.path))
            payload = None if body is None else json.dumps(body)
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, target, payload, headers)
            sock = connection.sock
            yield connection.getresponse(), sock
        except (OSError, http.client.HTTPException) as error:
            where = self.path or f"{self.host}:{self.port}"
            raise Fault(f"the server at {where} does not answer: {error}") from None
        finally:
            connection.close()


def _content(answer: HTTPResponse, data: bytes) -> Any:
    """The JSON of an answer, ``None`` for an empty one, text for what is no JSON."""
    import json

    if answer.headers.get_content_type() == "application/json" and data:
        return json.loads(data)
    return data.decode(errors="replace") or None


def _refused(answer: HTTPResponse, found: Any) -> Fault:
    said = found.get("error", {}) if isinstance(found, dict) else {}
    code = Exit.USAGE if said.get("code") in _NO_SUCH_NAME else Exit.FAILED
    return Fault(said.get("message", f"the server answers {answer.status}"), said.get("remedy", ""), code)
