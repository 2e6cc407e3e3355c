#!/bin/sh
# Callers that nobody here wrote: Firefox ESR, GStreamer's webrtcbin, and Node for clients of npm's. Where they are
# missing and we are root on Debian, install them; else say so.
set -eu

packages=""
command -v firefox-esr >/dev/null || command -v firefox >/dev/null || packages="firefox-esr"
command -v node >/dev/null && command -v npm >/dev/null || packages="$packages nodejs npm"
if ! /usr/bin/python3 - >/dev/null 2>&1 <<'PYTHON'
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst
Gst.init(None)
for name in ("webrtcbin", "nicesrc", "opusenc", "level", "rtpopuspay"):
    assert Gst.ElementFactory.find(name), name
PYTHON
then
    packages="$packages python3-gi gir1.2-gst-plugins-base-1.0 gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice"
    packages="$packages gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
fi
if [ -z "$packages" ]; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Debian's$packages for the tests with other callers ..."
    # shellcheck disable=SC2086
    if apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null; then
        exit 0
    fi
fi
echo "Missing on this machine: $packages. The tests with these callers are SKIPPED."
