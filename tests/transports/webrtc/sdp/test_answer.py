"""Every real offer is answered: what we take is accepted, what we do not take is rejected in its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from livegraph.transports.webrtc.sdp import read_offer
from livegraph.transports.webrtc.sdp.agree import Agreement, agree
from livegraph.transports.webrtc.sdp.answer import write_answer
from livegraph.transports.webrtc.sdp.terms import (
    ABSOLUTE_SEND_TIME,
    AUDIO_LEVEL,
    MID,
    ORIENTATION,
    OpusTerms,
)
from support.offers import CHROMIUM, FIREFOX, LOCAL, PIPECAT, WEBRTCBIN


def answered(sdp: str, **options: bool) -> tuple[Agreement, list[str]]:
    """What is agreed, and the answer's media sections as text."""
    agreement = agree(read_offer(sdp), audio_ssrc=42, cname="us", **options)
    session, *sections = re.split(r"^(?=m=)", write_answer(agreement, LOCAL), flags=re.MULTILINE)
    assert len(sections) == len(agreement.offer.sections)
    assert "a=ice-lite\r\n" in session
    return agreement, sections


def group(sdp: str) -> str:
    """The names in the answer's BUNDLE group."""
    found = re.search(r"a=group:BUNDLE (.*)\r", write_answer(agree(read_offer(sdp)), LOCAL))
    return found[1] if found else ""


def moved(sdp: str, *order: int) -> str:
    """The offer with its sections in another order."""
    session, *sections = re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)
    return session + "".join(sections[index] for index in order)


def test_the_answer_to_a_browser() -> None:
    agreement, (audio, data) = answered(CHROMIUM)
    assert agreement.role == "client" and agreement.data is not None
    for line in (
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=ice-ufrag:ours",
        f"a=fingerprint:{LOCAL.fingerprint}",
        "a=setup:active",
        "a=mid:0",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=ssrc:42 cname:us",
        f"a=candidate:{LOCAL.candidates[0]}",
        "a=end-of-candidates",
    ):
        assert f"{line}\r\n" in audio, line
    assert "candidate" not in data and "a=sctp-port:5000\r\n" in data
    assert group(CHROMIUM) == "0 1"


def test_sound_is_found_wherever_it_stands() -> None:
    """Video or data first, and BUNDLE in another order than the sections: the first that tells carries the bundle."""
    for order in ((3, 1, 0, 2), (1, 2, 3, 0), (0, 3, 2, 1)):
        agreement, sections = answered(moved(PIPECAT, *order), video=True)
        assert [re.findall(r"a=mid:(.)", section) for section in sections] == [[str(mid)] for mid in order]
        assert agreement.terms.audio is not None and agreement.terms.audio.mid == "0"
        assert agreement.transport.credentials.ufrag == "pIpE"
        assert len(agreement.bundle) == 4
        carrying = [section for section in sections if "a=candidate" in section]
        assert len(carrying) == 1 and "a=mid:0" in carrying[0]
    mixed = PIPECAT.replace("BUNDLE 0 1 2 3", "BUNDLE 3 2 9 0 1 0")
    assert group(mixed) == "0 3 2 1"


def test_bundle_only_sections_are_taken_and_stopped_ones_are_not() -> None:
    agreement, sections = answered(PIPECAT, video=True)
    assert [section.split(" ")[1] for section in sections] == ["9", "9", "9", "9"]
    assert [section.mid for section in agreement.terms.video] == ["1", "2"]
    stopped = PIPECAT.replace("a=bundle-only\r\na=mid:2", "a=mid:2")
    agreement, sections = answered(stopped, video=True)
    assert [section.split(" ")[1] for section in sections] == ["9", "9", "0", "9"]
    assert "a=mid:2" in sections[2] and "a=inactive" in sections[2]
    assert group(stopped) == "0 1 3"


