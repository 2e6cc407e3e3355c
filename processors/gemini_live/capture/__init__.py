"""What goes up besides words: when the microphone counts as closed, whose turn it is, pictures."""
