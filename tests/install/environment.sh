#!/bin/sh
# Usage: environment.sh FOLDER WHAT
#
# Makes the virtual environment FOLDER with the best Python here (or $PYTHON) and installs WHAT into it as an editable
# package, from the current folder. Run again it only brings the environment up to date. Two at once: one waits.
set -eu

venv=$1
what=$2

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

fits() {
    # Tried, not looked up: a version manager's shim is there even when the version it stands for is not.
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        fits "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or later."
        echo "$PYTHON"
        return
    fi
    for name in python3.14 python3.13 python3.12 python3.11 python3 python; do
        if fits "$name"; then
            echo "$name"
            return
        fi
    done
    fail "livegraph needs Python 3.11 or later, and found none." \
        "  Debian 12 or later:  apt-get install python3 python3-venv" \
        "  macOS:               brew install python@3.13   (or the installer of python.org)" \
        "Then run make again, or name one: make run PYTHON=/path/to/python3"
}

make_venv() {
    python=$(find_python)
    version=$(version_of "$python")
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        # Debian's Python comes without these two.
        package="python$version-venv"
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            echo "Installing Debian's $package ..."
            apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" >/dev/null \
                || fail "apt-get could not install $package, which $python needs to make an environment."
        else
            fail "$python cannot make a virtual environment: it has no venv or ensurepip." \
                "  Debian:  sudo apt-get install $package" \
                "Then run make again."
        fi
    fi
    echo "Making $venv with Python $version ..."
    rm -rf "$venv"
    "$python" -m venv "$venv"
}

# One at a time; a lock whose owner is gone counts for nothing.
mkdir -p "$(dirname "$venv")"
lock="$venv.lock"
until mkdir "$lock" 2>/dev/null; do
    owner=$(cat "$lock/pid" 2>/dev/null || true)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
        rm -rf "$lock"
    else
        [ -n "${told:-}" ] || echo "Waiting for another make in this folder (if there is none: rm -r $lock) ..."
        told=yes
        sleep 1
    fi
done
echo $$ >"$lock/pid"
trap 'rm -rf "$lock"' EXIT
trap 'exit 130' INT TERM

usable() {
    fits "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1 || return 1
    [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of "$venv/bin/python")" ]
}

usable || make_venv
echo "Installing livegraph and what it needs into $venv (the first time: 500 to 800 MB, a minute or more) ..."
# A person sees the progress; a log only what went wrong.
[ -t 1 ] && quiet= || quiet=--quiet
"$venv/bin/python" -m pip install $quiet --editable "$what" \
    || fail "The installation failed, for the reason that pip gives above. It needs PyPI within reach."
