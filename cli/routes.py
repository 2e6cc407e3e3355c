"""Where an agent's Live API is: Google, Vertex AI, or the local simulator."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, Literal

import typer

from ..pipeline.errors import ServiceError
from ..pipeline.graph.declarations import NodeSpec
from ..pipeline.graph.graph import Graph
from ..pipeline.secrecy import bare_address
from .exits import Exit, Fault

__all__ = ["Live", "LiveOption", "Route", "settle"]


class Live(StrEnum):
    """What ``--live`` takes."""

    AUTO = "auto"
    LOCAL = "local"
    GOOGLE = "google"
    VERTEX = "vertex"


LiveOption = Annotated[
    Live,
    typer.Option(
        "--live",
        help="Where the model is. auto: Google when GEMINI_API_KEY or GOOGLE_API_KEY is set, else a local simulator.",
    ),
]

_KEY_NAMES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")


@dataclass(frozen=True, slots=True)
class Route:
    """An agent's graph with its model's place settled."""

    graph: Graph
    kind: Literal["none", "local", "server", "google", "vertex"]
    """``local`` is the simulator of this process, ``server`` one that the agent file names, ``none`` no model."""
    label: str
    """For people, as the page shows it."""
    detail: str = ""
    """What else the operator wants to know: whose key it is."""

    @property
    def remote(self) -> bool:
        """Whether it is reached over a socket, which takes part in no virtual time."""
        return self.kind in ("server", "google", "vertex")


def settle(graph: Graph, wish: Live, environ: Mapping[str, str] | None = None) -> Route:
    """Decide where the model of ``graph`` is. ``Fault`` when a key, a token or a project is missing."""
    from ..processors.gemini_live import GeminiLive

    environ = os.environ if environ is None else environ
    made = Graph(graph.name)
    made.edges += graph.edges
    route = Route(made, "none", "no model")
    for node in graph.nodes.values():
        if issubclass(node.processor, GeminiLive):
            node, route = _settle_node(node, wish, environ, made)
        made.insert(node)
    return route


def _settle_node(
    node: NodeSpec, wish: Live, environ: Mapping[str, str], graph: Graph
) -> tuple[NodeSpec, Route]:
    options = node.options
    asked = options.get("endpoint", "auto") if wish is Live.AUTO else wish.value
    own = "api_key" if options.get("api_key") else "token" if options.get("token") else ""
    if asked == "auto":
        asked = "google" if own or _key_in(environ) else "local"
    settled = replace(node, options={**options, "endpoint": asked})
    if asked == "local":
        url = options.get("url", "")
        if url:
            return settled, Route(graph, "server", f"server at {bare_address(url)}")
        return settled, Route(graph, "local", "local simulator", "no key needed")
    _check_credentials(settled.options, environ)
    if asked == "vertex":
        return settled, Route(graph, "vertex", "Vertex AI")
    detail = f"option {own} of {node.name}" if own else f"key from {_key_in(environ)}"
    return settled, Route(graph, "google", "Google", detail)


def _key_in(environ: Mapping[str, str]) -> str:
    return next((name for name in _KEY_NAMES if environ.get(name)), "")


def _check_credentials(options: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    from ..processors.gemini_live.endpoint import Access, LiveConnector, resolve

    names = ("endpoint", "url", "api_version", "api_key", "token", "project", "location")
    access = Access(**{name: options[name] for name in names if name in options})
    try:
        # Nothing is opened: only whether there is all that it takes.
        resolve(access, None, environ, lambda url, label: LiveConnector())
    except ServiceError as error:
        message = str(error).removesuffix(f". {error.remedy}") if error.remedy else str(error)
        raise Fault(message, error.remedy, Exit.CONFIG) from None
