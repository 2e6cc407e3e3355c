"""Keys and ephemeral tokens: who may come in, by which api, and with which setup."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.liveapi import Content, SessionResumptionConfig, Setup, decode_client
from livegraph.simulator.authentication import Authenticator
from livegraph.simulator.behaviour import SECOND, Ids
from livegraph.simulator.closings import Closing
from livegraph.simulator.server import DEFAULT_PATH, Simulator
from livegraph.simulator.tokens import TokenError, Tokens
from support.live import calling, virtually

CONSTRAINED = DEFAULT_PATH + "Constrained"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp()
BAD_KEY = (1007, "API key not valid. Please pass a valid API key.")
UNREGISTERED = (1008, "Method doesn't allow unregistered callers")


@pytest.mark.parametrize(
    ("path", "headers", "credential", "refusal"),
    [
        (f"{DEFAULT_PATH}?key=good", {}, "key in the query", None),
        (DEFAULT_PATH, {"X-Goog-Api-Key": "good"}, "key in a header", None),
        (DEFAULT_PATH, {"Authorization": "Bearer good"}, "bearer", None),
        (f"{DEFAULT_PATH}?key=bad", {}, "key in the query", BAD_KEY),
        (DEFAULT_PATH, {"x-goog-api-key": "bad"}, "key in a header", BAD_KEY),
        (f"{DEFAULT_PATH}?key=bad", {"x-goog-api-key": "good"}, "key in a header", None),
        (DEFAULT_PATH, {"authorization": "Bearer bad"}, "bearer", UNREGISTERED),
        (DEFAULT_PATH, {}, "none", UNREGISTERED),
        (CONSTRAINED, {"authorization": "Token TOKEN"}, "token in a header", None),
        (CONSTRAINED, {"x-goog-api-key": "TOKEN"}, "token in a header", None),
        (f"{CONSTRAINED}?access_token=TOKEN", {}, "token in the query", None),
        (f"{DEFAULT_PATH}?access_token=TOKEN", {}, "token in the query", UNREGISTERED),
        (
            CONSTRAINED,
            {"authorization": "Token auth_tokens/x"},
            "token in a header",
            (1007, "Token is not valid."),
        ),
    ],
)
def test_who_may_come_in(
    path: str, headers: dict[str, str], credential: str, refusal: tuple[int, str] | None
) -> None:
    """From the query or from headers, in the service's words when not."""
    tokens = Tokens(Ids())
    token = tokens.create(b"{}", now_ns=0, wall_s=NOW)
    access = Authenticator(["good"], tokens)
    path = path.replace("TOKEN", token)
    headers = {name: value.replace("TOKEN", token) for name, value in headers.items()}
    admission = access.admit(path, headers)
    assert admission.credential == credential and "good" not in repr(admission)
    if refusal is None:
        assert admission.refusal is None
    else:
        assert admission.refusal and admission.refusal.code == refusal[0]
        assert admission.refusal.reason.startswith(refusal[1])
    # Without a list of keys everybody may come in, except by a token in the wrong place.
    assert (Authenticator(None, tokens).admit(path, headers).refusal is None) is (
        credential != "token in the query" or ("Constrained" in path)
    )


def test_a_refusal_comes_after_setup() -> None:
    """As on the service: the connection opens, and closes with a code."""

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(headers={"x-goog-api-key": "bad"})) as caller:
            await asyncio.sleep(1)
            assert caller.closed is None
            await caller.link.send(json.dumps({"setup": {"model": "models/gemini-3.8-live"}}))
            closed = await caller.until_closed()
            assert (closed.code, closed.reason) == BAD_KEY
        async with calling(simulator.open(headers={"x-goog-api-key": "good"})) as caller:
            await caller.open(Setup(model="models/gemini-3.8-live"))

    virtually(test, keys=["good"])


def begin(request: dict[str, Any], setup: Setup, *times_s: float) -> list[Setup]:
    """The setups that count for sessions begun with a token at these times after it was made."""
    tokens = Tokens(Ids())
    token = tokens.find(tokens.create(json.dumps(request).encode(), now_ns=0, wall_s=NOW))
    assert token is not None
    return [token.begin(setup, round(at_s * SECOND)) for at_s in times_s]


ASKED = Setup(model="models/a", system_instruction=Content.of_text("asked"))


