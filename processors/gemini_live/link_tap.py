"""A seam for whoever wants to see what passes between the box and the service: a recorder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...liveapi.link import Link
from .endpoint import Endpoint, LiveConnector

__all__ = ["LinkTap", "tapped"]


class LinkTap:
    """Stands between the box and each of its connections. Give one to a call: ``resources={LinkTap: tap}``."""

    def wrap(self, link: Link) -> Link:
        """The link that is used instead of a fresh one."""
        return link


def tapped(endpoint: Endpoint, tap: LinkTap | None) -> Endpoint:
    """The same endpoint, with all its links through ``tap``."""
    return endpoint if tap is None else replace(endpoint, connector=_Tapped(endpoint.connector, tap))


class _Tapped(LiveConnector):
    def __init__(self, inner: LiveConnector, tap: LinkTap) -> None:
        self._inner, self._tap = inner, tap
        self.label = inner.label

    async def connect(self, path: str, headers: Mapping[str, str]) -> Link:
        """See ``LiveConnector.connect``."""
        return self._tap.wrap(await self._inner.connect(path, headers))
