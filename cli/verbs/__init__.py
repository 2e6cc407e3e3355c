"""The verbs of the command ``livegraph``, one module each."""
