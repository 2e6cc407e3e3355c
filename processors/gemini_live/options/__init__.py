"""The options: their types, and the setup message that they become."""
