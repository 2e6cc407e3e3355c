"""Sound and pictures on the wire (RTP, RFC 3550): packets, reports, what is received and what is sent. Sans-IO.

``MediaSession`` is all of it for one caller; the modules below it know neither a socket nor an event loop.
"""
