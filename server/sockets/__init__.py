"""Callers by WebSocket: who is let in, what they say first, and the routes that they come by."""

from __future__ import annotations
