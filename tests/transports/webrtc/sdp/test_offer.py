"""Offers: what a browser sends passes, everything else is refused with a reason, nothing crashes."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.transports.webrtc.sdp import BadOffer, checked_candidates, read_offer
from livegraph.transports.webrtc.sdp.agree import agree
from livegraph.transports.webrtc.sdp.answer import write_answer
from support.offers import CHROMIUM as OFFER
from support.offers import LOCAL, OTHERS, mutated


def test_a_browsers_offer_is_read_as_what_it_says() -> None:
    offer = read_offer(OFFER)
    audio, data = offer.sections
    assert offer.bundle == ("0", "1") and not offer.lite
    assert (audio.kind, audio.mid, audio.direction, audio.rtcp_mux) == ("audio", "0", "sendrecv", True)
    assert audio.transport is not None and audio.transport.credentials.ufrag == "EsAw"
    assert audio.transport.fingerprints == (("sha-256", ":".join(["AB"] * 32)),)
    assert len(audio.transport.candidates) == 3
    assert [(codec.payload_type, codec.name, codec.channels) for codec in audio.codecs] == [(111, "opus", 2)]
    assert audio.codecs[0].parameters == {"minptime": "10", "useinbandfec": "1"}
    assert (data.kind, data.sctp_port, data.most_bytes) == ("application", 5_000, 65_536)


def test_line_ends_may_be_of_any_kind() -> None:
    assert (
        read_offer(OFFER.replace("\r\n", "\n"))
        == read_offer(OFFER)
        == read_offer(OFFER.replace("\r\n", "\r"))
    )


def test_what_the_session_says_counts_for_its_sections() -> None:
    lines = [
        line for line in OFFER.split("\r\n") if not re.match("a=(ice-|fingerprint|setup|sendrecv)", line)
    ]
    lines[4:4] = [
        "a=ice-ufrag:EsAw",
        "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
        "a=fingerprint:SHA-256 " + ":".join(["ab"] * 32),
        "a=setup:passive",
        "a=sendonly",
    ]
    section = read_offer("\r\n".join(lines)).sections[0]
    assert section.transport is not None
    assert section.transport.fingerprints == (("sha-256", ":".join(["AB"] * 32)),)
    assert (section.transport.setup, section.direction) == ("passive", "sendonly")


@pytest.mark.parametrize(
    ("sdp", "message"),
    [
        ("", "must be the text"),
        (None, "must be the text"),
        (17, "must be the text"),
        ("hello", "line 1 of the offer"),
        ("v=0\r\n", "does not begin as SDP"),
        ("\r\n".join(OFFER.split("\r\n")[:6]), "0 media sections"),
        (OFFER + "a=x:" + "y" * 70_000, "larger than 64 KiB"),
        (OFFER.replace("a=mid:0", "a=mid:0\x00"), "line 18"),
        (OFFER.replace("m=audio", "m=audio\x1b[31m"), "line 7"),
        (OFFER.replace("m=audio 9", "m=audio x"), "does not begin as one does"),
        (OFFER.replace("a=mid:1", "a=mid:0"), "the same name"),
        (OFFER + OFFER[OFFER.index("m=application") :].replace("a=mid:1", "") * 70, "72 media sections"),
    ],
)
def test_what_is_no_offer_is_refused_with_a_reason(sdp: Any, message: str) -> None:
    with pytest.raises(BadOffer, match=message):
        read_offer(sdp)


@pytest.mark.parametrize(
    ("sdp", "message"),
    [
        (OFFER.replace("m=audio", "m=message"), "no audio section that is in use"),
        (OFFER.replace("UDP/TLS/RTP/SAVPF", "UDP/NOTHING"), "no audio section that is in use"),
        (OFFER.replace("m=audio 9", "m=audio 0"), "no audio section that is in use"),
        (OFFER[: OFFER.index("m=audio")] + OFFER[OFFER.index("m=application") :], "no audio section"),
        (OFFER.replace("a=ice-ufrag:EsAw", "a=ice-ufrag:E"), "ICE user name"),
        (OFFER.replace("P2uYro0UCOQ4zxjKXaWCBui1", "short"), "ICE password"),
        (OFFER.replace("fingerprint:sha-256", "fingerprint:md5"), "DTLS fingerprint"),
        (OFFER.replace("AB:AB:", "AB:"), "DTLS fingerprint"),
        (OFFER.replace("setup:actpass", "setup:holdconn"), "DTLS role"),
        (OFFER.replace("opus/48000/2", "speex/8000"), "has Opus"),
        (OFFER.replace("111", "72"), "has Opus"),
        (OFFER.replace("111", "1110"), "has Opus"),
        (OFFER.replace("sha-256", "sha-1"), "SHA-256"),
        (OFFER.replace("s=-", "s=-\r\na=ice-lite"), "ICE-lite"),
    ],
)
def test_an_offer_that_would_be_no_call_is_refused_with_a_reason(sdp: str, message: str) -> None:
    with pytest.raises(BadOffer, match=message):
        agree(read_offer(sdp))


@pytest.mark.parametrize("kind", ["answer", "", None, 1, ["offer"]])
def test_only_offers_are_taken(kind: Any) -> None:
    with pytest.raises(BadOffer, match="type"):
        read_offer(OFFER, kind)


@pytest.mark.parametrize(
    "line",
    [
        "m=wei\ud800rd 9 UDP/\udfff 5\ud83d",
        "m=video 0 UDP/TLS/RTP/SAVPF 96 \ud800",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel \ud83d",
        "a=fmtp:111 x\ud800=\ud800",
        "a=extmap:7 urn:\ud800",
    ],
)
def test_half_an_emoji_anywhere_is_answered_by_text(line: str) -> None:
    assert answered_or_refused(OFFER + line + "\r\n")


@given(st.data())
def test_a_damaged_offer_is_refused_or_answered_but_never_crashes(data: st.DataObject) -> None:
    text = OFFER
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        text = text[:start] + data.draw(st.text(max_size=12)) + text[end:]
    answered_or_refused(text)


def answered_or_refused(text: str) -> bool:
    """Whether it is answered. Any exception but ``BadOffer`` is a mistake, and so is an answer of another shape."""
    try:
        agreement = agree(read_offer(text))
    except BadOffer as error:
        assert str(error)
        return False
    answer = write_answer(agreement, LOCAL)
    answer.encode()
    sections = len(agreement.offer.sections)
    assert len(re.findall(r"^m=", answer, re.MULTILINE)) == sections
    assert all(re.fullmatch(r"[a-z]=[^\r\n]*", line) for line in answer.removesuffix("\r\n").split("\r\n"))
    return True


@pytest.mark.timeout(300)
def test_twenty_thousand_mutated_offers() -> None:
    """Lines lost, doubled, swapped, cut, and bytes changed, in offers of four clients: refused or answered."""
    random = Random(12)
    answered = 0
    for _ in range(20_000):
        answered += answered_or_refused(mutated(random.choice([OFFER, *OTHERS]), random))
    assert 2_000 < answered < 18_000


def candidate(text: str = "candidate:2 1 udp 2113937150 192.0.2.9 57136 typ host") -> dict[str, Any]:
    return {"candidate": text, "sdp_mid": "0", "sdp_mline_index": 0}


def test_trickled_candidates_lose_what_is_of_no_use() -> None:
    assert checked_candidates(
        [
            candidate(),
            candidate(""),
            candidate("candidate:1 1 udp 2113937151 a.local 57135 typ host"),
            candidate("candidate:3 1 tcp 1518280447 192.0.2.9 9 typ host tcptype active"),
            candidate("candidate:4 1 UDP 2113937150 2001:db8::1 57136 typ srflx raddr 0.0.0.0 rport 0"),
            {"candidate": None},
        ]
    ) == [
        "2 1 udp 2113937150 192.0.2.9 57136 typ host",
        "4 1 UDP 2113937150 2001:db8::1 57136 typ srflx raddr 0.0.0.0 rport 0",
    ]
    assert len(checked_candidates([{"candidate": candidate()["candidate"]}])) == 1


@pytest.mark.parametrize(
    "candidates",
    [
        None,
        {},
        "candidate:",
        [1],
        [{"candidate": 1}],
        [candidate("nonsense")],
        [candidate("candidate:1 1 udp 1 192.0.2.9 9 typ host\r\na=x")],
        [candidate("candidate:" + "x" * 600)],
        [{**candidate(), "sdp_mid": 0}],
        [{**candidate(), "sdp_mline_index": "0"}],
        [{**candidate(), "sdp_mline_index": True}],
        [candidate()] * 65,
    ],
)
def test_what_is_no_candidate_is_refused(candidates: Any) -> None:
    with pytest.raises(BadOffer):
        checked_candidates(candidates)


@given(st.text(max_size=80))
def test_any_text_is_a_candidate_or_is_not(text: str) -> None:
    try:
        checked_candidates([candidate("candidate:" + text)])
    except BadOffer as error:
        assert str(error)
