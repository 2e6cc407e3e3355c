"""What nodes do before their call begins: what costs nothing, and would make the caller wait later."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from ..graph.declarations import NodeSpec

__all__ = ["Ahead", "GoesAhead"]


@runtime_checkable
class GoesAhead(Protocol):
    """A processor class that can do a part of its start before there is a caller to talk to."""

    @classmethod
    def begin_ahead(
        cls, options: Mapping[str, Any], resources: Mapping[type, Any]
    ) -> AbstractAsyncContextManager[object]:
        """Entered when the call is promised and left when it is over, begun or not.

        It must be free of charge, enter without waiting, and raise nothing: whoever finds nothing done ahead does it at
        the start. What it gives is what ``Ahead.of`` gives to the node.
        """
        ...


class Ahead:
    """What was done ahead for one call, by node; ``Call.ahead`` makes it, and nodes find it as a resource::

    async with call.ahead():      # from here on there are things to be had
        await somebody_comes()
        await call.run()
    """

    def __init__(self, nodes: Mapping[str, NodeSpec], resources: Mapping[type, Any]) -> None:
        self._nodes, self._resources = nodes, resources
        self._made: dict[str, object] = {}
        self._stack = AsyncExitStack()

    def of(self, node: str) -> object | None:
        """What the class of this node has begun; ``None`` where it made nothing."""
        return self._made.get(node)

    async def __aenter__(self) -> Self:
        try:
            for name, node in self._nodes.items():
                if isinstance(node.processor, GoesAhead):
                    entered = node.processor.begin_ahead(node.options, self._resources)
                    self._made[name] = await self._stack.enter_async_context(entered)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._made.clear()
        await self._stack.aclose()
