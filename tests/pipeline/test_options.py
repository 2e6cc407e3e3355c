"""A secret shows itself nowhere but to who asks for it outright."""

from __future__ import annotations

import copy
import json
import pickle
import traceback

import pytest

from livegraph.pipeline import Secret
from livegraph.pipeline.options import MISSING, option_specs


def test_a_secret_is_not_shown_by_accident() -> None:
    """repr, str, format, containers, tracebacks and loggers' % all see stars."""
    secret = Secret("hunter2")
    shown = [repr(secret), str(secret), f"{secret}", "%s %r" % (secret, secret), repr({"key": [secret]})]  # noqa: UP031
    try:
        raise ValueError(secret)
    except ValueError:
        shown.append(traceback.format_exc())
    assert all("hunter2" not in text for text in shown)
    assert secret.reveal() == "hunter2"


def test_a_secret_does_not_travel() -> None:
    """Neither pickled nor written as JSON."""
    for write in (pickle.dumps, json.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            write(Secret("hunter2"))


def test_secrets_are_compared_by_their_text() -> None:
    """And are empty or not."""
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("") and Secret("a")
    assert len({Secret("a"), Secret("a")}) == 1


def test_a_class_without_a_constructor_has_no_options() -> None:
    """Nothing is read from ``object``."""

    class Plain:
        pass

    assert option_specs(Plain) == {}
    assert repr(MISSING) == "<required>"
