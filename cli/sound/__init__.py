"""Microphone and loudspeaker of this machine, for ``livegraph talk``."""
