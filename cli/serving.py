"""From what an operator wants to how it is served: where, for whom, within which limits."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..pipeline.units import SECOND
from .addresses import url_host
from .exits import Exit, Fault
from .front_checks import (
    check_certificate,
    check_hosts,
    check_proxies,
    check_root_path,
    check_stun,
    is_unix_socket,
)
from .letting_in import TokenBox, authorizer, read_secret, used_tickets_in

if TYPE_CHECKING:
    from ..language.server_section import ServerSection
    from ..server.page_folder import PageFolder
    from ..server.tracing import Tracing
    from .web import Front

__all__ = ["Serving", "settle", "tracing_of"]

_DEFAULT_PORT = 8080
_DEFAULT_DRAIN_NS = 300 * SECOND
_FAR_DURATION_NS = 3600 * SECOND
_FAR_IDLE_NS = 900 * SECOND


@dataclass(slots=True)
class Serving:
    """All that is settled before anything listens."""

    wish: ServerSection
    host: str
    port: int
    near: bool
    """Whether only this machine can reach it."""
    front: Front
    app: dict[str, Any]
    """Arguments of ``make_app`` beside the agents."""
    drain_s: float
    admin: str
    tokens: TokenBox | None = None
    invitation: str = ""
    """A token made for this run, for the telephone that reads the QR code."""
    addresses: Sequence[str] = ()
    notes: list[str] = field(default_factory=list)
    relay: tuple[Sequence[str], bytes] | None = None
    """The addresses of the relays, and their secret."""

    def secure(self) -> None:
        """Make the certificate, where one is to be made here. ``Fault`` when it cannot be kept."""
        if not self.wish.self_signed:
            return
        from datetime import UTC, datetime

        from ..server.tls import self_signed
        from ..transports.webrtc.ice.addresses import machine_addresses

        self.addresses = [address for address in machine_addresses() if ":" not in address]
        cache = os.environ.get("XDG_CACHE_HOME")
        folder = (Path(cache) if cache else Path.home() / ".cache") / "livegraph" / "https"
        try:
            cert, key = self_signed(folder, self.addresses, datetime.now(UTC))
        except OSError as error:
            raise Fault(
                f"cannot keep a certificate in {folder}: {error.strerror}",
                "set XDG_CACHE_HOME to one that can be written",
            ) from None
        self.front = replace(self.front, certfile=cert, keyfile=key)

    def url(self, port: int) -> str:
        """Where the page is, for people."""
        if self.wish.uds is not None:
            return f"unix:{self.wish.uds}"
        scheme = "https" if self.front.certfile is not None else "http"
        return f"{scheme}://{url_host(self.host)}:{port}{self.front.root_path.rstrip('/')}/"


def settle(wish: ServerSection) -> Serving:
    """Decide how to serve. ``Fault`` for what cannot be, and for a network where nobody is asked who they are."""
    from ..server.hosts import is_loopback

    host = wish.host or ("0.0.0.0" if wish.self_signed else "127.0.0.1")
    local_socket = wish.uds is not None
    near = local_socket or (wish.fd is None and is_loopback(host))
    _check_together(wish)
    tokens = TokenBox(wish.tokens) if wish.tokens is not None else None
    invitation = ""
    if wish.self_signed and not (wish.open or tokens or wish.ticket_secret_file):
        invitation = secrets.token_urlsafe(18)
    authorize = authorizer(wish.ticket_secret_file, tokens, invitation)
    if not near and authorize is None and not wish.open:
        raise Fault(
            f"{host if wish.fd is None else 'the descriptor'} is reached by others, and nobody is asked who they are",
            "give --tokens FILE or --ticket-secret-file FILE; or --open, which lets everybody who reaches the address "
            "hold calls that you pay for",
            Exit.USAGE,
        )
    serving = Serving(
        wish,
        host,
        _DEFAULT_PORT if wish.port is None else wish.port,
        near,
        _front(wish),
        {},
        (_DEFAULT_DRAIN_NS if wish.drain is None else wish.drain) / SECOND,
        wish.admin or "",
        tokens,
        invitation,
    )
    if wish.turn is not None and wish.turn_secret_file is not None:
        serving.relay = (wish.turn, read_secret(wish.turn_secret_file, "--turn-secret-file"))
    alone = near and not _is_behind_proxy(wish)
    serving.app = _app_options(wish, alone, authorize, serving.relay)
    if near and not alone and authorize is None:
        serving.notes.append(
            "Whoever reaches the proxy may call, and each call is yours to pay for: --tokens FILE asks who they are."
        )
    if wish.open and not near:
        serving.notes.append("Open to everybody who reaches this address: each call is yours to pay for.")
    if authorize is not None and near:
        serving.notes.append("Callers show a token or a ticket.")
    return serving


def _is_behind_proxy(wish: ServerSection) -> bool:
    """Whether somebody in front passes on callers from elsewhere, though the server is on this machine for itself."""
    return bool(
        wish.uds is not None
        or wish.trusted_proxy
        or wish.public_address
        or (wish.root_path or "").strip("/")
        or wish.allow_host
    )


def _check_together(wish: ServerSection) -> None:
    if (wish.ssl_certfile is None) != (wish.ssl_keyfile is None):
        raise Fault("--ssl-certfile and --ssl-keyfile go together", code=Exit.USAGE)
    if wish.self_signed and wish.ssl_certfile is not None:
        raise Fault("--self-signed makes a certificate: it takes none", code=Exit.USAGE)
    if sum((wish.uds is not None, wish.fd is not None, wish.host is not None)) > 1:
        raise Fault("--host, --uds and --fd are three ways to listen: say one", code=Exit.USAGE)
    if (wish.turn is not None) != (wish.turn_secret_file is not None):
        raise Fault(
            "--turn and --turn-secret-file go together",
            "coturn's options use-auth-secret and static-auth-secret are the other side of it",
            Exit.USAGE,
        )
    check_certificate(wish.ssl_certfile, wish.ssl_keyfile)
    check_hosts(wish.allow_host or ())
    check_stun(wish.ice_servers or ())
    check_proxies(wish.trusted_proxy or ())


def tracing_of(environ: Mapping[str, str]) -> Tracing | None:
    """Traces by OTLP, where OpenTelemetry's own variables ask for them. ``Fault`` when the extra is not installed."""
    asked = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if not asked or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    from ..server.tracing import Tracing

    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise Fault(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed",
            "pip install 'livegraph[otel]'",
            Exit.CONFIG,
        ) from None
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    wanted = environ.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "")
    return Tracing(provider, contents=wanted.lower() in ("true", "1"))


