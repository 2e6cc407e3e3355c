"""Frames that change what a Live model knows while it talks; they go to its input ``context``.

::

    Out[ContextFrame | UpdateFrame]        # of a box of yours, connected to live.context
    live.add_context("The caller has just paid.")      # or by the processor itself, from Python
"""

from __future__ import annotations

from ...pipeline.frames import Frame
from ..tools.catalog import FunctionSpec

__all__ = ["ContextFrame", "HandOverFrame", "UpdateFrame"]


class ContextFrame(Frame, frozen=True, eq=False):
    """Text for the model to know. It says nothing to it at once unless ``reply``."""

    text: str
    reply: bool = False


class UpdateFrame(Frame, frozen=True, eq=False):
    """Instructions or functions from now on; what is ``None`` stays as it was, no functions remove all."""

    instructions: str | None = None
    functions: tuple[FunctionSpec, ...] | None = None


class HandOverFrame(Frame, frozen=True, eq=False):
    """The colleague ``to`` takes over, or the call goes to the human of that name."""

    to: str
    reason: str = ""
    summary: str = ""
