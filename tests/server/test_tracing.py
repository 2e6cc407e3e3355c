"""Traces: one a call, with the names of the GenAI conventions, part of the caller's trace, and without contents."""

import asyncio
import json

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import baggage
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.trace import SpanKind, StatusCode

from livegraph.cli.serving import tracing_of
from livegraph.language import parse_agent
from livegraph.pipeline.events import (
    CallEnded,
    CallStarted,
    EventBus,
    Interrupted,
    NodeFailed,
    ServiceChanged,
    StateChanged,
    ToolCalled,
    ToolFinished,
    Transcript,
    Usage,
)
from livegraph.pipeline.units import MS, SECOND
from livegraph.server import Tracing
from support.web import serving
from support.webrtc import Caller

PLANTED = "planted-in-a-conversation"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MODEL = "gemini-3.1-flash-live-preview"
AGENT = f"version: 1\npipeline:\n  - webrtc_in\n  - gemini_live: {{model: {MODEL}}}\n  - webrtc_out\n"
NEWER = {
    "gen_ai.usage.audio.input_tokens",
    "gen_ai.usage.audio.output_tokens",
}
"""Names of the conventions' own repository that its Python package has not got yet."""


def a_call(*, contents: bool) -> list[ReadableSpan]:
    """The spans of a call in which everything happens."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    plan = parse_agent(AGENT, file="desk.yaml").plan()
    events = EventBus()
    trace = Tracing(provider, contents=contents).begin(
        "desk", "call-1", plan, events, {"traceparent": PARENT, "baggage": "tenant=a"}
    )
    assert trace.trace_id == PARENT.split("-")[1]
    for event in (
        CallStarted(time_ns=0, call="call-1"),
        ServiceChanged(time_ns=10 * MS, node="gemini_live", state="connected"),
        Transcript(time_ns=1 * SECOND, role="user", utterance=1, text=PLANTED, final=True),
        StateChanged(time_ns=1 * SECOND, state="thinking", turn=1),
        ToolCalled(time_ns=1 * SECOND, id="t1", name="look_up", args={"pin": PLANTED}),
        ToolFinished(
            time_ns=1_200 * MS, id="t1", name="look_up", ok=False, result={"error": PLANTED}, duration_ns=1
        ),
        StateChanged(time_ns=1_500 * MS, state="speaking", turn=1),
        Transcript(time_ns=2 * SECOND, role="agent", utterance=2, text=PLANTED, final=True, turn=1),
        StateChanged(time_ns=3 * SECOND, state="listening", turn=1),
        Usage(
            time_ns=3_100 * MS,
            node="gemini_live",
            input_tokens=50,
            output_tokens=20,
            total_tokens=70,
            input_by_modality={"AUDIO": 40},
            output_by_modality={"AUDIO": 20},
            thought_tokens=3,
        ),
        StateChanged(time_ns=4 * SECOND, state="speaking", turn=2),
        Interrupted(time_ns=5 * SECOND, turn=2),
        StateChanged(time_ns=5 * SECOND, state="interrupted", turn=2),
        ServiceChanged(time_ns=6 * SECOND, node="gemini_live", state="lost"),
        NodeFailed(time_ns=6 * SECOND, node="box", message=PLANTED, fatal=True),
        CallEnded(time_ns=7 * SECOND, call="call-1", reason="failed", error=PLANTED),
    ):
        events.publish(event)
    trace.close("failed")
    return list(exporter.get_finished_spans())


def test_the_spans_of_a_call() -> None:
    """One root in the caller's trace; turns, tools and connections in it, each as long as it was."""
    spans = a_call(contents=False)
    by_name: dict[str, list[ReadableSpan]] = {}
    for span in spans:
        by_name.setdefault(span.name, []).append(span)
    (root,) = by_name["invoke_agent desk"]
    assert root.parent is not None
    assert f"{root.parent.span_id:016x}" == PARENT.split("-")[2]
    # From the offer, which is a little before the call's own beginning.
    assert root.end_time - root.start_time >= 7 * SECOND  # type: ignore[operator]
    assert root.status.status_code is StatusCode.ERROR
    for span in spans:
        if span is not root:
            assert span.parent is not None
            assert span.parent.span_id == root.context.span_id  # type: ignore[union-attr]
    first, second = by_name[f"realtime_inference {MODEL}"]
    assert first.kind is SpanKind.CLIENT
    assert first.end_time - first.start_time == 2 * SECOND  # type: ignore[operator]
    assert dict(first.attributes or {}) == {
        "gen_ai.operation.name": "realtime_inference",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": MODEL,
        "gen_ai.conversation.id": "call-1",
        "gen_ai.output.type": "speech",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 50,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.audio.input_tokens": 40,
        "gen_ai.usage.audio.output_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 3,
        "livegraph.node": "gemini_live",
    }
    assert (second.attributes or {})["gen_ai.response.finish_reasons"] == ("error",)
    (tool,) = by_name["execute_tool look_up"]
    assert tool.end_time - tool.start_time == 200 * MS  # type: ignore[operator]
    assert (tool.attributes or {})["error.type"] == "tool_error"
    (connection,) = by_name["connection gemini_live"]
    assert connection.end_time - connection.start_time == 5_990 * MS  # type: ignore[operator]
    assert set(by_name) == {
        "invoke_agent desk",
        f"realtime_inference {MODEL}",
        "execute_tool look_up",
        "connection gemini_live",
    }


def test_names_are_those_of_the_conventions() -> None:
    """Every ``gen_ai`` attribute is one of the registry's; ours begin with ``livegraph``."""
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")} | NEWER
    for span in a_call(contents=True):
        for name in span.attributes or {}:
            assert name in known or name == "error.type" or name.startswith("livegraph."), name


def test_contents_are_recorded_when_they_are_asked_for() -> None:
    """Nothing that was said, and nothing of a tool's, is in a trace otherwise; and an error's text never."""
    assert PLANTED not in "".join(span.to_json() for span in a_call(contents=False))
    spans = {span.name: span for span in reversed(a_call(contents=True))}
    turn = spans[f"realtime_inference {MODEL}"].attributes or {}
    message = [{"role": "user", "parts": [{"type": "text", "content": PLANTED}]}]
    assert json.loads(str(turn["gen_ai.input.messages"])) == message
    assert PLANTED in str((spans["execute_tool look_up"].attributes or {})["gen_ai.tool.call.arguments"])
    assert PLANTED not in spans["invoke_agent desk"].to_json()


def test_a_call_over_http_is_in_the_trace_of_its_offer() -> None:
    """``traceparent`` of the offer; and a call that nobody took up has a trace as well, which ends."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def run() -> None:
        agent = parse_agent("version: 1\npipeline: [webrtc_in, webrtc_out]\n", file="echo.yaml")
        from livegraph.server import ServedAgent

        async with serving([ServedAgent.of(agent)], tracing=Tracing(provider)) as web:
            caller = Caller(None)
            offer = {"sdp": await caller.offer(), "type": "offer"}
            reply = await web.send_json("POST", "/api/offer", offer, traceparent=PARENT)
            await web.ask("DELETE", f"/api/offer/{reply.json['pc_id']}")
            await caller.hang_up()

    asyncio.run(run())
    (span,) = exporter.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == PARENT.split("-")[1]  # type: ignore[union-attr]
    assert (span.attributes or {})["livegraph.end_reason"] == "hung_up"
    assert baggage.get_all() == {}


def test_the_command_traces_where_the_environment_asks_for_it() -> None:
    """By OpenTelemetry's own variables; without them nothing of it is loaded."""
    assert tracing_of({}) is None
    assert tracing_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}) is None
