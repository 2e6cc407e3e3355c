"""What a setup takes as it is written is checked before a call: models, languages, what can do it instead."""

import pytest

from livegraph.language import check_text


def found(options: str) -> list[tuple[str, str, str]]:
    text = "version: 1\nagent:\n  live:\n" + "".join(f"    {line}\n" for line in options.splitlines())
    return [
        (one.severity, one.problem.message, one.problem.hint)
        for one in check_text(text, environ={}).diagnostics
    ]


def test_an_unknown_model_is_a_warning_with_the_nearest_known_one() -> None:
    [(severity, message, hint)] = found("model: models/gemini-3.8-lvie")
    assert (severity, hint) == ("warning", "did you mean `gemini-3.8-live`?")
    assert "gemini-3.8-lvie" in message


@pytest.mark.parametrize(
    "model",
    [
        "gemini-3.8-live",
        "models/gemini-3.8-live",
        "gemini-3.1-flash-live-preview",
        "gemini-3.1-flash-live-001",
    ],
)
def test_known_models_and_their_versions_are_no_fault(model: str) -> None:
    assert found(f"model: {model}") == []


@pytest.mark.parametrize(
    ("options", "instead"),
    [
        (
            "model: gemini-3.8-live\ntranslation: {target: de}",
            "translates: gemini-3.5-live-translate-preview",
        ),
        ("model: gemini-3.8-live\nthinking: {level: low}", "thinks: "),
        ("model: gemini-3.8-live\ncode_execution: true", "has code execution: gemini-2.5-flash-native-audio"),
        ("model: gemini-3.1-flash-live-preview\naffective_dialog: true", "has affective dialog: gemini-2.5"),
        ("model: gemini-2.0-flash-live-001", "served: gemini-"),
    ],
)
def test_what_a_model_cannot_do_is_told_with_those_that_can(options: str, instead: str) -> None:
    [(severity, _, hint)] = found(options)
    assert severity == "error"
    assert hint.startswith(instead)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ("model: gemini-3.5-live-translate-preview\ntranslation: {target: german}", "did you mean `de`?"),
        ("input_transcription: {languages: [de, en_US]}", "did you mean `en-US`?"),
    ],
)
def test_codes_of_languages_are_checked_wherever_they_stand(options: str, hint: str) -> None:
    assert [(severity, said) for severity, _, said in found(options)] == [("error", hint)]
