"""How an agent behaves in a conversation: the section ``conversation`` of an agent file, and its one object in Python.

All of it is decided by ``manners.Manners`` and ``controller.TurnController``; this is only what they go by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from ..options import Doc, FieldFault, Range
from ..units import MS, SECOND, DurationLike, settle_durations
from .words import words_of

__all__ = [
    "ConversationLimits",
    "ConversationPolicy",
    "Ending",
    "IdleStep",
    "Interruptions",
    "Keys",
    "Opening",
    "Outbound",
    "read_cost",
]

_HOUR = 3600 * SECOND
_COST = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(USD|\$)?|\$\s*(\d+(?:\.\d+)?|\.\d+)", re.IGNORECASE)

MuteUntil = Literal["until_heard", "first_speech", "never"]
WhileMuted = Literal["drop", "keep"]


def read_cost(value: float | str) -> float:
    """Dollars from ``0.5``, ``0.50 USD`` or ``$0.50``. Raises ``ValueError``."""
    if isinstance(value, str):
        match = _COST.fullmatch(value.strip())
        if match is None:
            raise ValueError("must be a cost in dollars, such as 0.50 USD")
        value = float(match[1] or match[3])
    if not 0 < value < 1e9:
        raise ValueError("must be above 0")
    return float(value)


@dataclass(frozen=True, slots=True)
class Opening:
    """How a call begins."""

    greeting: Annotated[str, Doc("what the agent says first; {{inputs.name}} may stand in it")] = ""
    mute: Annotated[
        MuteUntil,
        Doc(
            "whether the caller is unheard: until_heard, from the start until the agent's first words are over; "
            "first_speech, only while those sound; never"
        ),
    ] = "never"


@dataclass(frozen=True, slots=True)
class IdleStep:
    """What happens when nobody has said anything for a while."""

    after_ns: Annotated[int, Range(500 * MS, _HOUR), Doc("silence, since somebody was last heard")]
    say: Annotated[str, Doc("what the agent says")] = ""
    end: Annotated[bool, Doc("end the call, once that was heard")] = False

    if TYPE_CHECKING:

        def __init__(self, after_ns: DurationLike, say: str = "", end: bool = False) -> None: ...

    def __post_init__(self) -> None:
        settle_durations(self)
        if not self.say.strip() and not self.end:
            raise FieldFault(("after",), "the step does nothing", "give it `say`, `end: true`, or both")


@dataclass(frozen=True, slots=True)
class ConversationLimits:
    """How far a call may go. What is 0 or left out has no limit."""

    duration_ns: Annotated[int, Range(0, 24 * _HOUR), Doc("how long a call may be")] = 0
    warn_before_ns: Annotated[
        int, Range(0, _HOUR), Doc("how long before its end the caller is told of it")
    ] = 0
    warning: Annotated[str, Doc("what the agent says then; in its own words where nothing stands here")] = ""
    cost: Annotated[float | str, Doc("what a call may cost at the service, as in 0.50 USD")] = 0.0
    turns: Annotated[int, Range(0, 100_000), Doc("how often the agent answers")] = 0
    tokens: Annotated[int, Range(0, 1_000_000_000), Doc("tokens that the service may count")] = 0

    if TYPE_CHECKING:

        def __init__(
            self,
            duration_ns: DurationLike = ...,
            warn_before_ns: DurationLike = ...,
            warning: str = ...,
            cost: float | str = ...,
            turns: int = ...,
            tokens: int = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        settle_durations(self)
        try:
            object.__setattr__(self, "cost", read_cost(self.cost) if self.cost else 0.0)
        except ValueError as error:
            raise FieldFault(("cost",), f"`cost` {error}", "write `cost: 0.50 USD`") from None
        if self.warn_before_ns and not self.duration_ns:
            raise FieldFault(("warn_before",), "there is no `duration` that could be warned of", "give one")
        if self.warn_before_ns and self.warn_before_ns >= self.duration_ns:
            message = "`warn_before` is not shorter than `duration`"
            raise FieldFault(("warn_before",), message, "it counts back from the end")

    @property
    def cost_usd(self) -> float:
        """``cost`` as a number; 0 for no limit."""
        return float(self.cost)


@dataclass(frozen=True, slots=True)
class Interruptions:
    """What becomes of speech over the agent."""

    mode: Annotated[
        Literal["pause", "cut", "never", "mute"],
        Doc(
            "pause: stop, decide, go on or give way; cut: give way at once; never: the agent goes on, and hears it; "
            "mute: the caller is unheard while the agent speaks"
        ),
    ] = "pause"
    confirm_ns: Annotated[
        int | None, Range(50 * MS, 10 * SECOND), Doc("speech of this length is an interruption")
    ] = None
    min_words: Annotated[
        int,
        Range(0, 20),
        Doc("words that make an interruption, where the service tells words while they are spoken"),
    ] = 0
    backchannels: Annotated[
        tuple[str, ...], Doc("words that only say `I am listening`: they do not interrupt")
    ] = ()
    during_tools: Annotated[
        Literal["allow", "mute"], Doc("whether the caller is heard while a function is at work")
    ] = "allow"

    if TYPE_CHECKING:

        def __init__(
            self,
            mode: Literal["pause", "cut", "never", "mute"] = ...,
            confirm_ns: DurationLike | None = ...,
            min_words: int = ...,
            backchannels: tuple[str, ...] = ...,
            during_tools: Literal["allow", "mute"] = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        if self.confirm_ns is not None:
            settle_durations(self)
        for index, words in enumerate(self.backchannels):
            if not words_of(words):
                raise FieldFault(("backchannels", index), "a backchannel of no words", "leave it out")

    @property
    def by_words(self) -> bool:
        """Whether what was said decides, and not only for how long."""
        return self.mode == "pause" and (bool(self.backchannels) or self.min_words > 0)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ends by the agent's own doing."""

    phrases: Annotated[tuple[str, ...], Doc("words of the caller or the agent that end the call")] = ()
    say: Annotated[str, Doc("the goodbye; where there is none, the agent's own words are it")] = ""
    after_speech: Annotated[
        bool, Doc("whether what the agent is saying, or about to answer, is heard first")
    ] = True
    tool: Annotated[bool, Doc("whether the model can end the call, by the function end_call")] = True

    def __post_init__(self) -> None:
        for index, words in enumerate(self.phrases):
            if not words_of(words):
                raise FieldFault(("phrases", index), "a phrase of no words", "leave it out")