def test_pictures_are_taken_only_where_they_are_wanted() -> None:
    agreement, sections = answered(PIPECAT, video=False)
    assert agreement.terms.video == ()
    assert all("a=inactive" in section and section.startswith("m=video 9") for section in sections[1:3])
    agreement, sections = answered(PIPECAT, video=True)
    camera, screen = agreement.terms.video
    assert "a=recvonly" in sections[1] and "a=recvonly" in sections[2]
    assert [codec.name for codec in camera.codecs] == ["vp8", "rtx", "h264"]
    assert camera.codecs[0].feedback == {"nack", "nack pli", "ccm fir", "transport-cc"}
    assert (dict(camera.rtx), camera.ssrcs, screen.ssrcs) == ({97: 96}, (777,), ())
    assert dict(camera.extensions) == {ABSOLUTE_SEND_TIME: 2, ORIENTATION: 13, MID: 4}
    assert "AV1" not in sections[1] and "goog-remb" not in sections[1]


def test_a_type_is_one_thing_for_all_that_travels_together() -> None:
    """A picture's codec with the number of the sound's is left out, with its retransmission."""
    number = answered(PIPECAT, video=True)[0].terms.opus_payload_type
    clash = re.sub(r"\b96\b", str(number), PIPECAT)
    agreement, sections = answered(clash, video=True)
    assert agreement.terms.opus_payload_type == number
    assert [codec.name for codec in agreement.terms.video[0].codecs] == ["h264"]
    assert f"a=rtpmap:{number}" not in sections[1]


def test_a_further_offer_keeps_the_roles_of_the_handshake() -> None:
    """Whoever offers leaves the choice open, as browsers do each time, and is answered as before (RFC 8842)."""
    for role, setup in (("server", "passive"), ("client", "active")):
        agreement = agree(read_offer(CHROMIUM), role=role)  # type: ignore[arg-type]
        assert agreement.role == role
        assert f"a=setup:{setup}" in write_answer(agreement, LOCAL)


def test_an_unknown_medium_is_rejected_in_its_place() -> None:
    """With its name, its formats and port 0."""
    odd = "m=text 9 UDP/BFCP *\r\nc=IN IP4 0.0.0.0\r\na=mid:odd\r\n"
    session, rest = CHROMIUM.split("m=audio", 1)
    _, sections = answered(session + odd + "m=audio" + rest)
    assert sections[0].startswith("m=text 0 UDP/BFCP *\r\n") and "a=mid:odd" in sections[0]
    assert sections[1].startswith("m=audio 9")


def test_a_bundle_that_names_nobody_is_no_bundle() -> None:
    alone = CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 7 8")
    agreement, (audio, data) = answered(alone)
    assert audio.startswith("m=audio 9") and data.startswith("m=application 0")
    assert (agreement.data, group(alone)) == (None, "")


@pytest.mark.parametrize("first", [111, 112])
def test_of_several_kinds_of_opus_the_callers_first_is_taken(first: int) -> None:
    """What was accepted is what is decoded; redundant packets of the other kind are not."""
    both = CHROMIUM.replace("SAVPF 111 63", f"SAVPF {first} {223 - first} 63").replace(
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:111 opus/48000/2\r\na=rtpmap:112 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111",
    )
    agreement, sections = answered(both)
    assert agreement.terms.opus_payload_type == first
    assert agreement.terms.red == (63 if first == 111 else None)
    assert sections[0].splitlines()[0].split()[3:] == [str(first), *(["63"] if first == 111 else [])]


