"""Which microphones and loudspeakers there are, by PortAudio (the package ``sounddevice``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..exits import Exit, Fault

__all__ = ["Device", "choose", "devices", "portaudio"]

Way = Literal["input", "output"]


@dataclass(frozen=True, slots=True)
class Device:
    """One device, with its number and how many channels it has each way."""

    number: int
    name: str
    inputs: int
    outputs: int
    default_input: bool
    default_output: bool

    def channels(self, way: Way) -> int:
        """How many it has that way."""
        return self.inputs if way == "input" else self.outputs

    def is_default(self, way: Way) -> bool:
        """Whether it is used where none is named."""
        return self.default_input if way == "input" else self.default_output


def portaudio() -> Any:
    """The module ``sounddevice``. ``Fault`` where it, or PortAudio itself, is not installed."""
    try:
        import sounddevice
    except ImportError:
        raise Fault(
            "livegraph talk needs the package sounddevice", "pip install 'livegraph[console]'", Exit.CONFIG
        ) from None
    except OSError:
        raise Fault(
            "livegraph talk needs PortAudio, and it is not installed",
            "Debian: apt-get install libportaudio2; macOS and Windows have it within the package sounddevice",
            Exit.CONFIG,
        ) from None
    return sounddevice


def devices(module: Any) -> list[Device]:
    """All that PortAudio finds. ``Fault`` when it cannot look."""
    try:
        found = list(module.query_devices())
        default_input, default_output = module.default.device
    except module.PortAudioError as error:
        raise Fault(f"PortAudio cannot look for devices: {error}") from None
    return [
        Device(
            number,
            str(each["name"]),
            int(each["max_input_channels"]),
            int(each["max_output_channels"]),
            number == default_input,
            number == default_output,
        )
        for number, each in enumerate(found)
    ]


def choose(found: list[Device], way: Way, wish: str) -> Device:
    """The device whose number or name, or a part of its name, is ``wish``; the default one without a wish.

    ``Fault`` when there is none, or more than one.
    """
    what, option = ("microphone", "--input") if way == "input" else ("loudspeaker", "--output")
    able = [each for each in found if each.channels(way)]
    wish = wish.strip()
    if not able:
        raise Fault(
            f"this machine has no {what}",
            "livegraph chat AGENT talks by keyboard, livegraph run AGENT in a browser",
        )
    if not wish:
        return next((each for each in able if each.is_default(way)), able[0])
    part = wish.casefold()
    like = (
        [each for each in able if wish == str(each.number)]
        or [each for each in able if part == each.name.strip().casefold()]
        or [each for each in able if part in each.name.casefold()]
    )
    if len(like) == 1:
        return like[0]
    names = ", ".join(f"{each.number} {each.name}" for each in like or able)
    many = "could be any of" if like else "is none of"
    raise Fault(f"{option}: {wish!r} {many}: {names}", "livegraph talk --list-devices shows them", Exit.USAGE)
