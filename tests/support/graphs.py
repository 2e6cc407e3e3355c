"""Agent files made at random, every one of them right; for the boxes of ``agent_boxes``."""

import json
from typing import Any

from hypothesis import strategies as st

__all__ = ["agent_files"]

_names = st.sampled_from(["mic", "in-put", "a_1", "Ear", "x"])
_odd = ["", "null", "true", "1", "0x1", "a: b", "- x", "# no", "$${X}", "line\nline", "end\n", " x", "\n"]
_odd += ["a\n\n b\n", "é€😀", "x " * 60]
_clean = (st.text(max_size=40) | st.sampled_from(_odd)).filter(
    lambda text: (
        "{{" not in text
        and "${" not in text.replace("$${", "")
        and all(char.isprintable() or char == "\n" for char in text)
    )
)
_seconds = st.integers(1, 1_999_999).map(lambda us: f"{us}us")


def _options(strategies: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=strategies)


_gate = _options({"threshold": st.floats(0, 1), "pre_roll": _seconds, "report": st.booleans()})
_live = _options(
    {
        "instructions": _clean | st.just("Hi {{inputs.caller}}") | st.just("${TEXT}"),
        "greeting": st.none() | _clean,
        "voice": st.sampled_from(["Kore", "Puck", "${VOICE:-Kore}"]),
        "temperature": st.floats(0, 2),
        "seed": st.none() | st.integers(-(2**40), 2**40) | st.just("${SEED}"),
        "api_key": st.just("${KEY}"),
    }
)
_policy = _options(
    {
        "when_full": st.sampled_from(["block", "drop_oldest", "drop_newest", "latest"]),
        "max_duration": _seconds,
        "max_frames": st.integers(1, 9999),
    }
)
_template = {
    "params": {"level": {"type": "number", "default": 0.4}},
    "ports": {"audio": "gate.audio", "out": "gate.out", "speech": "gate.speech"},
    "nodes": {"gate": {"use": "vad_gate", "threshold": "${params.level}"}},
}


@st.composite
def agent_files(draw: st.DrawFn) -> str:
    """The text of an agent file, in any of the three forms."""
    data: dict[str, Any] = {"version": 1}
    if draw(st.booleans()):
        data["title"] = draw(_clean)
    data["inputs"] = {
        "caller": draw(_options({"default": _clean.filter(lambda t: len(t) < 500), "doc": _clean}))
    }
    data["templates"] = {"front": _template}
    gate, live = draw(_gate), draw(_live)
    router = {"tools": ["pkg.tools"], "timeout": draw(_seconds)}
    form = draw(st.sampled_from(["agent", "pipeline", "nodes"]))
    if form == "agent":
        head = {key: live.pop(key) for key in ("instructions", "greeting", "voice") if key in live}
        data["agent"] = {**head, "live": live, "vad": gate, "tools": ["pkg.tools"]}
        edge = "vad_gate -> gemini_live"
    elif form == "pipeline":
        ear: Any = draw(st.sampled_from(["vad_gate", {"vad_gate": gate}, {"front": {"level": 0.3}}]))
        name = "front" if isinstance(ear, dict) and "front" in ear else "vad_gate"
        data["pipeline"] = ["webrtc_in", ear, {"gemini_live": live}, {"tool_router": router}, "webrtc_out"]
        edge = f"{name} -> gemini_live"
    else:
        mic = draw(_names)
        data["nodes"] = {
            mic: "webrtc_in",
            "thin": {
                "use": "resampler",
                "from": f"{mic}.audio",
                "rate": draw(st.sampled_from(["8kHz", 8000])),
            },
            "gate": {"use": "vad_gate", "from": "thin", "on_error": "restart", **gate},
            "live": {"use": "gemini_live", "from": ["gate", f"{mic}.text"], **live},
            "out": {"use": "webrtc_out", "from": "live"},
        }
        edge = "gate -> live"
    if draw(st.booleans()):
        data["edges"] = {edge: draw(_policy)}
    if draw(st.booleans()):
        data["turns"] = draw(_options({"confirm": _seconds, "barge_in": st.booleans()}))
    return json.dumps(data, ensure_ascii=False)
