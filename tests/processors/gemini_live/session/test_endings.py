"""Where a session connects, and what the ends of its connections mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from livegraph.liveapi.link import LinkClosed
from livegraph.pipeline import Secret, ServiceError
from livegraph.processors.gemini_live import LiveConnector
from livegraph.processors.gemini_live.endpoint import Access, Endpoint, resolve
from livegraph.processors.gemini_live.options.field_options import option_at
from livegraph.processors.gemini_live.session.closing import Then, judge

GOOGLE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


class Opened(LiveConnector):
    def __init__(self, url: str, label: str) -> None:
        self.url, self.label = url, label


def endpoint(
    given: LiveConnector | None = None, environ: Mapping[str, str] | None = None, **access: Any
) -> Endpoint:
    return resolve(Access(**access), given, environ or {}, Opened)


def url(found: Endpoint) -> str:
    assert isinstance(found.connector, Opened)
    return found.connector.url + found.path


def test_auto_is_google_with_a_key_and_local_without() -> None:
    """The key may come from the environment, under either name; it is read when it is needed."""
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        found = endpoint(environ={name: "k"})
        assert (found.kind, url(found)) == ("google", f"wss://generativelanguage.googleapis.com{GOOGLE}")
        assert found.headers == {"x-goog-api-key": "k"}
    found = endpoint()
    assert (found.kind, url(found), found.headers) == ("local", f"ws://127.0.0.1:9090{GOOGLE}", {})
    assert endpoint(environ={"GEMINI_API_KEY": ""}).kind == "local"


def test_a_connector_of_the_call_comes_before_any_key() -> None:
    """And the environment's key does not go there."""
    mine = Opened("", "mine")
    for kind in ("auto", "local"):
        found = endpoint(mine, {"GEMINI_API_KEY": "k"}, endpoint=kind)
        assert (found.kind, found.connector, found.headers) == ("local", mine, {})
    assert endpoint(mine, {"GEMINI_API_KEY": "k"}, endpoint="google").kind == "google"
    assert endpoint(mine, api_key=Secret("given")).headers == {"x-goog-api-key": "given"}


def test_versions_urls_and_model_names() -> None:
    """Each endpoint has its own."""
    google = endpoint(environ={"GEMINI_API_KEY": "k"}, api_version="v1alpha", url="wss://proxy.example/x")
    assert url(google) == f"wss://proxy.example/x{GOOGLE.replace('v1beta', 'v1alpha')}"
    assert (
        google.model("gemini-3.8-live") == google.model("models/gemini-3.8-live") == "models/gemini-3.8-live"
    )
    vertex = endpoint(endpoint="vertex", token=Secret("t"), project="p", location="europe-west4")
    path = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
    assert url(vertex) == f"wss://europe-west4-aiplatform.googleapis.com{path}"
    assert vertex.headers == {"Authorization": "Bearer t"}
    assert vertex.model("m") == "projects/p/locations/europe-west4/publishers/google/models/m"
    full = "projects/q/locations/us/publishers/google/models/m"
    assert vertex.model(full) == full
    hosts = {"global": "aiplatform.googleapis.com", "eu": "aiplatform.eu.rep.googleapis.com"}
    for location, host in hosts.items():
        found = endpoint(endpoint="vertex", environ={"GOOGLE_CLOUD_LOCATION": location}, api_key=Secret("k"))
        assert url(found) == f"wss://{host}{path}" and found.model("m") == "publishers/google/models/m"


def test_ephemeral_tokens_go_to_their_own_method() -> None:
    """With their own header, and before a key of the environment."""
    found = endpoint(token=Secret("auth_tokens/abc"), environ={"GEMINI_API_KEY": "k"})
    assert (found.kind, found.credential) == ("google", "token")
    assert url(found).endswith("BidiGenerateContentConstrained")
    assert found.headers == {"Authorization": "Token auth_tokens/abc"}


@pytest.mark.parametrize(
    ("access", "named"),
    [
        ({"endpoint": "google"}, "api_key"),
        ({"endpoint": "google", "token": Secret("ya29.x")}, "token"),
        ({"endpoint": "vertex"}, "token"),
        ({"endpoint": "vertex", "token": Secret("t")}, "project"),
    ],
)
def test_missing_credentials_are_named(access: dict[str, Any], named: str) -> None:
    """With what to do about it."""
    with pytest.raises(ServiceError, match=f"option {named}") as failed:
        endpoint(**access)
    assert failed.value.remedy


def test_no_secret_is_shown() -> None:
    """Neither in the representation of an endpoint nor in what a server repeats."""
    found = endpoint(api_key=Secret("very-secret"), endpoint="google")
    assert "very-secret" not in repr(found)
    assert found.redact("bad key very-secret!") == "bad key ***!"
    vertex = endpoint(endpoint="vertex", token=Secret("tok-en"), project="p")
    assert vertex.redact("Bearer tok-en") == "Bearer ***"


