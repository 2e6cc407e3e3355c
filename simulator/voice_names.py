"""The names of the Live API's prebuilt voices, and how the simulator tells them apart by ear.

The names are those of the service (https://ai.google.dev/gemini-api/docs/speech-generation#voices). The
simulator has a single voice of its own, so each name is that voice with another pitch and pace; it does not
imitate the service's speakers.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DEFAULT_VOICE", "VOICE_NAMES", "Character", "character_of", "is_known_voice"]


class Character(NamedTuple):
    """How a named voice differs from the plain one."""

    pitch: float
    """Factor on the pitch: 0.8 is a deep voice, 1.0 the synthesiser's own."""
    pace: float
    """Factor on the speaking rate."""


DEFAULT_VOICE = "Puck"
"""The voice of a session that names none."""

_CHARACTERS = {
    "Zephyr": Character(1.10, 1.05),
    "Puck": Character(0.94, 1.05),
    "Charon": Character(0.82, 0.97),
    "Kore": Character(1.00, 1.00),
    "Fenrir": Character(0.86, 1.08),
    "Leda": Character(1.13, 1.04),
    "Orus": Character(0.84, 1.00),
    "Aoede": Character(1.05, 1.03),
    "Callirrhoe": Character(1.03, 0.96),
    "Autonoe": Character(1.08, 1.00),
    "Enceladus": Character(0.88, 0.94),
    "Iapetus": Character(0.90, 1.00),
    "Umbriel": Character(0.87, 0.96),
    "Algieba": Character(0.85, 0.98),
    "Despina": Character(1.04, 1.00),
    "Erinome": Character(1.06, 0.98),
    "Algenib": Character(0.80, 0.95),
    "Rasalgethi": Character(0.89, 1.03),
    "Laomedeia": Character(1.11, 1.08),
    "Achernar": Character(1.07, 0.94),
    "Alnilam": Character(0.83, 1.03),
    "Schedar": Character(0.91, 0.97),
    "Gacrux": Character(0.96, 0.95),
    "Pulcherrima": Character(1.02, 1.05),
    "Achird": Character(0.92, 1.03),
    "Zubenelgenubi": Character(0.88, 1.00),
    "Vindemiatrix": Character(0.98, 0.94),
    "Sadachbia": Character(0.93, 1.10),
    "Sadaltager": Character(0.86, 1.00),
    "Sulafat": Character(1.01, 0.98),
}

VOICE_NAMES = tuple(_CHARACTERS)
"""All 30 prebuilt voices; the service and the simulator both tell upper from lower case."""


def is_known_voice(name: str) -> bool:
    """Whether `name` is one of `VOICE_NAMES`, in exactly that case."""
    return name in _CHARACTERS


def character_of(name: str) -> Character:
    """The pitch and pace of a known voice.

    Raises:
        ValueError: there is no such voice.
    """
    try:
        return _CHARACTERS[name]
    except KeyError:
        raise ValueError(f"unknown voice {name!r}; known are {', '.join(VOICE_NAMES)}") from None
