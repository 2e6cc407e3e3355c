"""Pipecat's clients, unchanged: what they say (RTVI), how they call, and the page that Pipecat ships."""
