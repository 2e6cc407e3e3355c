"""The agent goes on in another language: by the caller's words, by the model's function, or with a colleague."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from livegraph.pipeline import ConfigError, Graph, Out, Processor, ToolCallFrame, TranscriptFrame, run_virtual
from livegraph.pipeline.events import Event
from livegraph.processors.gemini_live.frames import ContextFrame, HandOverFrame
from livegraph.processors.language_switch import LanguageChanged, LanguageChoice, LanguageSwitch
from support.boxes import Keep


class Caller(Processor):
    """Says texts, and lets a model call the function."""

    kind = "source"
    transcript: Out[TranscriptFrame]
    calls: Out[ToolCallFrame]

    def __init__(self, *, said: list[str], asked: list[str]) -> None:
        self._said, self._asked = said, asked

    async def run(self) -> None:
        for text in self._said:
            self.transcript.emit(TranscriptFrame("user", text, final=True))
            await asyncio.sleep(1)
        for language in self._asked:
            self.calls.emit(ToolCallFrame(language, "speak", {"language": language}))
            await asyncio.sleep(1)


def run(said: list[str], asked: list[str], **options: Any) -> tuple[list[Any], list[Any], list[str], str]:
    """What the model is told, the results, the languages, and the note of each renewal at the end."""

    async def main() -> tuple[list[Any], list[Any], list[str], str]:
        graph = Graph()
        graph.add("caller", Caller, said=said, asked=asked)
        graph.add("languages", LanguageSwitch, tool="speak", **options)
        for name in ("told", "results"):
            graph.add(name, Keep)
        graph.connect("caller.transcript", "languages.transcript")
        graph.connect("caller.calls", "languages.calls")
        graph.connect("languages.context", "told")
        graph.connect("languages.results", "results")
        call = graph.plan().call()
        changed: list[str] = []
        call.events.subscribe(
            Event, lambda e: changed.append(e.language) if isinstance(e, LanguageChanged) else None
        )
        async with call:
            box = call.processor("languages", LanguageSwitch)
            await call.finished()
            kept = [call.processor(name, Keep).kept for name in ("told", "results")]
        return kept[0], kept[1], changed, box.calls.advertised.notes()

    return run_virtual(main())


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
    graph = Graph()
    graph.add("caller", Caller, said=[], asked=[])
    graph.add("languages", LanguageSwitch, languages=languages)
    graph.connect("caller.transcript", "languages.transcript")
    with pytest.raises(ConfigError):
        graph.plan()
