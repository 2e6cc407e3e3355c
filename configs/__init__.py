"""Agents that ship with livegraph, runnable by name, and their tools. Data and plain Python only."""
