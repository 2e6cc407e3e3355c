"""Who speaks: the one state machine that decides it, the conversation around it, and what was heard."""
