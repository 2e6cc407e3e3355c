"""Where the admin routes of a running server are, for the server and for whoever asks it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .addresses import open_port
from .exits import Exit, Fault

__all__ = ["AdminClient", "admin_folder", "find_admin", "listen_admin"]

_LONGEST_PATH = 100
"""Of a Unix socket's name; the system takes 107 bytes."""


def admin_folder() -> Path:
    """Where the sockets of this user's servers lie; made for its owner only."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base) / "livegraph" if base else Path("/tmp") / f"livegraph-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Fault(f"{folder} is not this user's alone", f"chmod 700 {folder}, or --admin off")
    return folder


def listen_admin(where: str, port: int) -> tuple[socket.socket, Path | None, bool] | None:
    """The socket, its path if it has one, and whether calls may be seen and ended by it; ``None`` for ``off``.

    ``where`` is ``unix:PATH``, ``HOST:PORT`` or empty for the socket of the server on ``port``. Raises ``Fault``.
    """
    from ..server.hosts import is_loopback
    from .serving import open_unix

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
    from .serving import answers

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
            answer = connection.getresponse()
            data = answer.read(16 << 20)
        except (OSError, http.client.HTTPException) as error:
            where = self.path or f"{self.host}:{self.port}"
            raise Fault(f"the server at {where} does not answer: {error}") from None
        finally:
            connection.close()
        kind = answer.headers.get_content_type()
        found = (
            json.loads(data) if kind == "application/json" and data else data.decode(errors="replace") or None
        )
        if answer.status >= 400 and not target.endswith("z"):
            said = found.get("error", {}) if isinstance(found, dict) else {}
            raise Fault(said.get("message", f"the server answers {answer.status}"), said.get("remedy", ""))
        return found
