#!/bin/sh
# The browser tests drive a real Chromium. Where there is none and we are root on Debian, install it; else say so.
set -eu

if [ -n "${LIVEGRAPH_TEST_CHROMIUM:-}" ]; then
    exit 0
fi
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then
        exit 0
    fi
done
for path in "/Applications/Chromium.app" "/Applications/Google Chrome.app"; do
    if [ -d "$path" ]; then
        exit 0
    fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Debian's chromium for the browser tests ..."
    if apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; then
        exit 0
    fi
fi
echo "No Chromium on this machine: the browser tests are SKIPPED (Debian: sudo apt-get install chromium)."
