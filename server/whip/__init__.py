"""WHIP (RFC 9725): cameras, encoders and programs call with one request over HTTP."""
