"""What a scenario changes about one connection, for as long as that lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Oddities"]


@dataclass(slots=True)
class Oddities:
    """The oddities of a connection; as made, it has none.

    Attributes:
        setup_after_ns: from ``setup`` to ``setupComplete``; None is as usual.
        chunk_bytes: sizes of the messages of sound, in turn, in bytes; empty is as usual.
        burst: send all sound that is ready at once.
        ids: of tool calls: the same for all, or none.
        interrupted_after_ns: how long the model goes on before it notices that it was interrupted.
        turn_complete, generation_complete, interrupted, usage: whether these are sent at all.
        unknown_fields: put fields into all messages that no client knows.
        pretty: write JSON with line breaks.
        separate_usage: send ``usageMetadata`` as a message of its own.
        words_ahead_ns: how far the output transcription runs ahead of the sound.
        output_words_after_ns: how much later than it would the output transcription comes; the last of it may be behind
            ``turnComplete``.
        input_words_after_ns: the same for the input transcription, which then comes behind the answer's beginning.
        sound_after_interrupted_ns: how much sound follows ``interrupted``, the first of it in the same message.
        pong_after_ns: how late pings are answered.
        repeat_calls: a call that waits while the model is interrupted is made again in its next turn, with a new id.
        calls_in_pieces: the arguments of function calls come in pieces, as Vertex AI streams them.
        ignores_stream_end: ``audioStreamEnd`` does nothing: what the user says ends by the silence behind it.
        paraphrases: what is to be said word for word is said in other words.
        forgets_prefill: of a session that is resumed, what was given as ``clientContent`` is gone.
        deaf_after_turn_ns: a short utterance that begins so soon after ``turnComplete`` is not noticed.
    """

    setup_after_ns: int | None = None
    chunk_bytes: tuple[int, ...] = ()
    burst: bool = False
    ids: Literal["usual", "duplicate", "missing"] = "usual"
    interrupted_after_ns: int = 0
    turn_complete: bool = True
    generation_complete: bool = True
    interrupted: bool = True
    usage: bool = True
    separate_usage: bool = False
    unknown_fields: bool = False
    pretty: bool = False
    words_ahead_ns: int = 0
    output_words_after_ns: int = 0
    input_words_after_ns: int = 0
    sound_after_interrupted_ns: int = 0
    pong_after_ns: int = 0
    repeat_calls: bool = False
    calls_in_pieces: bool = False
    ignores_stream_end: bool = False
    paraphrases: bool = False
    forgets_prefill: bool = False
    deaf_after_turn_ns: int = 0
