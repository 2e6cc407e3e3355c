"""What the first call of a process would wait for, done before it comes."""

from __future__ import annotations

__all__ = ["warm_up"]


def warm_up() -> None:
    """Load the detector, the codec and the encryption, and use each once. Takes a second or so; call it in a thread."""
    import numpy as np

    from ...audio import SileroVad
    from ...transports.webrtc import peer, webrtc_in, webrtc_out
    from ...transports.webrtc.secure import Certificate
    from .. import call_events, tracing
    from ..calls import watching, webrtc_leg
    from ..limits.room import measure_room

    del peer, webrtc_in, webrtc_out, call_events, tracing, watching, webrtc_leg
    SileroVad().process(np.zeros(4 * SileroVad.window_samples, np.int16))
    measure_room()
    Certificate()
