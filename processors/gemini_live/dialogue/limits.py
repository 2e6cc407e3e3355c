"""What is too long to be sent is cut before it is, and the model is told so. Pure."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["bounded_result"]


def bounded_result(body: dict[str, Any], most: int) -> tuple[dict[str, Any], int]:
    """A function's result that is at most about ``most`` characters of JSON long, and how long it was.

    One that is too long becomes its own beginning, as text, with a sentence for the model that it was cut.
    """
    text = json.dumps(body, ensure_ascii=False, default=str)
    if len(text) <= most:
        return body, len(text)
    output = body.get("output", body.get("error")) if len(body) == 1 else body
    shown = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, default=str)
    key = "error" if "error" in body and len(body) == 1 else "output"
    note = f"This result was cut: {len(shown)} characters are too many, these are the first {most}."
    return {key: shown[:most], "note": note}, len(text)
