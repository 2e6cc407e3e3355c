"""Callers whose sound comes over a message socket, piece by piece: programs, small devices, telephones.

What is decided (order of what arrives, pace and truth of what is played, what a far side may send) is sans-IO;
``caller`` holds it together, and whoever has the socket gives it a ``Wire``.
"""
