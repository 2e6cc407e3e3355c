"""What a tool returns: a JSON object, and beside it pictures and files, bounded."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from livegraph.pipeline import Graph, Media
from livegraph.pipeline.clock import run_virtual
from livegraph.processors.app import AppIn, AppOut
from livegraph.processors.gemini_live import GeminiLive, LiveConnector
from livegraph.processors.tools import media_from_file
from livegraph.processors.tools.results import read_result
from livegraph.processors.tools.router import ToolRouter
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.recording import WireEvent
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_media_are_taken_out_at_any_depth_and_named_in_their_place() -> None:
    value = {"found": 2, "pictures": [Media(PNG, "image/png", "a.png"), Media(b"%PDF", "application/pdf")]}
    result = read_result(value, 1_000)
    assert [each.mime_type for each in result.media] == ["image/png", "application/pdf"]
    first, second = result.body["pictures"]
    assert first == f"a.png (image/png, {len(PNG)} bytes)" and second.startswith(
        "application 2 (application/pdf"
    )
    alone = read_result(Media(PNG, "image/png"), 1_000)
    assert alone.media[0].data == PNG and "image 1" in alone.body["output"]


def test_what_is_too_large_is_left_out_and_the_model_is_told() -> None:
    result = read_result([Media(b"x" * 900, "image/png", "a"), Media(b"x" * 200, "image/png", "b")], 1_000)
    assert [each.name for each in result.media] == ["a"]
    assert "b (image/png, 200 bytes) was left out" in result.body["output"][1]


def test_a_file_has_the_type_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "map.png").write_bytes(PNG)
    assert media_from_file(tmp_path / "map.png") == Media(PNG, "image/png", "map.png")
    assert media_from_file(tmp_path / "map.png", "image/webp").mime_type == "image/webp"


def test_what_is_no_json_is_still_refused() -> None:
    with pytest.raises(TypeError):
        read_result({"x": object()}, 1_000)


def asked(model: str) -> list[dict[str, Any]]:
    """What the service is sent by an agent whose tool returns a picture, setup aside."""
    sent: list[dict[str, Any]] = []

    def note(event: WireEvent) -> None:
        if event.kind == "message" and event.direction == "in":
            sent.append(json.loads(event.data))

    def take_picture() -> dict[str, Any]:
        """Take a picture."""
        return {"place": "door", "picture": Media(PNG, "image/png", "door.png")}

    async def main() -> None:
        script = parse_brain(
            "version: 1\nrules:\n  - {hear: picture, call: take_picture, say_result: There it is.}\nfallback: Hm.\n"
        )
        async with Simulator(ears=NoEars(), voice=TonesVoice(), script=script, record=note) as simulator:
            graph = Graph()
            graph.add("text", AppIn)
            graph.add("live", GeminiLive, endpoint="local", model=model)
            graph.add("tools", ToolRouter, tools=[take_picture])
            graph.add("out", AppOut)
            graph.connect("text.audio", "live.audio")
            graph.connect("text.frames", "live.text")
            graph.connect("live.tool_calls", "tools")
            graph.connect("tools", "live.tool_results")
            graph.connect("live.transcript", "out")
            from livegraph.pipeline import TextFrame

            async with graph.plan().call(resources={LiveConnector: simulator.connector()}) as call:
                app: Any = call.processor("text", AppIn)
                await app.send(TextFrame("Take a picture."))
                out: Any = call.processor("out", AppOut)
                async for frame in out:
                    if "There it is" in getattr(frame, "text", ""):
                        break

    run_virtual(main())
    return [message for message in sent if "setup" not in message]


def test_a_picture_travels_in_the_response_where_the_model_takes_it() -> None:
    sent = asked("gemini-3.8-live")
    (response,) = next(each["toolResponse"]["functionResponses"] for each in sent if "toolResponse" in each)
    (part,) = response["parts"]
    assert (
        base64.b64decode(part["inlineData"]["data"]) == PNG and part["inlineData"]["mimeType"] == "image/png"
    )
    assert response["response"]["picture"].startswith("door.png (image/png")
    assert not any("video" in each.get("realtimeInput", {}) for each in sent)


def test_elsewhere_it_is_shown_like_one_of_the_cameras_before_the_response() -> None:
    sent = asked("gemini-2.5-flash-native-audio-preview-12-2025")
    kinds = ["video" if "video" in each.get("realtimeInput", {}) else next(iter(each)) for each in sent]
    assert kinds.index("video") < kinds.index("toolResponse")
    assert "parts" not in str(sent[kinds.index("toolResponse")])
