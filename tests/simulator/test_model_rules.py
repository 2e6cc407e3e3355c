"""The judge has its own word of what each model takes; client and judge agree, and where not, one of them is wrong."""

from __future__ import annotations

import ast
import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.liveapi import (
    Empty,
    FunctionDeclaration,
    GenerationConfig,
    GoogleSearch,
    ProactivityConfig,
    SafetySetting,
    SessionResumptionConfig,
    Setup,
    ThinkingConfig,
    Tool,
    TranslationConfig,
)
from livegraph.liveapi.models import known_models
from livegraph.liveapi.setup_check import refusals
from livegraph.simulator import model_rules
from livegraph.simulator.closings import Closing

MODELS = [*known_models(), "gemini-3.8-live-preview-07", "gemini-9-unknown"]
FLAGS = st.sampled_from([None, None, True, False])


def made(kind: Any, **fields: Any) -> st.SearchStrategy[Any]:
    """A message with such fields."""
    return st.fixed_dictionaries(fields).map(lambda given: kind(**given))


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly nothing, so that what one field does is not hidden by another."""
    return st.one_of(st.none(), st.none(), st.none(), values)


FUNCTIONS = made(
    FunctionDeclaration,
    name=st.sampled_from(["f", "look_up.v2", "", "9lives", "a b", "x" * 129]),
    behavior=st.sampled_from(["", "UNSPECIFIED", "BLOCKING", "NON_BLOCKING"]),
)
TOOLS = made(
    Tool,
    function_declarations=st.lists(FUNCTIONS, max_size=2),
    google_search=maybe(made(GoogleSearch)),
    code_execution=maybe(made(Empty)),
    url_context=maybe(made(Empty)),
)
THINKING = made(
    ThinkingConfig,
    thinking_budget=st.sampled_from([None, 0, 512]),
    thinking_level=st.sampled_from(["", "MINIMAL", "LOW", "HIGH", "XHIGH"]),
)
CONFIGS = made(
    GenerationConfig,
    response_modalities=st.sampled_from([[], ["AUDIO"], ["TEXT"], ["VIDEO"], ["AUDIO", "TEXT"]]),
    thinking_config=maybe(THINKING),
    enable_affective_dialog=FLAGS,
    translation_config=maybe(made(TranslationConfig, target_language_code=st.just("id"))),
    stop_sequences=st.sampled_from([[], [], [], ["end"]]),
)
SETUPS = made(
    Setup,
    model=st.sampled_from(MODELS),
    generation_config=maybe(CONFIGS),
    tools=st.lists(TOOLS, max_size=1),
    proactivity=maybe(made(ProactivityConfig, proactive_audio=FLAGS, proactive_video=FLAGS)),
    session_resumption=maybe(made(SessionResumptionConfig, transparent=FLAGS)),
    explicit_vad_signal=FLAGS,
    safety_settings=st.lists(made(SafetySetting, method=st.sampled_from(["", "SEVERITY"])), max_size=1),
)


def objection(setup: Setup, *, vertex: bool) -> str:
    """What the judge has against it."""
    try:
        model_rules.check_for_model(setup, vertex=vertex, strict=True)
    except Closing as closing:
        return closing.reason
    return ""


@given(SETUPS, st.booleans())
def test_client_and_judge_agree(setup: Setup, vertex: bool) -> None:
    """Whatever is asked for: what the client lets through is taken, and what it refuses would have been."""
    believed = [refusal.reason for refusal in refusals(setup, vertex=vertex)]
    assert bool(believed) == bool(objection(setup, vertex=vertex)), (believed, setup)


def test_the_judge_does_not_ask_the_client() -> None:
    """It imports neither the table nor the check that the client goes by."""
    tree = ast.parse(inspect.getsource(model_rules))
    named = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not modules & {"liveapi.models", "liveapi.setup_check"}
    assert not named & {"capabilities", "refusals", "ModelCapabilities"}


@pytest.mark.parametrize("strict", [True, False])
def test_what_no_model_can_do_even_a_lenient_judge_refuses(strict: bool) -> None:
    config = GenerationConfig(response_modalities=["AUDIO", "TEXT"])
    with pytest.raises(Closing, match="response modalities"):
        model_rules.check_for_model(
            Setup(model="models/any", generation_config=config), vertex=False, strict=strict
        )