@dataclass(frozen=True, slots=True)
class Keys:
    """What becomes of keys that the caller presses on a telephone."""

    tell: Annotated[bool, Doc("whether the model is told what was pressed, and answers to it")] = True
    pause_ns: Annotated[
        int, Range(200 * MS, 30 * SECOND), Doc("keys with less than this between them belong together")
    ] = 2 * SECOND
    finish: Annotated[str, Doc("key that ends a row of them at once")] = "#"
    end: Annotated[str, Doc("key that ends the call")] = ""

    if TYPE_CHECKING:

        def __init__(
            self, tell: bool = ..., pause_ns: DurationLike = ..., finish: str = ..., end: str = ...
        ) -> None: ...

    def __post_init__(self) -> None:
        settle_durations(self)
        for name in ("finish", "end"):
            key = getattr(self, name)
            if key and (len(key) != 1 or key.upper() not in "0123456789*#ABCD"):
                message = f"`{name}` must be one key, not `{key[:20]}`"
                raise FieldFault((name,), message, "the keys are 0 to 9, *, #, and A to D")


@dataclass(frozen=True, slots=True)
class Outbound:
    """What is known of calls that we make: who answers may be nobody, or a machine."""

    silence_ns: Annotated[
        int, Range(0, 60 * SECOND), Doc("nobody heard for so long after the start: the agent speaks first")
    ] = 3 * SECOND
    give_up_ns: Annotated[
        int, Range(0, 600 * SECOND), Doc("nobody heard for so long: the call ends; 0 for never")
    ] = 30 * SECOND
    machine_ns: Annotated[
        int,
        Range(0, 60 * SECOND),
        Doc("first words longer than that without a pause are a machine's; 0 for never"),
    ] = 5 * SECOND
    phrases: Annotated[tuple[str, ...], Doc("words of a machine in what is heard first")] = (
        "leave a message",
        "leave your message",
        "after the tone",
        "after the beep",
        "voicemail",
        "mailbox",
        "not available",
    )
    message: Annotated[
        str, Doc("what is said to a machine when it has done; nothing, and the call ends at once")
    ] = ""

    if TYPE_CHECKING:

        def __init__(
            self,
            silence_ns: DurationLike = ...,
            give_up_ns: DurationLike = ...,
            machine_ns: DurationLike = ...,
            phrases: tuple[str, ...] = ...,
            message: str = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        settle_durations(self)


@dataclass(frozen=True, slots=True)
class ConversationPolicy:
    """An agent's manners: the section ``conversation``. Durations may be given as text, as in ``"8s"``."""

    opening: Annotated[Opening, Doc("how a call begins")] = Opening()
    idle: Annotated[
        tuple[IdleStep, ...], Doc("what happens when nobody speaks, one step after the other")
    ] = ()
    limits: Annotated[ConversationLimits, Doc("how far a call may go")] = ConversationLimits()
    interruptions: Annotated[Interruptions, Doc("what becomes of speech over the agent")] = Interruptions()
    ending: Annotated[Ending | None, Doc("how a call ends by the agent's own doing")] = None
    keys: Annotated[Keys | None, Doc("what becomes of keys on a telephone; left out, boxes may use them")] = (
        None
    )
    outbound: Annotated[Outbound | None, Doc("for calls that we make: silence and machines at the start")] = (
        None
    )
    while_muted: Annotated[
        WhileMuted, Doc("what becomes of words said while the caller is unheard: dropped, or heard later")
    ] = "drop"

    def __post_init__(self) -> None:
        before_ns = 0
        for index, step in enumerate(self.idle):
            if step.after_ns <= before_ns:
                message = "a step of `idle` does not come after the one before"
                raise FieldFault(("idle", index, "after"), message, "all count from the same silence")
            if index and self.idle[index - 1].end:
                message = "a step of `idle` after the call has ended"
                raise FieldFault(("idle", index), message, "`end: true` belongs to the last one")
            before_ns = step.after_ns
