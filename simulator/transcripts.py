"""The transcript of an utterance with what was asked for: words with their times, languages, speakers."""

from __future__ import annotations

import re

from ..liveapi import AudioTranscriptionConfig, Transcription, WordInfo, format_duration

__all__ = ["transcriptions"]

_MILLISECOND = 1_000_000
_WORD = re.compile(r"\s*\S+")


def transcriptions(
    text: str, config: AudioTranscriptionConfig, *, start_ns: int, end_ns: int, in_words: bool
) -> list[Transcription]:
    """What to send for an utterance that was heard from `start_ns` to `end_ns` of the session's audio.

    The simulator's ears tell no times: words get as much of the utterance as they have letters.

    Args:
        in_words: send a message for each word, as 2.x models do.
    """
    language = config.language_codes[0] if config.language_codes else ""
    speaker = "spk_1" if config.diarization else ""
    if not config.word_timestamp:
        pieces = [match.group() for match in _WORD.finditer(text)] if in_words else [text]
        return [Transcription(text=piece, language_code=language, speaker_label=speaker) for piece in pieces]
    words = [
        WordInfo(match.group().strip(), _offset(first, start_ns, end_ns), _offset(last, start_ns, end_ns))
        for match in _WORD.finditer(text)
        for first, last in [(match.start() / len(text), match.end() / len(text))]
    ]
    return [
        Transcription(
            text=text,
            finished=True,
            language_code=language,
            speaker_label=speaker,
            words=words,
            start_offset=_offset(0, start_ns, end_ns),
            end_offset=_offset(1, start_ns, end_ns),
        )
    ]


def _offset(part: float, start_ns: int, end_ns: int) -> str:
    at_ns = round(start_ns + part * (end_ns - start_ns))
    return format_duration(at_ns // _MILLISECOND * _MILLISECOND)
