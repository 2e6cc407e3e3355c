"""Which options the model or the endpoint will refuse, found before any call."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ....liveapi import ClientMessage, Setup, WireError, decode_client, encode_client
from ....liveapi.models import capabilities, model_id
from ....liveapi.setup_check import refusals
from ....pipeline.errors import Fix
from ....pipeline.processor import OptionFault
from ....pipeline.spelling import did_you_mean, sure
from ..dialogue.history import History
from .field_options import option_at
from .spellings import language_faults, model_faults

__all__ = ["history_faults", "option_faults", "read_history"]

_MOST_HISTORY_BYTES = 16 << 20
_SHOWN = 8
"""Voices that a message names."""


def option_faults(
    setup: Setup, extra: Mapping[str, Any], given: Mapping[str, Any], *, vertex: bool
) -> Iterator[OptionFault]:
    """What the model or the endpoint will refuse, by the option that asks for it."""
    try:
        whole = decode_client(encode_client(ClientMessage(setup=setup), extra=extra)).setup
    except WireError as error:
        yield OptionFault("extra", f"`extra` does not fit the setup message: {error}")
        return
    assert whole is not None
    for refusal in refusals(whole, vertex=vertex):
        option = option_at(refusal.path)
        if option not in given:
            option = "extra" if extra else "model"
        message = refusal.reason.rstrip(".")
        voices = sorted(capabilities(setup.model).voices or ()) if option == "voice" else []
        voice = str(given.get(option))
        if voices and voice not in voices:
            certain = sure(voice, voices)
            message = f"{model_id(setup.model)} has no voice `{voice}`"
            hint = did_you_mean(voice, voices, label="voices", limit=_SHOWN)
            yield OptionFault(option, message, hint, code="LG240", fix=Fix(certain) if certain else None)
        else:
            message = message[:1].lower() + message[1:]
            yield OptionFault(option, message, refusal.instead, code="LG240")
    yield from model_faults(setup.model)
    yield from language_faults(given)
    if "language" in given and not capabilities(setup.model).honours_language_code:
        yield OptionFault(
            "language",
            f"{setup.model} chooses its language itself and ignores `language`",
            "say it in the instructions",
            warning=True,
            code="LG240",
        )
    if given.get("instructions") and not capabilities(setup.model).answers:
        yield OptionFault(
            "instructions",
            f"{model_id(setup.model)} takes no instructions: it translates or transcribes and answers nobody",
            "leave `instructions` out",
            warning=True,
            code="LG240",
        )
    if given.get("activity") == "manual" and "vad" in given:
        yield OptionFault(
            "vad",
            "with `activity: manual` the service's detector is off, and `vad` has no effect",
            warning=True,
        )


def history_faults(given: Any) -> Iterator[OptionFault]:
    """Whether the option ``history`` can be used."""
    try:
        read_history(given)
    except (OSError, ValueError) as error:
        told = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        yield OptionFault("history", f"the history cannot be read: {told}")


def read_history(given: Any) -> History:
    """The conversation that the option ``history`` gives. Raises ``OSError`` or ``ValueError``."""
    if given is None:
        return History()
    if isinstance(given, Path):
        # A pipe would be waited for until somebody writes into it.
        if not stat.S_ISREG(given.stat().st_mode):
            raise ValueError(f"{given.name} is not a file")
        if given.stat().st_size > _MOST_HISTORY_BYTES:
            raise ValueError(f"{given.name} is larger than {_MOST_HISTORY_BYTES >> 20} MiB")
        return History.from_json_lines(given.read_text("utf-8"))
    return History.from_list(list(given))
