"""What is said: the meaning of the server's messages, the calls, the transcripts, the history."""
