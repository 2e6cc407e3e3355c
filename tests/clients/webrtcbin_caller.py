"""GStreamer's webrtcbin as a caller, run by the system's Python: a tone out, and what comes in is measured.

    python3 webrtcbin_caller.py URL SECONDS

It prints one line of JSON: ``{"connected": ..., "packets": ..., "level_db": ..., "message": ...}``.
"""

import json
import sys
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

URL, SECONDS = sys.argv[1], int(sys.argv[2])
PIPELINE = (
    "webrtcbin name=rtc bundle-policy=max-bundle latency=40 "
    "audiotestsrc is-live=true freq=440 volume=0.4 ! audioconvert ! audioresample ! "
    "audio/x-raw,rate=48000,channels=1 ! opusenc ! rtpopuspay pt=97 ! "
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000 ! rtc."
)

Gst.init(None)
pipeline = Gst.parse_launch(PIPELINE)
rtc = pipeline.get_by_name("rtc")
loop = GLib.MainLoop()
result = {"connected": False, "packets": 0, "level_db": -999.0, "message": ""}


def offer_made(promise: Gst.Promise, *_: object) -> None:
    reply = promise.get_reply()
    offer = reply.get_value("offer")
    rtc.emit("set-local-description", offer, Gst.Promise.new())
    body = json.dumps({"sdp": offer.sdp.as_text(), "type": "offer"}).encode()
    request = urllib.request.Request(URL, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answered:
        answer = json.load(answered)
    _, message = GstSdp.SDPMessage.new_from_text(answer["sdp"])
    described = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
    rtc.emit("set-remote-description", described, Gst.Promise.new())


def needed(_: object) -> None:
    rtc.emit("create-offer", None, Gst.Promise.new_with_change_func(offer_made, None))


def pad_came(_: object, pad: Gst.Pad) -> None:
    if pad.direction != Gst.PadDirection.SRC:
        return
    chain = "rtpopusdepay ! opusdec ! audioconvert ! level interval=100000000 ! fakesink sync=false"
    sink = Gst.parse_bin_from_description(chain, True)
    pipeline.add(sink)
    sink.sync_state_with_parent()
    pad.link(sink.get_static_pad("sink"))
    pad.add_probe(Gst.PadProbeType.BUFFER, counted)


def counted(*_: object) -> Gst.PadProbeReturn:
    result["packets"] += 1
    return Gst.PadProbeReturn.OK


def told(_: object, message: Gst.Message) -> None:
    structure = message.get_structure()
    if message.type == Gst.MessageType.ELEMENT and structure is not None and structure.get_name() == "level":
        result["level_db"] = max(result["level_db"], structure.get_value("rms")[0])
    elif message.type == Gst.MessageType.ERROR:
        print(message.parse_error(), file=sys.stderr)
        loop.quit()


def state_changed(*_: object) -> None:
    if rtc.get_property("connection-state") == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
        result["connected"] = True


def heard(_: object, text: str) -> None:
    result["message"] = result["message"] or text


rtc.connect("on-negotiation-needed", needed)
rtc.connect("pad-added", pad_came)
rtc.connect("notify::connection-state", state_changed)
pipeline.get_bus().add_signal_watch()
pipeline.get_bus().connect("message", told)
pipeline.set_state(Gst.State.READY)
channel = rtc.emit("create-data-channel", "livegraph", None)
channel.connect("on-message-string", heard)
pipeline.set_state(Gst.State.PLAYING)
GLib.timeout_add_seconds(SECONDS, loop.quit)
loop.run()
pipeline.set_state(Gst.State.NULL)
print(json.dumps(result))
