"""What reading and writing one Live API message costs, in microseconds of CPU.

Run: python benchmarks/bench_wire.py

Each line is the best of seven rounds. The rows named "plain" do the same with the standard library and no
types, for scale; "tolerant" rows are messages that the typed decoder refuses, and that are normalised first.
"""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Callable
from functools import partial

from livegraph.liveapi import (
    Blob,
    ClientMessage,
    Content,
    Part,
    RealtimeInput,
    ServerContent,
    ServerMessage,
    Transcription,
    decode_client,
    decode_server,
    encode_audio,
    encode_client,
    encode_server,
)


def cost_us(work: Callable[[], object], rounds: int = 7, seconds: float = 0.05) -> float:
    """CPU microseconds of one call of `work`, the best of `rounds` rounds of about `seconds` each."""
    work()
    count, spent = 1, 0.0
    while spent < seconds:
        count *= 2
        spent = _timed(work, count)
    return min(_timed(work, count) for _ in range(rounds)) / count * 1e6


def _timed(work: Callable[[], object], count: int) -> float:
    start = time.process_time()
    for _ in range(count):
        work()
    return time.process_time() - start


def main() -> None:
    noise = random.Random(0).randbytes
    rows: list[tuple[str, Callable[[], object]]] = []
    for ms in (20, 40):
        pcm = noise(32 * ms)
        rows += [
            (f"write audio, {ms} ms at 16 kHz: encode_audio", partial(encode_audio, pcm, 16_000)),
            (
                f"write audio, {ms} ms at 16 kHz: encode_client",
                partial(_client_audio, pcm),
            ),
            (f"write audio, {ms} ms at 16 kHz: plain", partial(_plain_audio, pcm)),
        ]
    canonical = encode_audio(noise(1280), 16_000)
    as_sdk = json.dumps(
        {
            "realtime_input": {
                "audio": {
                    "data": base64.urlsafe_b64encode(noise(1280)).decode(),
                    "mime_type": "audio/pcm;rate=16000",
                }
            }
        }
    )
    rows += [
        ("read client audio, 40 ms: canonical", lambda: decode_client(canonical)),
        ("read client audio, 40 ms: as the SDK writes it (tolerant)", lambda: decode_client(as_sdk)),
        ("read client audio, 40 ms: the same, strict", lambda: decode_client(as_sdk, strict=True)),
    ]
    for size in (11_520, 30_720):
        blob = Blob(noise(size), "audio/pcm;rate=24000")
        data = encode_server(
            ServerMessage(
                server_content=ServerContent(model_turn=Content([Part(inline_data=blob)], role="model"))
            )
        )
        unknown = data[:-1] + b',"somethingNew":{"a":1}}'
        rows += [
            (f"read server audio, {size} bytes: canonical", partial(decode_server, data)),
            (
                f"read server audio, {size} bytes: unknown field (tolerant)",
                partial(decode_server, unknown),
            ),
            (f"read server audio, {size} bytes: plain", partial(_plain_read, data)),
        ]
    small = encode_server(
        ServerMessage(server_content=ServerContent(output_transcription=Transcription(text="you clearly.")))
    )
    rows.append(("read server transcription", lambda: decode_server(small)))
    for name, work in rows:
        print(f"{name:62} {cost_us(work):8.2f} us")


def _client_audio(pcm: bytes) -> bytes:
    return encode_client(ClientMessage(realtime_input=RealtimeInput(audio=Blob(pcm, "audio/pcm;rate=16000"))))


def _plain_audio(pcm: bytes) -> str:
    blob = {"mimeType": "audio/pcm;rate=16000", "data": base64.b64encode(pcm).decode()}
    return json.dumps({"realtimeInput": {"audio": blob}})


def _plain_read(data: bytes) -> bytes:
    part = json.loads(data)["serverContent"]["modelTurn"]["parts"][0]
    return base64.b64decode(part["inlineData"]["data"])


if __name__ == "__main__":
    main()
