"""Providers and callers at the edge of what is documented, on virtual time: marks that never come back, news that cross
on a slow line, keys while nothing else of the caller is heard."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette

from livegraph.pipeline.events import CallEnded, Interrupted, KeyPressed, StateChanged, Transcript
from support.telephones import FakeTelephone, FakeTelnyx, FakeTwilio

from .test_conversations import AGENT, LONG, Told, answered, until, voice

GREETING = "Good day and welcome to the practice."
UNHEARD = f"{AGENT}conversation: {{opening: {{mute: until_heard}}, keys: {{pause: 1s}}}}\n"


class Dumb(FakeTwilio):
    """Sends no mark back, ever."""

    def _marked(self, name: str) -> None:
        """Nothing."""


class Slow(FakeTelnyx):
    """A satellite: what was played is told when it was cleared long ago, and a clear is on its way meanwhile."""

    def __init__(self, **named: Any) -> None:
        super().__init__(delay_s=0.4, **named)


@pytest.mark.parametrize("kind", [Dumb, Slow])
def test_an_answer_is_cut_and_the_next_is_whole(kind: type[FakeTelephone]) -> None:
    """The greeting is over when it was heard; who speaks over the answer stops it, and not all of it counts as said;
    the answer after that is whole, heard and known to be over."""

    async def test(app: Starlette, told: Told) -> None:
        phone = kind()
        await phone.dial(app)
        await until(lambda: told.said())
        assert told.said() == [GREETING]
        greeting_s = len(phone.ear.samples()) / phone.coding.rate
        await phone.say(voice())
        await until(lambda: len(phone.ear.samples()) / phone.coding.rate > greeting_s + 2.5)
        await phone.say(voice())
        await until(lambda: told.of(Interrupted))
        await until(lambda: [event for event in told.of(Transcript) if event.interrupted])
        cut = [event for event in told.of(Transcript) if event.interrupted]
        assert LONG.startswith(cut[0].text.rstrip())
        assert len(cut[0].text) < len(LONG)
        await until(lambda: LONG in told.said(), 60)
        await until(lambda: told.of(StateChanged)[-1].state == "listening", 5)
        phone.hang_up()
        await phone.gone()

    answered(test)


def test_keys_count_while_the_caller_is_unheard() -> None:
    """What is said over the greeting is dropped, keys are meant: the model answers them, and one of the menu that ends
    the call ends it."""

    async def test(app: Starlette, told: Told) -> None:
        phone = FakeTwilio()
        await phone.dial(app)
        await until(lambda: told.of(StateChanged) and told.of(StateChanged)[-1].state == "speaking")
        for key in "12#":
            phone.press(key)
        await until(lambda: LONG in told.said(), 60)
        assert [event.key for event in told.of(KeyPressed)] == ["1", "2", "#"]
        phone.press("9")
        await until(lambda: told.of(CallEnded))
        await phone.gone()

    answered(test, UNHEARD)
