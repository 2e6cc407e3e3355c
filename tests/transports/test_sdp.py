"""Offers: what a browser sends passes, everything else is refused with a reason, nothing crashes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.transports.webrtc.sdp import BadOffer, checked_candidates, checked_offer

FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)
OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1",
        "a=msid-semantic: WMS voice",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2113937151 8d5ef9b1-4d4b-4b7c-9a3c-0f0e0d0c0b0a.local 57135 typ host generation 0",
        "a=candidate:2 1 udp 2113937150 192.0.2.9 57136 typ host generation 0 network-cost 999",
        "a=candidate:3 1 tcp 1518280447 192.0.2.9 9 typ host tcptype active",
        "a=end-of-candidates",
        "a=ice-ufrag:EsAw",
        "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
        f"a=fingerprint:{FINGERPRINT}",
        "a=setup:actpass",
        "a=mid:0",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=ice-ufrag:EsAw",
        "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
        f"a=fingerprint:{FINGERPRINT}",
        "a=setup:actpass",
        "a=mid:1",
        "a=sctp-port:5000",
        "",
    ]
)


def test_a_browsers_offer_passes_without_its_useless_candidates() -> None:
    checked = checked_offer(OFFER, "offer")
    assert re.findall(r"a=candidate:(\d)", checked) == ["2"]
    assert "end-of-candidates" not in checked
    kept = [line for line in OFFER.split("\r\n") if "candidate" not in line]
    assert [line for line in checked.split("\r\n") if "candidate" not in line] == kept


def test_line_ends_of_any_kind_become_crlf() -> None:
    assert checked_offer(OFFER.replace("\r\n", "\n"), "offer") == checked_offer(OFFER, "offer")


def test_credentials_may_stand_at_the_session() -> None:
    lines = [line for line in OFFER.split("\r\n") if not re.match("a=(ice-|fingerprint)", line)]
    lines[4:4] = ["a=ice-ufrag:EsAw", "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1", f"a=fingerprint:{FINGERPRINT}"]
    assert "a=ice-ufrag:EsAw" in checked_offer("\r\n".join(lines), "offer")


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
        (OFFER.replace("m=audio", "m=message"), "a section for message"),
        (OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "not encrypted"),
        (OFFER.replace("a=ice-ufrag:EsAw", "a=ice-ufrag:E"), "ICE user name"),
        (OFFER.replace("P2uYro0UCOQ4zxjKXaWCBui1", "short"), "ICE password"),
        (OFFER.replace("fingerprint:sha-256", "fingerprint:md5"), "DTLS fingerprint"),
        (OFFER.replace("opus/48000/2", "speex/8000"), "does not offer Opus"),
        (OFFER + OFFER[OFFER.index("m=audio") : OFFER.index("m=application")], "one audio section"),
        (OFFER[: OFFER.index("m=audio")] + OFFER[OFFER.index("m=application") :], "one audio section"),
        (OFFER + OFFER[OFFER.index("m=application") :] * 9, "11 media sections"),
    ],
)
def test_what_is_no_offer_is_refused_with_a_reason(sdp: Any, message: str) -> None:
    with pytest.raises(BadOffer, match=message):
        checked_offer(sdp, "offer")


@pytest.mark.parametrize("kind", ["answer", "", None, 1, ["offer"]])
def test_only_offers_are_taken(kind: Any) -> None:
    with pytest.raises(BadOffer, match="type"):
        checked_offer(OFFER, kind)


@given(st.data())
def test_a_damaged_offer_is_refused_or_taken_but_never_crashes(data: st.DataObject) -> None:
    text = OFFER
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        text = text[:start] + data.draw(st.text(max_size=12)) + text[end:]
    try:
        checked = checked_offer(text, "offer")
    except BadOffer as error:
        assert str(error)
    else:
        assert ".local" not in "".join(re.findall(r"a=candidate:.*", checked))


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
        ("2 1 udp 2113937150 192.0.2.9 57136 typ host", "0", 0),
        ("4 1 UDP 2113937150 2001:db8::1 57136 typ srflx raddr 0.0.0.0 rport 0", "0", 0),
    ]
    assert checked_candidates([{"candidate": candidate()["candidate"]}])[0][1:] == (None, 0)


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
