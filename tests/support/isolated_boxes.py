"""Boxes of functions that run in processes."""

import os
from collections.abc import Iterator

import numpy as np

from livegraph.pipeline import AudioFrame, TextFrame, processor
from support import deeds

__all__ = ["echo_pid", "halve", "misbehave", "spell"]


@processor(isolation="process")
def echo_pid(text: TextFrame, *, mark: str = "") -> TextFrame:
    """The process that this runs in."""
    return TextFrame(f"{text.text}{mark} {os.getpid()}")


@processor(isolation="process")
def spell(text: TextFrame) -> Iterator[TextFrame]:
    """Letter by letter."""
    for letter in text.text:
        yield TextFrame(letter)


@processor(isolation="process")
def halve(audio: AudioFrame) -> AudioFrame:
    """Half as loud."""
    return AudioFrame((audio.samples // 2).astype(np.int16), audio.rate)


@processor(isolation="process", max_memory="100MB", timeout="1s")
def misbehave(text: TextFrame) -> TextFrame:
    """Do what the text says."""
    if text.text == "fine":
        return text
    getattr(deeds, text.text)()
    return text
