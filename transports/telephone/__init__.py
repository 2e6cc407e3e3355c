"""Telephones by the media streams of Twilio, Telnyx and Plivo: their words, and the two boxes of a call."""
