"""Functions that take their time, or ask first."""

import asyncio

from livegraph.pipeline import SECOND
from livegraph.processors.tools import Filler, tool


@tool(filler=Filler(say="One moment, please.", after_ns=SECOND))
async def look_up() -> str:
    """Look something up."""
    await asyncio.sleep(4)
    return "all is well"


@tool(confirm="Shall I book it?")
def book() -> str:
    """Book."""
    return "booked"