@pytest.mark.parametrize(
    ("code", "reason", "then"),
    [
        (1000, "", Then.RESUME),
        (1001, "", Then.RESUME),
        (1006, "", Then.RESUME),
        (1011, "Internal error encountered.", Then.RESUME),
        (1011, "The service is currently unavailable.", Then.RESUME),
        (1011, "Deadline expired before operation could complete.", Then.RESUME),
        (1011, "You exceeded your current quota, please check your plan and billing details.", Then.RESUME),
        (1011, "keepalive ping timeout", Then.RESUME),
        (1011, "API key not valid", Then.RESUME),
        (1001, "the voice server restarts", Then.RESUME),
        (1008, "The operation was aborted.", Then.RESUME),
        (1008, "Operation is not implemented, or supported, or enabled.", Then.RESUME),
        (1007, "Invalid session handle", Then.AFRESH),
        (1008, "BidiGenerateContent session not found", Then.AFRESH),
        (1008, "Requested entity was not found.", Then.AFRESH),
        (1007, "Request contains an invalid argument.", Then.GIVE_UP),
        (1007, "API key expired. Please renew the API key.", Then.GIVE_UP),
        (1007, "setup must be the first message and only the first", Then.GIVE_UP),
        (
            1007,
            "The requested combination of response modalities (TEXT) is not supported by the model.",
            Then.GIVE_UP,
        ),
        (1008, "Your project has been denied access.", Then.GIVE_UP),
        (1008, "something new", Then.GIVE_UP),
        (1009, "message too big", Then.RESUME),
        (4000, "something of a proxy", Then.RESUME),
        (4999, "", Then.RESUME),
        (3000, "reason", Then.RESUME),
        (1002, "", Then.RESUME),
        (1003, "cannot accept", Then.RESUME),
        (1005, "", Then.RESUME),
        (1012, "service restart", Then.RESUME),
        (1013, "try again later", Then.RESUME),
        (1014, "bad gateway", Then.RESUME),
        (1015, "", Then.RESUME),
        (1008, "", Then.GIVE_UP),
    ],
)
def test_what_the_end_of_a_connection_means(code: int, reason: str, then: Then) -> None:
    """By code, and by reason where the code says too little."""
    judged = judge(LinkClosed(code, reason), opening=False, where="the server")
    assert judged.then is then
    assert judged.error.code == code and judged.error.retryable is (then is Then.RESUME)
    assert reason in str(judged.error) or code == 1006


def test_1007_while_a_handle_is_used_is_about_the_handle() -> None:
    """Whatever it says; but a key that is no good stays no good."""

    def judged(reason: str, **more: Any) -> Then:
        return judge(LinkClosed(1007, reason), opening=True, where="it", **more).then

    assert judged("Request contains an invalid argument.", resuming=True) is Then.AFRESH
    assert judged("Request contains an invalid argument.") is Then.GIVE_UP
    assert judged("API key not valid. Please pass a valid API key.", resuming=True) is Then.GIVE_UP


def test_a_first_1007_in_a_running_call_is_worth_a_fresh_session() -> None:
    """Once."""
    closed = LinkClosed(1007, "Request contains an invalid argument.")
    assert judge(closed, opening=False, where="it", first=True).then is Then.AFRESH
    assert judge(closed, opening=False, where="it", first=False).then is Then.GIVE_UP


@pytest.mark.parametrize("reason", ["", "something new", "policy \x00 violated", "\ufffd\ufffd"])
def test_a_first_1008_that_says_nothing_is_worth_a_fresh_session(reason: str) -> None:
    """Once; while resuming it is about the handle; and what it says of a key stays true."""
    closed = LinkClosed(1008, reason)
    assert judge(closed, opening=False, where="it", first=True).then is Then.AFRESH
    assert judge(closed, opening=False, where="it").then is Then.GIVE_UP
    assert judge(closed, opening=True, where="it", resuming=True).then is Then.AFRESH
    assert judge(closed, opening=True, where="it").then is Then.GIVE_UP
    denied = LinkClosed(1008, "Your project has been denied access.")
    assert judge(denied, opening=False, where="it", first=True).then is Then.GIVE_UP


@pytest.mark.parametrize("code", [1002, 1003])
def test_what_speaks_another_protocol_is_not_asked_again(code: int) -> None:
    """While the session opens; the remedy is where to look."""
    judged = judge(LinkClosed(code), opening=True, where="it")
    assert judged.then is Then.GIVE_UP and "option url" in str(judged.error)
    assert "context" not in judged.error.remedy


def test_a_message_that_is_too_big_has_a_remedy_of_its_own() -> None:
    assert "max_result_characters" in judge(LinkClosed(1009), opening=False, where="it").error.remedy


@pytest.mark.parametrize(
    ("status", "then", "option"),
    [
        (401, Then.GIVE_UP, "token"),
        (403, Then.GIVE_UP, "token"),
        (404, Then.GIVE_UP, "url"),
        (429, Then.RESUME, ""),
        (500, Then.RESUME, ""),
        (503, Then.RESUME, ""),
    ],
)
def test_what_a_refused_upgrade_means(status: int, then: Then, option: str) -> None:
    """The option that holds the credential is the endpoint's."""
    judged = judge(
        ServiceError(f"HTTP {status}", code=status), opening=True, where="Vertex AI", credential="token"
    )
    assert judged.then is then and judged.error.code == status
    assert f"option {option}" in str(judged.error) if option else "option" not in str(judged.error)


def test_fields_lead_to_options() -> None:
    """Longer paths lead to the option that holds them; unknown ones to extra."""
    assert (
        option_at("setup.generation_config.speech_config.voice_config.prebuilt_voice_config.voice_name")
        == "voice"
    )
    assert option_at("setup.realtime_input_config.automatic_activity_detection.disabled") == "activity"
    assert option_at("setup.realtime_input_config.automatic_activity_detection.prefix_padding_ms") == "vad"
    assert option_at("setup.tools[1].url_context") == "url_context"
    assert option_at("setup.tools[2].google_maps") == "more_tools"
    assert option_at("setup.safety_settings[0].method") == "safety"
    assert option_at("setup.generation_config.new") == option_at("setup") == "extra"
    assert option_at("setup.tools[0].function_declarations[3].name") == ""
