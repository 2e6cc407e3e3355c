"""Numbers for operators: Prometheus' own parser reads them, each is documented, the board asks for what there is."""

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from livegraph.pipeline.events import (
    CallStarted,
    EdgeStalled,
    EventBus,
    Interrupted,
    NodeFailed,
    ServiceChanged,
    SpeechChanged,
    StateChanged,
    ToolFinished,
    ToolServiceChanged,
    Usage,
)
from livegraph.pipeline.running.edges import EdgeStats
from livegraph.pipeline.units import MS, SECOND
from livegraph.server.metrics import Metrics, Snapshot
from livegraph.server.network_metrics import NetworkNumbers
from livegraph.transports.webrtc.network import Network

ROOT = Path(__file__).resolve().parents[2]


def a_call(metrics: Metrics) -> None:
    """A call in which everything happens once."""
    events = EventBus()
    metrics.watch("desk", events)
    metrics.answered(30 * MS)
    events.publish(CallStarted(time_ns=0, call="call-1"))
    events.publish(StateChanged(time_ns=700 * MS, state="speaking", turn=1))
    events.publish(SpeechChanged(time_ns=2 * SECOND, speaking=True))
    events.publish(StateChanged(time_ns=2 * SECOND + 15 * MS, state="paused", turn=1))
    events.publish(Interrupted(time_ns=3 * SECOND, turn=1))
    events.publish(SpeechChanged(time_ns=4 * SECOND, speaking=False))
    events.publish(StateChanged(time_ns=5 * SECOND, state="speaking", turn=2))
    events.publish(ToolFinished(time_ns=1, id="1", name="book", ok=True, result={}, duration_ns=SECOND))
    events.publish(ToolServiceChanged(time_ns=1, service="files", kind="mcp", state="down"))
    events.publish(
        Usage(
            time_ns=1,
            node="live",
            input_tokens=10,
            output_tokens=5,
            total_tokens=15,
            input_by_modality={},
            output_by_modality={},
            cost_usd=0.25,
        )
    )
    events.publish(ServiceChanged(time_ns=1, node="live", state="lost"))
    events.publish(NodeFailed(time_ns=1, node="box", message="", fatal=False))
    events.publish(EdgeStalled(time_ns=1, edge="a -> b", node="b", age_ns=1))
    stats = EdgeStats()
    stats.passed, stats.dropped = 100, 3
    metrics.carried("desk", [stats])
    metrics.refused("full")
    metrics.active.labels("desk").inc()
    metrics.ended("desk", "failed", 60 * SECOND, "box")
    metrics.unclear("desk", 2)
    metrics.running(lambda: [Snapshot("desk", "running", 5 * MS), Snapshot("desk", "pending", 0)])


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Every sample, by name and labels."""
    return {
        (
            sample.name,
            ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_what_happens_in_a_call_is_counted() -> None:
    """Each event is in the number that is named after it, in seconds and under the agent's name."""
    metrics = Metrics()
    a_call(metrics)
    found = samples(metrics)
    for name, labels, value in (
        ("livegraph_greeting_seconds_sum", "agent=desk", 0.7),
        ("livegraph_silence_seconds_sum", "agent=desk", 0.015),
        ("livegraph_response_seconds_sum", "agent=desk", 1.0),
        ("livegraph_interruptions_total", "agent=desk", 1),
        ("livegraph_tool_seconds_sum", "agent=desk,ok=true,tool=book", 1.0),
        ("livegraph_tokens_total", "agent=desk,direction=input,node=live", 10),
        ("livegraph_cost_usd_total", "agent=desk,node=live", 0.25),
        ("livegraph_service_connections_total", "agent=desk,node=live,state=lost", 1),
        ("livegraph_node_failures_total", "agent=desk,node=box", 1),
        ("livegraph_stalls_total", "agent=desk,node=b", 1),
        ("livegraph_frames_total", "agent=desk,what=dropped", 3),
        ("livegraph_unclear_messages_total", "agent=desk", 2),
        ("livegraph_calls_total", "agent=desk,reason=failed", 1),
        ("livegraph_calls_failed_total", "agent=desk,node=box", 1),
        ("livegraph_offers_refused_total", "reason=full", 1),
        ("livegraph_queue_oldest_seconds", "agent=desk", 0.005),
        ("livegraph_calls_by_state", "state=running", 1),
        ("livegraph_calls_by_state", "state=pending", 1),
    ):
        assert abs(found[name, labels] - value) < 1e-9, name


def names() -> set[str]:
    """The families that there are, without Prometheus' own endings."""
    metrics = Metrics()
    a_call(metrics)
    metrics.add(NetworkNumbers(Network(), lambda: 0))
    return {family.name for family in text_string_to_metric_families(metrics.text().decode())}


def test_every_number_is_documented() -> None:
    """``docs/operating.md`` has a row for each, and none for what is not there."""
    text = (ROOT / "docs/operating.md").read_text("utf-8")
    rows = set(re.findall(r"^\| `(livegraph_\w+)` \|", text, re.MULTILINE))
    told = {name.removesuffix("_total") for name in rows}
    assert told == {name for name in names() if not name.endswith("_created")}


def test_a_service_of_tools_that_is_down_is_0_until_it_is_back() -> None:
    """An MCP server that died, and one whose circuit breaker is open."""
    metrics, events = Metrics(), EventBus()
    metrics.watch("desk", events)

    def up() -> dict[str, float]:
        return {
            sample.labels["service"]: sample.value
            for family in text_string_to_metric_families(metrics.text().decode())
            for sample in family.samples
            if sample.name == "livegraph_tool_service_up"
        }

    for kind, states in (("mcp", ("down", "up")), ("breaker", ("open", "closed"))):
        seen = []
        for state in states:
            events.publish(ToolServiceChanged(time_ns=1, service=kind, kind=kind, state=state))
            seen.append(up()[kind])
        assert seen == [0, 1], kind


def test_the_board_asks_for_what_there_is() -> None:
    """Every name in the Grafana board is a sample that the server gives, and every family is on it."""
    board = json.loads((ROOT / "deploy/grafana/livegraph.json").read_text("utf-8"))
    asked = set()
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            asked |= set(re.findall(r"livegraph_\w+", target["expr"]))
    metrics = Metrics()
    a_call(metrics)
    metrics.add(NetworkNumbers(Network(), lambda: 0))
    there = {name for name, _ in samples(metrics)}
    assert asked <= there
    families = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in asked}
    assert families == {name for name in names() if not name.endswith("_created")}
