"""Boxes with the ports and some of the options of those that a voice agent is made of; they do nothing.

For tests of the YAML: what matters there is what a class declares.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from livegraph.pipeline.frames import (
    AudioFrame,
    Frame,
    SpeechEndFrame,
    SpeechStartFrame,
    TextFrame,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
    TranscriptFrame,
    UsageFrame,
)
from livegraph.pipeline.graph import registry
from livegraph.pipeline.options import Doc, Duration, Hertz, ModuleRef, PerCall, Range, Secret
from livegraph.pipeline.ports import FromOption, In, Out
from livegraph.pipeline.processor import Processor
from livegraph.pipeline.units import MS, SECOND

__all__ = ["registered"]


class Microphone(Processor):
    kind = "source"
    ages = True
    audio: Out[AudioFrame]
    text: Out[TextFrame]


class Loudspeaker(Processor):
    kind = "sink"
    audio: In[AudioFrame] = In()

    def on_audio(self, frame: AudioFrame) -> None:
        pass


class Resample(Processor):
    audio: In[AudioFrame] = In()
    out: Out[AudioFrame] = Out(rate=FromOption("rate"), like="audio")

    def __init__(self, *, rate: Annotated[Hertz | None, Range(8_000, 48_000)] = None) -> None:
        self.rate = rate

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        return frame


class Gate(Processor):
    audio: In[AudioFrame] = In(rate=16_000, channels=1)
    out: Out[AudioFrame] = Out(like="audio")
    speech: Out[SpeechStartFrame | SpeechEndFrame]

    def __init__(
        self,
        *,
        threshold: Annotated[float, Range(0, 1), Doc("speech probability")] = 0.5,
        pre_roll: Annotated[Duration, Range(0, 2 * SECOND)] = 300 * MS,
        report: bool = False,
    ) -> None:
        pass

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        return frame


class Live(Processor):
    audio: In[AudioFrame] = In(rate=16_000, channels=1)
    text: In[TextFrame] = In(required=False)
    speech: In[SpeechStartFrame | SpeechEndFrame] = In(required=False)
    tool_results: In[ToolResultFrame] = In(required=False, feedback=True)
    out: Out[AudioFrame] = Out(rate=24_000, channels=1)
    tool_calls: Out[ToolCallFrame | ToolCancelFrame]
    transcript: Out[TranscriptFrame]
    usage: Out[UsageFrame]

    def __init__(
        self,
        *,
        instructions: Annotated[str, PerCall()] = "",
        greeting: Annotated[str | None, PerCall()] = None,
        voice: Literal["Kore", "Puck"] = "Kore",
        model: str = "",
        temperature: Annotated[float, Range(0, 2)] = 1.0,
        seed: int | None = None,
        api_key: Secret | None = None,
    ) -> None:
        pass

    async def on_audio(self, frame: AudioFrame) -> None:
        pass

    async def on_text(self, frame: TextFrame) -> None:
        pass

    async def on_speech(self, frame: Frame) -> None:
        pass

    async def on_tool_results(self, frame: ToolResultFrame) -> None:
        pass


class Router(Processor):
    calls: In[ToolCallFrame | ToolCancelFrame] = In()
    results: Out[ToolResultFrame]

    def __init__(
        self,
        *,
        tools: Annotated[list[ModuleRef], Doc("files with functions")],
        timeout: Duration = 10 * SECOND,
    ) -> None:
        pass

    async def on_calls(self, frame: Frame) -> None:
        pass


class Log(Processor):
    transcript: In[TranscriptFrame] = In()

    def on_transcript(self, frame: TranscriptFrame) -> None:
        pass


class Stereo(Processor):
    """Two outputs of the same class."""

    audio: In[AudioFrame] = In()
    left: Out[AudioFrame]
    right: Out[AudioFrame]

    def on_audio(self, frame: AudioFrame) -> None:
        pass


class Mixer(Processor):
    """Two inputs of the same class."""

    left: In[AudioFrame] = In()
    right: In[AudioFrame] = In()
    out: Out[AudioFrame]

    def on_left(self, frame: AudioFrame) -> None:
        pass

    def on_right(self, frame: AudioFrame) -> None:
        pass


class Tap(Processor):
    """Takes anything, if anybody gives it."""

    frames: In[Frame] = In(required=False)

    def on_frames(self, frame: Frame) -> None:
        pass


_BOXES: dict[str, type[Processor]] = {
    "webrtc_in": Microphone,
    "webrtc_out": Loudspeaker,
    "resampler": Resample,
    "vad_gate": Gate,
    "gemini_live": Live,
    "tool_router": Router,
    "transcript_log": Log,
    "stereo": Stereo,
    "mixer": Mixer,
    "tap": Tap,
}


@contextmanager
def registered() -> Iterator[None]:
    """The boxes under the names of the real ones."""
    for name, box in _BOXES.items():
        registry.register(name, box)
    try:
        yield
    finally:
        for name in _BOXES:
            registry.unregister(name)