@pytest.mark.parametrize(
    "change",
    [
        lambda sdp: "\ufeff" + sdp,
        lambda sdp: sdp.replace("\r\n", "\r\n    "),
        lambda sdp: sdp.replace("m=audio 9 ", "m=audio\t9\t"),
        lambda sdp: sdp.replace("m=audio 9", "m=AUDIO  49170/1"),
        lambda sdp: sdp.replace("a=mid:0", "a=mid:" + "x" * 200).replace("BUNDLE 0", "BUNDLE " + "x" * 200),
        lambda sdp: sdp.replace("sha-256 ", "SHA-256\t").replace("AB", "aB"),
        lambda sdp: sdp.replace("a=setup:actpass\r\n", ""),
        lambda sdp: sdp.replace("s=-\r\nt=0 0\r\n", "").replace("c=IN IP4 0.0.0.0\r\n", ""),
        lambda sdp: sdp.replace("c=IN IP4 0.0.0.0", "c=IN IP6 ::\r\nb=AS:30\r\nk=prompt"),
        lambda sdp: sdp.replace("a=group:BUNDLE 0 1", "a=group:LS 0 1\r\na=group:bundle 0 0 1 7"),
        lambda sdp: sdp.replace(
            "a=msid-semantic: WMS voice", "a=\r\na=:\r\na=msid-semantic: \ud800\U0001f600"
        ),
        lambda sdp: sdp.replace(
            "a=end-of-candidates", "a=candidate:\r\na=candidate:1 1 udp 1 fe80::1%e 9 typ host"
        ),
        lambda sdp: sdp.replace(
            "useinbandfec=1", "useinbandfec = 1;; =;stereo;maxaveragebitrate=9" + "9" * 40
        ),
        lambda sdp: sdp.replace("a=rtcp-mux", "a=ptime:2.5\r\na=maxptime:3\r\na=ssrc:-1\r\na=ssrc-group:FID"),
    ],
)
def test_what_is_written_oddly_is_read_as_it_is_meant(change: Callable[[str], str]) -> None:
    """Sound and the data channel are both taken."""
    agreement, sections = answered(change(CHROMIUM))
    assert [section.split(" ")[1] for section in sections] == ["9", "9"]
    assert agreement.data is not None and agreement.terms.opus_payload_type == 111


