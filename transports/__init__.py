"""Where media enters and leaves a graph: callers in browsers, files.

The boxes are registered by entry point; what they share is here: ``playout`` (the buffer in front of a
loudspeaker) and ``speaker`` (the same as a part of the conversation).
"""