class TestTokens:
    """live-api.md 11."""

    @pytest.mark.parametrize(
        ("request_", "good", "bad", "reason"),
        [
            ({}, [59], 60, "has expired for new sessions"),
            ({}, [0], 1, "has been used too many times"),
            ({"uses": 3}, [0, 1, 2], 3, "has been used too many times"),
            ({"uses": 0}, list(range(50)), 60, "has expired for new sessions"),
            ({"newSessionExpireTime": "2026-11-01T12:10:00Z"}, [599], 600, "has expired for new sessions"),
            ({"new_session_expire_time": "2026-11-01T12:10:00Z"}, [599], 600, "has expired for new sessions"),
            (
                {"uses": 5, "expireTime": "2026-11-01T12:00:10+00:00"},
                [9],
                10,
                "has expired",
            ),
        ],
    )
    def test_a_token_is_good_for_a_while(
        self, request_: dict[str, Any], good: list[float], bad: float, reason: str
    ) -> None:
        """For one session within a minute, unless it was asked for more."""
        assert begin(request_, ASKED, *good) == [ASKED] * len(good)
        with pytest.raises(Closing) as closing:
            begin(request_, ASKED, *good, bad)
        assert (closing.value.code, closing.value.reason) == (1007, f"Token {reason}.")

    def test_resuming_does_not_use_a_token_up(self) -> None:
        """Until it expires altogether, after half an hour."""
        resuming = Setup(model="models/a", session_resumption=SessionResumptionConfig("handle"))
        assert begin({"uses": 1}, resuming, 0, 100, 1_000, 1_799) == [resuming] * 4
        with pytest.raises(Closing, match="has expired"):
            begin({"uses": 1}, resuming, 1_800)

    @pytest.mark.parametrize("mask_name", ["fieldMask", "field_mask"])
    @pytest.mark.parametrize(
        ("mask", "expected"),
        [
            (None, {"model": "models/b", "generationConfig": {"temperature": 0.5, "topP": 0.9}}),
            (
                "model",
                {"model": "models/b", "generationConfig": {"temperature": 1.0}, "systemInstruction": "asked"},
            ),
            (
                "generationConfig.temperature",
                {"model": "models/a", "generationConfig": {"temperature": 0.5}, "systemInstruction": "asked"},
            ),
            (
                "generation_config.top_p,system_instruction",
                {"model": "models/a", "generationConfig": {"temperature": 1.0, "topP": 0.9}},
            ),
        ],
    )
    def test_a_token_locks_its_setup_or_some_fields_of_it(
        self, mask: str | None, expected: dict[str, Any], mask_name: str
    ) -> None:
        """In both casings; a locked field that the token does not set is not set."""
        locked = {"model": "models/b", "generation_config": {"temperature": 0.5, "topP": 0.9}}
        request = {"bidiGenerateContentSetup": locked, **({mask_name: mask} if mask else {})}
        asked = decode_client(
            json.dumps(
                {
                    "setup": {
                        "model": "models/a",
                        "generationConfig": {"temperature": 1.0},
                        "systemInstruction": "asked",
                    }
                }
            )
        ).setup
        assert asked is not None
        (found,) = begin(request, asked, 0)
        wanted = decode_client(json.dumps({"setup": expected})).setup
        assert found == wanted

    def test_a_locked_setup_can_be_resumed(self) -> None:
        """The handle is the client's, whatever the token locks."""
        request = {"bidiGenerateContentSetup": {"model": "models/b", "sessionResumption": {}}}
        (found,) = begin(request, Setup(session_resumption=SessionResumptionConfig("h")), 0)
        assert found == Setup(model="models/b", session_resumption=SessionResumptionConfig("h"))

    def test_the_newest_form_of_a_request(self) -> None:
        """`liveConnectConstraints`, with the SDK's flat configuration."""
        config = {"responseModalities": ["AUDIO"], "temperature": 0.5, "outputAudioTranscription": {}}
        request = {"liveConnectConstraints": {"model": "models/b", "config": config}}
        (found,) = begin(request, ASKED, 0)
        assert found.generation_config and found.generation_config.temperature == 0.5
        assert found.model == "models/b" and found.output_audio_transcription is not None

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"nonsense",
            b"\xff",
            b'{"uses": -1}',
            b'{"uses": true}',
            b'{"expireTime": "soon"}',
            b'{"expireTime": "2020-01-01T00:00:00Z"}',
            b'{"expireTime": "2030-01-01T00:00:00Z"}',
            b'{"nonsense": 1}',
            b'{"fieldMask": 3}',
            b'{"bidiGenerateContentSetup": {"nonsense": 1}}',
            b'{"liveConnectConstraints": {"config": 3}}',
        ],
    )
    def test_nonsense_is_refused(self, body: bytes) -> None:
        with pytest.raises(TokenError, match=r"."):
            Tokens(Ids()).create(body, now_ns=0, wall_s=NOW)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["uses", "expireTime", "fieldMask", "bidiGenerateContentSetup", "model", "x"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        )
    )
    def test_any_request_is_answered(self, value: Any) -> None:
        """By a token or by a refusal."""
        tokens = Tokens(Ids())
        try:
            token = tokens.find(tokens.create(msgspec.json.encode(value), now_ns=0, wall_s=NOW))
            assert token is not None
            token.begin(ASKED, 0)
        except (TokenError, Closing):
            pass

    def test_an_expired_token_ends_its_session(self) -> None:
        """In the middle of it."""

        async def test(simulator: Simulator) -> None:
            token = simulator.create_token(b'{"expireTime": "2026-11-01T12:00:30Z"}')
            link = simulator.open(CONSTRAINED, {"Authorization": f"Token {token}"})
            async with calling(link, Setup(model="models/gemini-3.8-live")) as caller:
                closed = await caller.until_closed(within_s=60)
                assert (closed.code, closed.reason) == (1007, "Token has expired.")
                assert caller.now_ms == pytest.approx(30_000, abs=1)

        virtually(test, wall_clock=lambda: NOW)
