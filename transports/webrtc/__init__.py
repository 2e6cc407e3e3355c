"""Calls from browsers: one ``Peer`` for each caller, and the two boxes that join it to a graph."""
