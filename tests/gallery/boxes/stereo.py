"""Boxes with two channels, two outputs, two inputs: what the gallery's graphs go wrong with."""

from livegraph.pipeline import AudioFrame, In, Out, Processor


class Split(Processor):
    """One sound in, two out."""

    audio: In[AudioFrame]
    left: Out[AudioFrame]
    right: Out[AudioFrame]

    def on_audio(self, frame: AudioFrame) -> None:
        """Nothing is ever sent here."""


class Mixer(Processor):
    """Two sounds in, one out."""

    voice: In[AudioFrame]
    music: In[AudioFrame]
    out: Out[AudioFrame]

    def on_voice(self, frame: AudioFrame) -> None:
        """Nothing is ever sent here."""

    def on_music(self, frame: AudioFrame) -> None:
        """Nothing is ever sent here."""


class Meter(Processor):
    """Wants two channels."""

    audio: In[AudioFrame] = In(rate=48_000, channels=2)

    def on_audio(self, frame: AudioFrame) -> None:
        """Nothing is ever sent here."""


class Helper:
    """Not a processor."""
