"""What the model is told when it has not answered. It is context for it, and no part of the conversation."""

from __future__ import annotations

from .decisions import AskAgain

__all__ = ["prompt"]

_TAIL = 120
"""Characters of an answer that broke off by which the model knows where it was."""


def prompt(ask: AskAgain) -> str:
    """The text that asks again."""
    heard = ask.heard[-_TAIL:].strip()
    if ask.why == "text_only":
        return "[The caller did not hear what you wrote: only speech is heard. Say it aloud now.]"
    if ask.why in ("stalled", "unfinished", "lost") and heard:
        return f'[The caller heard your last answer only up to "{heard}". Go on from there.]'
    return "[The caller has had no answer to what was said last. Answer it now.]"
