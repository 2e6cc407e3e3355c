"""Offers of real clients, shortened, and what becomes of them on bad days."""

from __future__ import annotations

from random import Random

from livegraph.transports.webrtc.ice.lite import Credentials
from livegraph.transports.webrtc.sdp.answer import Local

__all__ = ["CHROMIUM", "FIREFOX", "LOCAL", "OTHERS", "PIPECAT", "WEBRTCBIN", "mutated"]

FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)
CHROMIUM = "\r\n".join(
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

FIREFOX = "\r\n".join(
    [
        "v=0",
        "o=mozilla...THIS_IS_SDPARTA-99.0 5637120457283646114 0 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=fingerprint:sha-256 " + ":".join(["CD"] * 32),
        "a=group:BUNDLE 0 1",
        "a=ice-options:trickle",
        "a=msid-semantic:WMS *",
        "m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101",
        "c=IN IP4 0.0.0.0",
        "a=sendrecv",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level",
        "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1",
        "a=fmtp:101 0-15",
        "a=ice-pwd:7eb6e5d4d0b4c4c1a8f6a4f0bb54b1c9",
        "a=ice-ufrag:7c2e1a44",
        "a=mid:0",
        "a=msid:{b4d7f2b3-3b2e-4d07-a5a5-22f7b9d2b9a7} {de0a1c7e-58d4-4c93-8bb7-4a3e8b0b0e3c}",
        "a=rtcp-mux",
        "a=rtpmap:109 opus/48000/2",
        "a=rtpmap:9 G722/8000/1",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000/1",
        "a=setup:actpass",
        "a=ssrc:2655508255 cname:{735484ea-4f6c-f74a-bd66-7425f8476c2e}",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=sendrecv",
        "a=ice-pwd:7eb6e5d4d0b4c4c1a8f6a4f0bb54b1c9",
        "a=ice-ufrag:7c2e1a44",
        "a=mid:1",
        "a=setup:actpass",
        "a=sctp-port:5000",
        "a=max-message-size:1073741823",
        "",
    ]
)

_TRANSPORT = [
    "a=ice-ufrag:pIpE",
    "a=ice-pwd:0123456789abcdefghijABCD",
    "a=fingerprint:sha-256 " + ":".join(["EF"] * 32),
    "a=setup:actpass",
]
_VIDEO = [
    "c=IN IP4 0.0.0.0",
    "a=extmap:14 urn:ietf:params:rtp-hdrext:toffset",
    "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "a=extmap:13 urn:3gpp:video-orientation",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=rtcp-mux",
    "a=rtcp-rsize",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 goog-remb",
    "a=rtcp-fb:96 transport-cc",
    "a=rtcp-fb:96 ccm fir",
    "a=rtcp-fb:96 nack",
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "a=rtpmap:45 AV1/90000",
    "a=rtpmap:102 H264/90000",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
]

PIPECAT = "\r\n".join(
    [
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1 2 3",
        "a=extmap-allow-mixed",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 110",
        "c=IN IP4 0.0.0.0",
        *_TRANSPORT,
        "a=candidate:1 1 udp 2113937151 192.0.2.44 50000 typ host",
        "a=mid:0",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=rtcp-fb:111 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "a=rtpmap:110 telephone-event/48000",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 45 102",
        *_VIDEO,
        "a=mid:1",
        "a=sendrecv",
        "a=ssrc-group:FID 777 778",
        "a=ssrc:777 cname:x",
        "a=ssrc:778 cname:x",
        "m=video 0 UDP/TLS/RTP/SAVPF 96 97 45 102",
        *_VIDEO,
        "a=bundle-only",
        "a=mid:2",
        "a=sendonly",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=bundle-only",
        "a=mid:3",
        "a=sctp-port:5000",
        "",
    ]
)

WEBRTCBIN = "\r\n".join(
    [
        "v=0",
        "o=- 5 0 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=ice-options:trickle",
        "a=group:BUNDLE audio0 application1",
        "m=audio 9 UDP/TLS/RTP/SAVPF 97",
        "c=IN IP4 0.0.0.0",
        *_TRANSPORT,
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=sendrecv",
        "a=rtpmap:97 OPUS/48000/2",
        "a=rtcp-fb:97 transport-cc",
        "a=fmtp:97 sprop-maxcapturerate=48000;sprop-stereo=0",
        "a=ssrc:99 msid:user99 webrtctransceiver0",
        "a=mid:audio0",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        *_TRANSPORT,
        "a=bundle-only",
        "a=mid:application1",
        "a=sctp-port:5000",
        "",
    ]
)

OTHERS = (FIREFOX, PIPECAT, WEBRTCBIN)

LOCAL = Local(
    session=7,
    version=1,
    credentials=Credentials("ours", "p" * 24),
    fingerprint="sha-256 " + ":".join(["01"] * 32),
    candidates=("1 1 udp 2130706431 192.0.2.1 40000 typ host",),
    lite=True,
)

_BITS = (
    "0",
    "65536",
    "-1",
    "\x00",
    "*",
    " ",
    ":",
    "/",
    "=",
    "\ud800",
    "\u20ac",
    "999999999999999999999",
    "recvonly",
    "%s",
)


def mutated(offer: str, random: Random) -> str:
    """The offer after one to five accidents."""
    lines = offer.split("\r\n")
    for _ in range(random.randint(1, 5)):
        at = random.randrange(len(lines))
        match random.randrange(7):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, random.choice(lines))
            case 2:
                other = random.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = lines[at][: random.randint(0, len(lines[at]))]
            case 4:
                place = random.randint(0, len(lines[at]))
                lines[at] = lines[at][:place] + random.choice(_BITS) + lines[at][place:]
            case 5:
                words = lines[at].split(" ")
                words[random.randrange(len(words))] = random.choice(_BITS)
                lines[at] = " ".join(words)
            case _:
                if lines[at]:
                    place = random.randrange(len(lines[at]))
                    letter = chr(random.randrange(1, 0x250))
                    lines[at] = lines[at][:place] + letter + lines[at][place + 1 :]
        if not lines:
            break
    return "\r\n".join(lines)
