"""What a provider is answered that asks what to do with a call: a page of XML that opens the stream. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from ...transports.telephone.started import Provider

__all__ = ["dial", "open_stream"]

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def open_stream(provider: Provider, url: str, parameters: Mapping[str, str]) -> str:
    """Connect the call to the stream at ``url`` (``wss://...``), which takes ``parameters`` along."""
    if provider == "plivo":
        pairs = ",".join(f"{name}={value}" for name, value in parameters.items())
        extra = f" extraHeaders={quoteattr(pairs)}" if pairs else ""
        return (
            f'{_HEAD}<Response><Stream bidirectional="true" keepCallAlive="true" '
            f'contentType="audio/x-mulaw;rate=8000"{extra}>{escape(url)}</Stream></Response>'
        )
    inside = "".join(
        f"<Parameter name={quoteattr(name)} value={quoteattr(value)} />" for name, value in parameters.items()
    )
    # Telnyx's own: what is sent back is sound, and not files of it.
    mode = ' bidirectionalMode="rtp"' if provider == "telnyx" else ""
    return (
        f"{_HEAD}<Response><Connect><Stream url={quoteattr(url)}{mode}>{inside}</Stream></Connect></Response>"
    )


def dial(provider: Provider, to: str) -> str:
    """Connect the call to a number, or to a SIP address."""
    address = "User" if provider == "plivo" else "Sip"
    kind = address if to.startswith(("sip:", "sips:")) else "Number"
    return f"{_HEAD}<Response><Dial><{kind}>{escape(to)}</{kind}></Dial></Response>"
