"""A function that counts how often it was asked for, in the state of the call."""

from livegraph.processors.tools import ToolContext


def count(call: ToolContext) -> str:
    """Count."""
    call.state.tries += 1
    return f"number {call.state.tries}"


def refund() -> str:
    """Pay back."""
    return "paid back"
