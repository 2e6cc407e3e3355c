"""Who may call a server, by what the command line names: tokens, tickets, and a token made for one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .exits import Exit, Fault, check_there

if TYPE_CHECKING:
    from ..server.access import SharedTickets, TokenFile
    from ..server.access.grant import Authorize
    from ..server.access.ticket import Tickets

__all__ = ["TokenBox", "authorizer", "read_secret", "tickets_of", "used_tickets_in"]


class TokenBox:
    """The tokens of the file, which may be read again while the server runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.current = self._read()

    def reload(self) -> str:
        """Read the file again; returns what is wrong with it, and then what it held before stays."""
        try:
            self.current = self._read()
        except Fault as fault:
            return str(fault)
        return ""

    def _read(self) -> TokenFile:
        from ..server.access.token_file import TokenFileError, read_tokens

        check_there(self._path, "--tokens")
        try:
            return read_tokens(self._path)
        except TokenFileError as error:
            raise Fault(
                f"--tokens: {error}",
                "it holds `tokens:`, and below it identities with `token` or `sha256`",
                Exit.CONFIG,
            ) from None


def authorizer(ticket_secret_file: Path | None, tokens: TokenBox | None, invitation: str) -> Authorize | None:
    """Who is let in by tokens, by tickets, or by a token made for this run; ``None`` where nobody is asked."""
    from ..server.access.grant import Grant
    from ..server.access.token_file import TokenFile, digest
    from ..server.gate import by_tokens

    tickets = (
        tickets_of(ticket_secret_file, "--ticket-secret-file") if ticket_secret_file is not None else None
    )
    if invitation:
        guest = TokenFile({digest(invitation): Grant(identity="guest", report="full")})
        return by_tokens(lambda: guest, None)
    if tokens is None and tickets is None:
        return None
    return by_tokens(lambda: tokens.current if tokens is not None else None, tickets)


def tickets_of(secret_file: Path, option: str) -> Tickets:
    """The tickets that are signed with a file's secret. ``Fault`` when it cannot be read, or is too short."""
    from ..server.access.ticket import Tickets
    from ..server.wall_clock import unix_seconds

    try:
        return Tickets(read_secret(secret_file, option), unix_seconds)
    except ValueError as error:
        raise Fault(
            f"{option}: {secret_file}: {error}", "`openssl rand -base64 48` makes one", Exit.CONFIG
        ) from None


def read_secret(path: Path, option: str) -> bytes:
    """The secret in a file, without the line end. ``Fault`` when it cannot be read, and when there is none in it."""
    check_there(path, option)
    secret = path.read_bytes().strip()
    if not secret:
        raise Fault(f"{option}: {path} is empty", "`openssl rand -base64 48` makes a secret", Exit.CONFIG)
    return secret


def used_tickets_in(path: Path | str | None) -> SharedTickets | None:
    """The store in a file, where there is one. ``Fault`` when it cannot be had."""
    from ..server.access.ticket_store import SharedTickets, TicketStoreError

    if not path:
        return None
    try:
        return SharedTickets(Path(path))
    except TicketStoreError as error:
        raise Fault(f"--used-tickets: {error}") from None
