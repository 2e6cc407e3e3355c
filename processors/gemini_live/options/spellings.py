"""Names that a setup takes as they are written: models that nobody knows, and codes of languages that are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ....liveapi.languages import language_fault
from ....liveapi.models import capabilities, is_known, known_models, model_id
from ....pipeline.errors import Fix
from ....pipeline.processor import OptionFault
from ....pipeline.spelling import nearest
from .groups import Transcription, Translation

__all__ = ["language_faults", "model_faults"]


def model_faults(model: str) -> Iterator[OptionFault]:
    """A warning for a model that the table does not know: it may be new, or misspelt."""
    if model and not is_known(model):
        name, known = model_id(model), known_models()
        near = nearest(name, known)
        hint = f"did you mean `{near}`?" if near else f"known: {', '.join(known)}"
        family = capabilities(name).name
        follows = "so nothing is checked that depends on it"
        if family != "*":
            follows = f"and is taken for one like {family}"
        message = f"the model `{name}` is not known here, {follows}"
        yield OptionFault("model", message, hint, warning=True, code="LG240")


def language_faults(given: Mapping[str, Any]) -> Iterator[OptionFault]:
    """Options that take a code of BCP 47 and are given something else."""
    for path, code in _codes(given):
        fault = language_fault(code)
        if fault is not None:
            hint = (
                f"did you mean `{fault.meant}`?"
                if fault.meant
                else "a code such as `de`, `pt-BR` or `zh-Hant`"
            )
            fix = Fix(fault.meant) if fault.meant else None
            yield OptionFault(path, f"`{_dotted(path)}`: {fault}", hint, code="LG240", fix=fix)


def _codes(given: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if language := given.get("language"):
        yield ("language",), str(language)
    if isinstance(translation := given.get("translation"), Translation):
        yield ("translation", "target"), translation.target
    for option in ("input_transcription", "output_transcription", "audio_transcription"):
        if isinstance(transcription := given.get(option), Transcription):
            for index, code in enumerate(transcription.languages):
                yield (option, "languages", index), code


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
