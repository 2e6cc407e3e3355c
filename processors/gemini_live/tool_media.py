"""How pictures and files in a tool's result reach the model: in the response where it takes them, else as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...liveapi import Blob, FunctionResponse
from ...liveapi.content import FunctionResponsePart
from ...liveapi.models import ModelCapabilities
from ...pipeline.frames import Media

__all__ = ["as_parts", "as_pictures"]

_PICTURES = ("image/jpeg", "image/png", "image/webp")


def as_parts(
    given: list[FunctionResponse], media: Sequence[Media], can: ModelCapabilities
) -> list[FunctionResponse]:
    """The responses, the first of them with the media, where the model takes such."""
    if not given or not media or not can.tool_response_parts:
        return given
    parts = [FunctionResponsePart(inline_data=Blob(each.data, each.mime_type, each.name)) for each in media]
    return [msgspec.structs.replace(given[0], parts=parts), *given[1:]]


def as_pictures(media: Sequence[Media], can: ModelCapabilities) -> list[Media]:
    """What is to be shown as the camera's pictures are, because the response cannot carry it; of other files the model
    knows by the words in the response.
    """
    return [] if can.tool_response_parts else [each for each in media if each.mime_type in _PICTURES]