def _front(wish: ServerSection) -> Front:
    proxies = list(wish.trusted_proxy or ())
    if "*" in proxies:
        # Everybody is, whoever else is named.
        proxies = ["*"]
    root = (wish.root_path or "").rstrip("/")
    check_root_path(root)
    from .web import Front

    behind_socket = wish.uds is not None or is_unix_socket(wish.fd)
    return Front(wish.ssl_certfile, wish.ssl_keyfile, root, proxies, behind_socket=behind_socket)


def _media_hosts(wish: ServerSection) -> tuple[str, ...]:
    """Where media listens: where the page does, unless that is a proxy's and callers come from elsewhere."""
    from ..server.hosts import is_address, is_loopback
    from ..transports.webrtc.network import ANY, LOOPBACK

    elsewhere = wish.uds is not None or wish.fd is not None or wish.public_address or wish.trusted_proxy
    if elsewhere or wish.self_signed:
        return ANY
    host = wish.host or "127.0.0.1"
    if is_loopback(host):
        return LOOPBACK
    return (host,) if is_address(host) and host not in ANY else ANY


def _app_options(
    wish: ServerSection, alone: bool, authorize: Any, relay: tuple[Sequence[str], bytes] | None
) -> dict[str, Any]:
    from ..server.access.turn import TurnService
    from ..server.guard import normal_origin
    from ..server.limits.caller import CallerLimits
    from ..server.wall_clock import unix_seconds

    try:
        origins = tuple(map(normal_origin, wish.allow_origin or ()))
    except ValueError as error:
        raise Fault(f"--allow-origin: {error}", code=Exit.USAGE) from None
    defaults = CallerLimits()
    limits = CallerLimits(
        calls=wish.calls_per_caller or defaults.calls,
        offers_per_minute=wish.offers_per_minute or defaults.offers_per_minute,
        call_duration=wish.call_duration or (None if alone else _FAR_DURATION_NS),
        idle=wish.idle or (None if alone else _FAR_IDLE_NS),
        tokens=wish.call_tokens,
        cost_usd=wish.call_cost or None,
    )
    from ..server.telephone import TelephoneAccounts

    turn = None
    if relay is not None:
        try:
            turn = TurnService(*relay, unix_seconds)
        except ValueError as error:
            raise Fault(f"--turn: {error}", code=Exit.USAGE) from None
    told = alone and authorize is None
    return {
        "authorize": authorize,
        "limits": limits,
        "max_pending": wish.max_pending,
        "report": wish.report or ("full" if told else "none"),
        "allow_origins": origins,
        "allow_hosts": tuple(wish.allow_host or ()),
        "ice_servers": [{"urls": url} for url in wish.ice_servers or ()],
        "turn": turn,
        "udp_port": wish.udp_port or 0,
        "media_hosts": _media_hosts(wish),
        "public_addresses": tuple(wish.public_address or ()),
        "ice": wish.ice or "lite",
        "shed_load": True,
        "tracing": tracing_of(os.environ),
        "telephone": TelephoneAccounts.from_environment(os.environ),
        "used_tickets": used_tickets_in(wish.used_tickets),
        "page": _page(wish),
    }


def _page(wish: ServerSection) -> bool | PageFolder:
    if wish.ui != "pipecat":
        return wish.ui != "none"
    from ..server.pipecat.ui import prebuilt_page

    try:
        return prebuilt_page()
    except LookupError as missing:
        raise Fault(f"--ui pipecat: {missing}", "pip install 'livegraph[pipecat-ui]'", Exit.CONFIG) from None
