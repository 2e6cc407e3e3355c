"""The agent goes on in another language: by the caller's words, by the model's function, or with a colleague."""

from __future__ import annotations

from typing import Any

import pytest

from livegraph.pipeline import ConfigError, ToolCallFrame, TranscriptFrame
from livegraph.processors.gemini_live.frames import ContextFrame, HandOverFrame
from livegraph.processors.language_switch import LanguageChanged, LanguageChoice, LanguageSwitch
from livegraph.testing import Wait, run_processor


def run(said: list[str], asked: list[str], **options: Any) -> tuple[list[Any], list[Any], list[str], str]:
    """What the model is told, the results, the languages, and the note of each renewal at the end."""
    given: list[Any] = []
    for text in said:
        given += [TranscriptFrame("user", text, final=True), Wait("1s")]
    for language in asked:
        given += [ToolCallFrame(language, "speak", {"language": language}), Wait("1s")]
    run = run_processor(LanguageSwitch, given, tool="speak", **options)
    changed = [event.language for event in run.of(LanguageChanged)]
    return run.frames("context"), run.frames("results"), changed, run.processor.calls.advertised.notes()


CHOICES = {"de": LanguageChoice(phrases=["auf deutsch"]), "pt-BR": LanguageChoice(to="bia"), "en": None}


def test_a_phrase_of_the_caller_switches_once_and_for_each_renewal() -> None:
    told, _, changed, note = run(["Hello.", "Bitte auf Deutsch!", "Ja, auf Deutsch."], [], languages=CHOICES)
    (frame,) = told
    assert isinstance(frame, ContextFrame) and "speak German" in frame.text and frame.reply
    assert changed == ["de"] and "speak German" in note


def test_the_models_function_switches_and_hands_over() -> None:
    told, results, changed, _ = run([], ["en", "pt-BR", "xx"], languages=CHOICES)
    assert "speak English" in results[0].result["output"]
    assert isinstance(told[0], HandOverFrame) and told[0].to == "bia" and "Portuguese (BR)" in told[0].reason
    assert results[2].failed and "de, pt-BR, en" in results[2].result["error"]
    assert changed == ["en", "pt-BR"]


@pytest.mark.parametrize("languages", [{}, {"tlh": None}, {"de": LanguageChoice(phrases=["(x"])}])
def test_what_makes_no_sense_is_told_before_a_call(languages: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        run_processor(LanguageSwitch, languages=languages)
