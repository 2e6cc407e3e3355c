"""A trace for each call, with OpenTelemetry (extra ``otel``): the call, the model's turns, tools, connections.

Names are those of the GenAI conventions (open-telemetry/semantic-conventions-genai, docs/gen-ai, realtime and
execute-tool spans): ``invoke_agent AGENT``, ``realtime_inference MODEL``, ``execute_tool TOOL``. What is said, and what
goes in and out of tools, is part of it only when it is asked for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..pipeline.events import (
    CallEnded,
    CallStarted,
    EventBus,
    Interrupted,
    NodeFailed,
    ServiceChanged,
    StateChanged,
    ToolCalled,
    ToolCancelled,
    ToolFinished,
    Transcript,
    Usage,
)
from ..pipeline.graph.plan import Plan

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer, TracerProvider

__all__ = ["CallTrace", "Tracing"]

_OVER = frozenset(("lost", "closed", "renewed"))


class Tracing:
    """Makes traces of calls.

    Args:
        provider: where spans go; the program's own by default.
        contents: whether transcripts, arguments and results are recorded as well.

    Raises ``ImportError`` where OpenTelemetry is not installed: ``pip install livegraph[otel]``.
    """

    def __init__(self, provider: TracerProvider | None = None, *, contents: bool = False) -> None:
        from opentelemetry import trace

        self.contents = contents
        self._tracer: Tracer = (provider or trace.get_tracer_provider()).get_tracer("livegraph")

    def begin(
        self, agent: str, call: str, plan: Plan, events: EventBus, headers: Mapping[str, str] | None = None
    ) -> CallTrace:
        """Trace a call, as part of the trace that ``traceparent`` and ``baggage`` in ``headers`` belong to."""
        from opentelemetry import propagate

        context = propagate.extract(dict(headers or {}))
        return CallTrace(self._tracer, context, agent, call, plan, events, contents=self.contents)


class CallTrace:
    """The spans of one call, made of its events."""

    def __init__(
        self,
        tracer: Tracer,
        context: Context,
        agent: str,
        call: str,
        plan: Plan,
        events: EventBus,
        *,
        contents: bool,
    ) -> None:
        from opentelemetry.trace import SpanKind, set_span_in_context

        self._tracer, self._plan, self._contents = tracer, plan, contents
        self._conversation = call
        self._began_unix_ns = time.time_ns()
        self._root = tracer.start_span(
            f"invoke_agent {agent}",
            context,
            SpanKind.INTERNAL,
            {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": agent,
                "gen_ai.conversation.id": call,
            },
        )
        self._inside = set_span_in_context(self._root, context)
        self._turn: Span | None = None
        self._turn_number = 0
        self._ended_turn: Span | None = None
        """The last one, which still waits for its usage."""
        self._tools: dict[str, Span] = {}
        self._connections: dict[str, Span] = {}
        self._said: dict[str, str] = {}
        self._interrupted = False
        for kind, observer in (
            (CallStarted, self._started),
            (CallEnded, self._ended),
            (StateChanged, self._state),
            (Interrupted, self._cut),
            (Usage, self._used),
            (ToolCalled, self._tool),
            (ToolFinished, self._tool_done),
            (ToolCancelled, self._tool_withdrawn),
            (ServiceChanged, self._service),
            (NodeFailed, self._failed),
            (Transcript, self._heard),
        ):
            events.subscribe(kind, observer)  # type: ignore[arg-type]

    @property
    def trace_id(self) -> str:
        """The trace's id, 32 hexadecimal digits."""
        return f"{self._root.get_span_context().trace_id:032x}"

    def close(self, reason: str, error: str = "") -> None:
        """The call is over, also one that never began; again is fine."""
        self._finish(None, reason, error)

    # Events ------------------------------------------------------------------------------------

    def _started(self, event: CallStarted) -> None:
        self._began_unix_ns = time.time_ns() - event.time_ns

    def _ended(self, event: CallEnded) -> None:
        self._finish(self._at(event.time_ns), event.reason, "failed" if event.error else "")

    def _state(self, event: StateChanged) -> None:
        if event.state in ("thinking", "speaking"):
            if self._turn is None or event.turn > self._turn_number > 0:
                self._end_turn(event.time_ns, "stop")
                self._begin_turn(event)
        elif event.state in ("listening", "interrupted"):
            self._end_turn(
                event.time_ns, "error" if self._interrupted or event.state == "interrupted" else "stop"
            )

    def _begin_turn(self, event: StateChanged) -> None:
        from opentelemetry.trace import SpanKind

        self._settle()
        self._interrupted, self._turn_number = False, event.turn
        node, model = self._model()
        self._turn = self._tracer.start_span(
            f"realtime_inference {model}" if model else "realtime_inference",
            self._inside,
            SpanKind.CLIENT,
            {
                "gen_ai.operation.name": "realtime_inference",
                "gen_ai.provider.name": _provider(model),
                "gen_ai.conversation.id": self._conversation,
                "gen_ai.output.type": "speech",
                **({"gen_ai.request.model": model} if model else {}),
                **({"livegraph.node": node} if node else {}),
            },
            start_time=self._at(event.time_ns),
        )

    def _end_turn(self, time_ns: int, reason: str) -> None:
        turn = self._turn
        if turn is None:
            return
        self._turn = None
        turn.set_attribute("gen_ai.response.finish_reasons", [reason])
        if self._contents:
            for role, name in (("user", "input"), ("agent", "output")):
                if text := self._said.pop(role, ""):
                    spoken = {"role": "user" if role == "user" else "assistant"}
                    message = [{**spoken, "parts": [{"type": "text", "content": text}]}]
                    turn.set_attribute(f"gen_ai.{name}.messages", json.dumps(message, ensure_ascii=False))
        # Services count after the turn: the span is open until they have, or until the next turn.
        self._settle()
        self._ended_turn = turn
        self._turn_ended_ns = self._at(time_ns)

    def _settle(self) -> None:
        if self._ended_turn is not None:
            self._ended_turn.end(self._turn_ended_ns)
            self._ended_turn = None

    def _used(self, event: Usage) -> None:
        turn = self._ended_turn or self._turn
        if turn is None:
            return
        for name, value in (
            ("input_tokens", event.input_tokens),
            ("output_tokens", event.output_tokens),
            ("audio.input_tokens", event.input_by_modality.get("AUDIO", 0)),
            ("audio.output_tokens", event.output_by_modality.get("AUDIO", 0)),
            ("reasoning.output_tokens", event.thought_tokens),
            ("cache_read.input_tokens", event.cached_tokens),
        ):
            if value:
                turn.set_attribute(f"gen_ai.usage.{name}", value)
        self._settle()

    def _cut(self, _: Interrupted) -> None:
        self._interrupted = True

    def _tool(self, event: ToolCalled) -> None:
        from opentelemetry.trace import SpanKind

        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": event.name,
            "gen_ai.tool.call.id": event.id,
            "gen_ai.tool.type": "function",
        }
        if self._contents:
            attributes["gen_ai.tool.call.arguments"] = json.dumps(event.args, default=str)
        self._tools[event.id] = self._tracer.start_span(
            f"execute_tool {event.name}",
            self._inside,
            SpanKind.INTERNAL,
            attributes,
            start_time=self._at(event.time_ns),
        )

    def _tool_done(self, event: ToolFinished) -> None:
        span = self._tools.pop(event.id, None)
        if span is None:
            return
        if self._contents:
            span.set_attribute("gen_ai.tool.call.result", json.dumps(event.result, default=str))
        told = {"livegraph.tool.outcome": event.outcome, "livegraph.tool.service": event.service}
        span.set_attributes({key: value for key, value in told.items() if value})
        span.set_attribute("livegraph.tool.attempts", event.attempts)
        if not event.ok:
            _mark(span, "tool_error")
        span.end(self._at(event.time_ns))

    def _tool_withdrawn(self, event: ToolCancelled) -> None:
        span = self._tools.pop(event.id, None)
        if span is not None:
            _mark(span, "cancelled")
            span.end(self._at(event.time_ns))

    def _service(self, event: ServiceChanged) -> None:
        from opentelemetry.trace import SpanKind

        if event.state in _OVER and (span := self._connections.pop(event.node, None)) is not None:
            if event.state == "lost":
                _mark(span, "lost")
            span.end(self._at(event.time_ns))
        if event.state in ("connected", "resumed", "renewed"):
            self._connections[event.node] = self._tracer.start_span(
                f"connection {event.node}",
                self._inside,
                SpanKind.CLIENT,
                {"livegraph.node": event.node, "livegraph.connection.how": event.state},
                start_time=self._at(event.time_ns),
            )

    def _failed(self, event: NodeFailed) -> None:
        # Not its text: that is for the log.
        self._root.add_event(
            "node failed",
            {"livegraph.node": event.node, "livegraph.fatal": event.fatal},
            self._at(event.time_ns),
        )

    def _heard(self, event: Transcript) -> None:
        if self._contents and event.final:
            self._said[event.role] = event.text

    def _finish(self, at_unix_ns: int | None, reason: str, error: str) -> None:
        if not self._root.is_recording():
            return
        at = time.time_ns() if at_unix_ns is None else at_unix_ns
        self._end_turn(at - self._began_unix_ns, "error" if error else "stop")
        self._settle()
        for span in (*self._tools.values(), *self._connections.values()):
            span.end(at)
        self._root.set_attribute("livegraph.end_reason", reason)
        if error:
            _mark(self._root, error)
        self._root.end(at)

    def _at(self, time_ns: int) -> int:
        """A time of the call's clock as nanoseconds since 1970."""
        return self._began_unix_ns + time_ns

    def _model(self) -> tuple[str, str]:
        """The node that talks to a model, and which model; empty where there is none."""
        from ..pipeline.options import option_specs

        for name, node in self._plan.checked.nodes.items():
            spec = option_specs(node.processor).get("model")
            if spec is not None:
                model = node.options.get("model", spec.default)
                return name, str(model).removeprefix("models/")
        return "", ""


def _provider(model: str) -> str:
    """The conventions' name for whoever has the model."""
    return "gcp.gemini" if model.startswith("gemini") else "unknown"


def _mark(span: Span, kind: str) -> None:
    from opentelemetry.trace import StatusCode

    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)