def test_only_the_first_sound_is_taken() -> None:
    second = CHROMIUM[CHROMIUM.index("m=audio") : CHROMIUM.index("m=application")].replace("mid:0", "mid:5")
    _, sections = answered(CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 0 1 5") + second)
    assert [section.split(" ")[1] for section in sections] == ["9", "9", "0"]


@pytest.mark.parametrize(
    "profile",
    [
        "UDP/TLS/RTP/SAVPF",
        "UDP/TLS/RTP/SAVP",
        "TCP/DTLS/RTP/SAVPF",
        "TCP/TLS/RTP/SAVP",
        "RTP/SAVPF",
        "RTP/SAVP",
        "RTP/AVPF",
        "RTP/AVP",
    ],
)
def test_every_profile_that_browsers_may_use_is_answered_with_itself(profile: str) -> None:
    """RFC 8829, section 5.1.2."""
    _, sections = answered(CHROMIUM.replace("UDP/TLS/RTP/SAVPF", profile))
    assert sections[0].startswith(f"m=audio 9 {profile} 111\r\n")


@pytest.mark.parametrize(
    ("offered", "ours"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_directions_are_mirrored(offered: str, ours: str) -> None:
    agreement, sections = answered(CHROMIUM.replace("a=sendrecv", f"a={offered}", 1))
    assert f"a={ours}\r\n" in sections[0]
    audio = agreement.terms.audio
    assert audio is not None
    assert (audio.receives, audio.sends) == (offered.startswith("send"), offered in ("sendrecv", "recvonly"))


@pytest.mark.parametrize(
    ("offered", "role", "ours"),
    [("actpass", "client", "active"), ("ACTIVE", "server", "passive"), ("passive", "client", "active")],
)
def test_the_handshake_has_one_who_begins(offered: str, role: str, ours: str) -> None:
    agreement, sections = answered(CHROMIUM.replace("setup:actpass", f"setup:{offered}"))
    assert agreement.role == role and f"a=setup:{ours}\r\n" in sections[0]


def test_firefox_says_its_fingerprint_once_for_all() -> None:
    agreement, (audio, _) = answered(FIREFOX)
    assert agreement.transport.fingerprints == (("sha-256", ":".join(["CD"] * 32)),)
    assert agreement.terms.opus == OpusTerms(in_band_fec=True, stereo=True, max_playback_rate=48_000)
    assert dict(agreement.terms.dtmf) == {101: 8_000}
    assert agreement.terms.audio is not None
    assert dict(agreement.terms.audio.extensions) == {AUDIO_LEVEL: 1, MID: 3}
    assert "a=fmtp:101 0-15\r\n" in audio and "a=rtpmap:101 telephone-event/8000\r\n" in audio


def test_names_of_codecs_may_be_in_capitals() -> None:
    agreement, _ = answered(WEBRTCBIN)
    assert agreement.terms.opus_payload_type == 97 and agreement.data is not None


def test_redundant_sound_and_keys_are_taken() -> None:
    agreement, sections = answered(PIPECAT)
    assert (agreement.terms.red, dict(agreement.terms.dtmf)) == (63, {110: 48_000})
    assert "a=fmtp:63 111/111\r\n" in sections[0]


@pytest.mark.parametrize(
    ("parameters", "extra", "terms"),
    [
        ("useinbandfec=1; usedtx=1", "", OpusTerms(in_band_fec=True, dtx=True)),
        ("maxaveragebitrate=20000;STEREO=1", "", OpusTerms(stereo=True, max_average_bitrate=20_000)),
        (
            "maxaveragebitrate=1;useinbandfec=yes;maxplaybackrate=16000",
            "",
            OpusTerms(max_playback_rate=16_000),
        ),
        ("ptime=40", "a=ptime:60", OpusTerms(ptime_ms=40)),
        (";;=;x", "a=ptime:60\r\na=maxptime:120", OpusTerms(ptime_ms=60, max_ptime_ms=120)),
        ("maxaveragebitrate=\u0664\u0664\u0664\u0664\u0664", "a=ptime:0\r\na=maxptime:abc", OpusTerms()),
    ],
)
def test_what_the_caller_wants_of_opus_is_read(parameters: str, extra: str, terms: OpusTerms) -> None:
    changed = CHROMIUM.replace("fmtp:111 minptime=10;useinbandfec=1", f"fmtp:111 {parameters}\r\n{extra}")
    assert answered(changed)[0].terms.opus == terms


def test_extension_maps_may_have_directions_and_attributes() -> None:
    """A number that is taken, reserved or out of reach does not count; ours are answered the other way round."""
    maps = [
        f"a=extmap:5/sendonly {AUDIO_LEVEL} vad=on more",
        f"a=extmap:5 {MID}",
        f"a=extmap:15 {MID}",
        f"a=extmap:300 {MID}",
        f"a=extmap:200 {MID}",
        "a=extmap:7 urn:nobody:knows",
    ]
    agreement, sections = answered(CHROMIUM.replace("a=rtcp-mux", "\r\n".join(["a=rtcp-mux", *maps])))
    assert agreement.terms.audio is not None
    assert dict(agreement.terms.audio.extensions) == {AUDIO_LEVEL: 5, MID: 200}
    assert f"a=extmap:5/recvonly {AUDIO_LEVEL}\r\n" in sections[0] and "nobody" not in sections[0]


def test_old_descriptions_of_data_channels_are_answered_in_kind() -> None:
    old = CHROMIUM.replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5001").replace(
        "a=sctp-port:5000", "a=sctpmap:5001 webrtc-datachannel 1024"
    )
    agreement, (_, data) = answered(old)
    assert agreement.data is not None and agreement.data.port == 5_001
    assert (
        data.startswith("m=application 9 DTLS/SCTP 5001\r\n") and "a=sctpmap:5001 webrtc-datachannel" in data
    )


def test_only_one_side_may_be_of_the_answering_kind() -> None:
    lite = CHROMIUM.replace("s=-", "s=-\r\na=ice-lite")
    agreement = agree(read_offer(lite), lite=False)
    assert "a=ice-lite" not in write_answer(agreement, replace(LOCAL, lite=False))


def test_candidates_count_wherever_they_stand() -> None:
    """In the first section only, though another carries the bundle."""
    agreement, _ = answered(moved(PIPECAT, 3, 0, 1, 2))
    assert agreement.transport.candidates == ("1 1 udp 2113937151 192.0.2.44 50000 typ host",)
