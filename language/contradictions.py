"""What in the section ``conversation`` can never come to pass, because another part of the file says otherwise.

Codes: LG220, all of them warnings: whoever changes one of the two in a running call may want it so; LG305 where no
turn of the caller would ever end.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..pipeline.convert import Steps
from ..pipeline.errors import Problem
from ..pipeline.frames import SpeechEndFrame
from ..pipeline.graph.declarations import GraphSpec
from ..pipeline.processor import ports_of
from ..pipeline.turns.controller import TurnPolicy
from ..pipeline.turns.conversation_policy import ConversationPolicy

__all__ = ["contradictions", "unmarked_turns"]

_Found = Iterator[tuple[Steps, str, str]]


def contradictions(policy: ConversationPolicy, turns: TurnPolicy) -> Iterator[Problem]:
    """A warning for each, at the key that has no effect."""
    for finder in (_interruptions, _limits, _idle, _keys, _outbound):
        for path, message, hint in finder(policy, turns):
            yield Problem("LG220", message, ("conversation", *path), hint=hint, warning=True)


def unmarked_turns(graph: GraphSpec, turns: TurnPolicy) -> Iterator[Problem]:
    """A fault where the detector here is to decide when the caller's turn is over, and there is none. Code: LG305."""
    waits = [name for name, node in graph.nodes.items() if node.options.get("activity") == "manual"]
    outputs = (port for node in graph.nodes.values() for port in ports_of(node.processor).values())
    told = any(port.direction == "out" and SpeechEndFrame in port.types for port in outputs)
    if turns.preset != "service" and waits and not told:
        message = f"nobody tells `{waits[0]}` when the caller speaks, as `turns: {turns.preset}` has it"
        hint = "put a `vad_gate` in front of it, or write `turns: service`"
        yield Problem("LG305", message, ("turns",), hint=hint)


def _interruptions(policy: ConversationPolicy, turns: TurnPolicy) -> _Found:
    said = policy.interruptions
    words = [name for name in ("min_words", "backchannels") if getattr(said, name)]
    for name in words:
        path = ("interruptions", name)
        if said.mode != "pause":
            yield (
                path,
                f"`{name}` means nothing with `mode: {said.mode}`",
                "words are judged with `mode: pause`",
            )
        elif turns.preset != "service":
            told = f"`{name}` means nothing with `turns: {turns.preset}`, where the length of speech decides"
            yield path, told, "words are told while they are spoken with `turns: service`"
    if said.confirm_ns is not None and said.mode != "pause":
        yield (
            ("interruptions", "confirm"),
            f"`confirm` means nothing with `mode: {said.mode}`",
            "speech is confirmed with `mode: pause`",
        )


def _limits(policy: ConversationPolicy, _: TurnPolicy) -> _Found:
    limits = policy.limits
    if limits.warning and not limits.warn_before_ns:
        yield (
            ("limits", "warning"),
            "nobody is warned: there is no `warn_before`",
            "say how long before the end",
        )


def _idle(policy: ConversationPolicy, _: TurnPolicy) -> _Found:
    longest_ns = policy.limits.duration_ns
    for index, step in enumerate(policy.idle):
        if longest_ns and step.after_ns >= longest_ns:
            told = "the call is over before it is silent for so long"
            yield ("idle", index, "after"), told, "`limits` has a `duration`"


def _keys(policy: ConversationPolicy, _: TurnPolicy) -> _Found:
    keys = policy.keys
    if keys is not None and keys.end and keys.end == keys.finish:
        yield ("keys", "end"), f"`{keys.end}` ends the call, and no row of keys", "give `finish` another key"


def _outbound(policy: ConversationPolicy, _: TurnPolicy) -> _Found:
    outbound = policy.outbound
    if outbound is not None and 0 < outbound.give_up_ns <= outbound.silence_ns:
        told = "the call is given up before the agent speaks into the silence"
        yield ("outbound", "silence"), told, "make `give_up` the longer of the two"
