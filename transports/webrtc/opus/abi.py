"""The functions of libopus that are used (``opus.h``), for cffi's ABI mode.

``FFI`` below is what cffi compiles from ``DECLARATIONS`` (``FFI.set_source(name, None)``, ``emit_python_code``): to
have it do so in each process would cost its start 0.1 s. A test holds the two together.
"""

from __future__ import annotations

from typing import Any

import _cffi_backend

__all__ = ["DECLARATIONS", "ffi"]

DECLARATIONS = """
const char *opus_get_version_string(void);
const char *opus_strerror(int error);
void *opus_encoder_create(int32_t rate, int channels, int application, int *error);
void opus_encoder_destroy(void *state);
int32_t opus_encode(void *state, const char *pcm, int samples, char *packet, int32_t most);
int opus_encoder_ctl(void *state, int request, ...);
void *opus_decoder_create(int32_t rate, int channels, int *error);
void opus_decoder_destroy(void *state);
int opus_decode(void *state, const char *packet, int32_t size, char *pcm, int most, int fec);
int opus_decoder_ctl(void *state, int request, ...);
"""

# fmt: off
ffi: Any = _cffi_backend.FFI(
    "livegraph_opus",
    _version=0x2601,
    _types=(
        b"\x00\x00\x07\x0d\x00\x00\x07\x01\x00\x00\x00\x0f\x00\x00\x07\x0d\x00\x00\x00\x0f\x00\x00"
        b"\x01\x0d\x00\x00\x27\x03\x00\x00\x26\x03\x00\x00\x15\x01\x00\x00\x26\x03\x00\x00\x07\x01"
        b"\x00\x00\x07\x01\x00\x00\x00\x0f\x00\x00\x01\x0d\x00\x00\x06\x11\x00\x00\x07\x01\x00\x00"
        b"\x01\x0f\x00\x00\x08\x0d\x00\x00\x06\x11\x00\x00\x07\x11\x00\x00\x07\x01\x00\x00\x09\x11"
        b"\x00\x00\x15\x01\x00\x00\x00\x0f\x00\x00\x06\x0d\x00\x00\x15\x01\x00\x00\x07\x01\x00\x00"
        b"\x01\x03\x00\x00\x00\x0f\x00\x00\x06\x0d\x00\x00\x15\x01\x00\x00\x07\x01\x00\x00\x07\x01"
        b"\x00\x00\x1b\x11\x00\x00\x00\x0f\x00\x00\x27\x0d\x00\x00\x06\x11\x00\x00\x00\x0f\x00\x00"
        b"\x02\x01\x00\x00\x00\x01"
    ),
    _globals=(
        b"\x00\x00\x05\x23" b"opus_decode", 0,
        b"\x00\x00\x18\x23" b"opus_decoder_create", 0,
        b"\x00\x00\x0d\x23" b"opus_decoder_ctl", 0,
        b"\x00\x00\x23\x23" b"opus_decoder_destroy", 0,
        b"\x00\x00\x11\x23" b"opus_encode", 0,
        b"\x00\x00\x1d\x23" b"opus_encoder_create", 0,
        b"\x00\x00\x0d\x23" b"opus_encoder_ctl", 0,
        b"\x00\x00\x23\x23" b"opus_encoder_destroy", 0,
        b"\x00\x00\x03\x23" b"opus_get_version_string", 0,
        b"\x00\x00\x00\x23" b"opus_strerror", 0,
    ),
)
# fmt: on
