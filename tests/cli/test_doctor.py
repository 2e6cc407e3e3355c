"""What is here and what is missing; the version; and that all verbs mean the same agent when none is named."""

import json

import pytest

from support.command import livegraph


def test_the_doctor_tells_what_is_here() -> None:
    """Each finding has a state; what is missing has a remedy; with nothing wrong it is no failure."""
    done = livegraph("doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    findings = {one["what"]: one for one in json.loads(done.stdout)["findings"]}
    assert findings["aiortc"]["state"] == "good"
    assert findings["the model"]["state"] == "missing"
    assert "GEMINI_API_KEY" in findings["the model"]["remedy"]
    secret = "planted-key-0123456789"
    with_key = livegraph("doctor", GEMINI_API_KEY=secret)
    assert secret not in with_key.stdout + with_key.stderr
    assert "Google's, by GEMINI_API_KEY" in with_key.stdout


def test_the_version() -> None:
    """As an option and as a verb."""
    done = livegraph("--version")
    assert (done.returncode, done.stdout) == (0, livegraph("version").stdout)


@pytest.mark.parametrize("verb", ["explain", "graph"])
def test_no_agent_is_the_default_one(verb: str) -> None:
    """As in ``livegraph run``."""
    assert livegraph(verb).stdout == livegraph(verb, "voice_agent").stdout != ""


def test_completion_for_shells() -> None:
    """The script for a shell completes verbs."""
    done = livegraph("--show-completion", "bash")
    assert "livegraph" in done.stdout
