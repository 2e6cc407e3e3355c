"""What is written down of a conversation when it is over."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ...pipeline import ProcessorError
from ...pipeline.files import make_folders, write_whole
from ...pipeline.running.context import CallContext
from .dialogue.history import History
from .dialogue.history_store import HistoryStore

__all__ = ["keep"]


async def keep(history: History, path: Path | None, node: str, call: CallContext) -> None:
    """Give ``history``, redacted, to the call's store if there is one, and write it to ``path``.

    Raises ``ProcessorError`` in the name of ``node`` when it cannot be written.
    """
    kept = History.from_list(call.redacted(history.to_list()))
    store = call.resource(HistoryStore)  # type: ignore[type-abstract]  # a Protocol is a key like any other
    if store is not None:
        await store.save(call.id, call.identity, kept)
    if path is None:
        return
    try:
        await asyncio.to_thread(make_folders, path)
        await asyncio.to_thread(write_whole, path, kept.to_json_lines())
    except OSError as error:
        raise ProcessorError(
            node, f"cannot write the history to {path}: {error.strerror} (option save_history)"
        ) from error
