"""Switch: one of several inputs to one of several outputs.

Ports: ``inputs`` in and ``outputs`` out, any number of edges each, any kind of frame; ``events`` in, frames that
make it switch; ``calls`` in and ``results`` out, for a model that may switch by a function. Edges are called after
the nodes at their other ends. It switches between two frames: by its live options ``input`` and ``output``
(``call.tune``, or a changed agent file), by ``MessageFrame`` events whose topic is ``switch``, by events of the call
that ``when`` names, or by the function that ``tool`` names. What arrives at other inputs is dropped.

Example:
    switch: {input: agent, tool: transfer}
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

from ..pipeline import (
    AudioFrame,
    Doc,
    EdgeEnd,
    Frame,
    In,
    Ins,
    Live,
    MessageFrame,
    Out,
    Outs,
    Processor,
    ProcessorError,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
)
from ..pipeline.events import Event
from ..pipeline.processor import OptionFault
from ..pipeline.spelling import did_you_mean
from .event_rules import event_fields, event_names, events_called, matches
from .tools.catalog import FunctionSpec, ToolCatalog

__all__ = ["Switch", "SwitchRule"]

_TOPIC = "switch"


@dataclass(frozen=True, slots=True)
class SwitchRule:
    """What an event of the call switches to."""

    event: Annotated[str, Doc("the event, such as key_pressed, speech_changed, tool_finished")]
    where: Annotated[
        Mapping[str, Any], Doc("values that its fields must have; left out, any event of the kind")
    ] = field(default_factory=dict)
    input: Annotated[str | None, Doc("the input from then on; left out, as before")] = None
    output: Annotated[str | None, Doc("the output from then on; left out, as before")] = None


class Switch(Processor):
    """Let through one of several inputs, to one of several outputs.

    Example:
        switch: {input: agent, tool: transfer}
    """

    inputs: Ins[AudioFrame | Frame] = Ins(doc="what can be let through, one edge each")
    outputs: Outs[AudioFrame | Frame] = Outs(like="inputs", doc="where it can go, one edge each")
    events: In[MessageFrame] = In(
        required=False, doc="messages of the topic switch: {input: NAME, output: NAME}"
    )
    calls: In[ToolCallFrame | ToolCancelFrame] = In(
        required=False, doc="calls of the function that tool names"
    )
    results: Out[ToolResultFrame] = Out(doc="their answers")

    def __init__(
        self,
        *,
        input: Annotated[
            str | None, Live(), Doc("the input to begin with; left out, the first of all")
        ] = None,
        output: Annotated[str | None, Live(), Doc("the output to begin with; left out, all of them")] = None,
        tool: Annotated[
            str, Doc("the name of a function by which the model switches; left out, it cannot")
        ] = "",
        describe: Annotated[str, Doc("what the model is told that the function does")] = "",
        when: Annotated[
            Sequence[SwitchRule], Doc("events of the call that make it switch: event, where, input, output")
        ] = (),
    ) -> None:
        self._input, self._output = input or "", output or ""
        self._tool, self._describe = tool, describe
        self._when = when
        self._undo: list[Callable[[], None]] = []

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        for index, rule in enumerate(options.get("when") or ()):
            if not events_called(rule.event):
                hint = did_you_mean(rule.event, event_names(), label="events")
                yield OptionFault(("when", index, "event"), f"there is no event `{rule.event[:40]}`", hint)
                continue
            fields = event_fields(rule.event)
            for name in rule.where:
                if name not in fields:
                    hint = did_you_mean(name, fields, label="fields")
                    yield OptionFault(("when", index, "where"), f"`{rule.event}` has no `{name[:40]}`", hint)
            if rule.input is None and rule.output is None:
                yield OptionFault(("when", index), "it switches nothing", "say `input` or `output`")

    @classmethod
    def names_given(cls, options: Mapping[str, Any]) -> Mapping[str, Collection[str]]:
        return {"functions": tuple(filter(None, [options.get("tool")]))}

    async def start(self) -> None:
        self._input = self._input or next((edge.name for edge in self.inputs.edges), "")
        self._set(self._input, self._output)
        if self._tool:
            self.calls.advertised = ToolCatalog((self._function(),))
        for rule in self._when:
            self._look_up(rule.input or "", rule.output or "")
            for kind in events_called(rule.event):
                self._undo.append(self.call.events.subscribe(kind, partial(self._on_event, rule)))

    async def stop(self) -> None:
        for undo in self._undo:
            undo()

    def on_tune(self, *, input: str | None, output: str | None) -> None:
        self._set(input or self._input, output or "")

    def on_inputs(self, frame: Frame, edge: EdgeEnd) -> None:
        if edge.name != self._input:
            return
        if self._output:
            self.outputs.emit_to(self._output, frame)
        else:
            self.outputs.emit(frame)

    def on_events(self, frame: MessageFrame) -> None:
        if frame.topic == _TOPIC and isinstance(frame.data, dict):
            self._choose(frame.data)

    def on_calls(self, frame: ToolCallFrame | ToolCancelFrame) -> None:
        if isinstance(frame, ToolCancelFrame) or frame.name != self._tool:
            return
        fault = self._choose(frame.args)
        result = {"error": fault} if fault else {"output": "done"}
        self.results.emit(ToolResultFrame(frame.id, frame.name, result, failed=bool(fault)))

    def _on_event(self, rule: SwitchRule, event: Event) -> None:
        if matches(event, rule.where):
            self._choose({"input": rule.input, "output": rule.output})

    def _choose(self, given: dict[str, Any]) -> str:
        """Switch to what ``given`` names; returns what is wrong with it, empty when nothing is."""
        chosen = {key: given[key] for key in ("input", "output") if isinstance(given.get(key), str)}
        try:
            self._set(chosen.get("input", self._input), chosen.get("output", self._output))
        except ProcessorError as error:
            self.log.warning("%s", error)
            return str(error)
        return ""

    def _set(self, source: str, target: str) -> None:
        self._look_up(source, target)
        self._input, self._output = source, target

    def _look_up(self, source: str, target: str) -> None:
        """Raise ``ProcessorError`` unless there are edges of these names."""
        for name, names, kind in (
            (source, self._names_in(), "input"),
            (target, self._names_out(), "output"),
        ):
            if name and name not in names:
                there = ", ".join(names) or "none"
                raise ProcessorError(
                    self.name, f"has no {kind} {name!r}", remedy=f"its {kind}s are called: {there}"
                )

    def _names_in(self) -> list[str]:
        return [edge.name for edge in self.inputs.edges]

    def _names_out(self) -> list[str]:
        return [edge.name for edge in self.outputs.edges]

    def _function(self) -> FunctionSpec:
        properties: dict[str, Any] = {}
        for key, names in (("input", self._names_in()), ("output", self._names_out())):
            if len(names) > 1:
                properties[key] = {"type": "string", "enum": names}
        parameters = {"type": "object", "properties": properties, "required": list(properties)}
        return FunctionSpec(self._tool, self._describe or "Switch to another line.", parameters, None)
