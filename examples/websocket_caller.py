"""A whole caller in a page of Python, with nothing but `websockets`: it speaks from a WAV file and keeps what it hears.

Run it beside `livegraph run` (or any server of ours):

    python examples/websocket_caller.py ws://127.0.0.1:8000/ws question.wav answer.wav

What a microcontroller does is the same: sound out of the microphone into binary messages, binary messages into the
loudspeaker, `clear` empties its buffer, `mark` is answered when its place in the buffer has been played.
"""

import asyncio
import json
import sys
import wave

import websockets

PIECE_S = 0.02


async def call(address: str, question: str, answer: str, token: str = "") -> None:
    """Call, say what is in `question`, and hang up when the agent has answered it."""
    with wave.open(question, "rb") as file:
        rate, sound = file.getframerate(), file.readframes(file.getnframes())
    played = bytearray()
    silence = bytes(2 * round(rate * PIECE_S))
    answered = asyncio.Event()

    async with websockets.connect(address) as socket:
        hello = {
            "type": "hello",
            "token": token,
            "in": {"encoding": "pcm16", "rate": rate},
            "out": {"encoding": "pcm16", "rate": 16_000},
            "marks": True,
        }
        await socket.send(json.dumps(hello))

        async def listen() -> None:
            waiting: list[bytes | str] = []
            speaking = asyncio.create_task(play(waiting))
            try:
                async for data in socket:
                    if isinstance(data, bytes):
                        waiting.append(data)
                        continue
                    message = json.loads(data)
                    match message["type"]:
                        case "mark":
                            waiting.append(message["id"])
                        case "clear":
                            waiting.clear()
                        case "transcript" if message["final"]:
                            print(f"{message['role']}: {message['text']}")
                            if message["role"] == "agent" and message["turn"] > 1:
                                answered.set()
                        case "error":
                            print(f"{message['message']} {message['remedy']}")
                        case "end":
                            print(f"over: {message['reason']}")
            finally:
                speaking.cancel()
                answered.set()

        async def play(waiting: list[bytes | str]) -> None:
            """The loudspeaker: a file here, at the pace of a real one."""
            while True:
                while waiting and isinstance(waiting[0], str):
                    await socket.send(json.dumps({"type": "marked", "id": waiting.pop(0)}))
                if waiting:
                    played.extend(waiting.pop(0))
                await asyncio.sleep(PIECE_S)

        async def speak() -> None:
            """The microphone: silence while the agent greets, the question, and silence again."""
            pieces = [sound[at : at + len(silence)] for at in range(0, len(sound), len(silence))]
            for piece in [silence] * 200 + pieces + [silence] * 1_500:
                await socket.send(piece)
                await asyncio.sleep(PIECE_S)

        listening, talking = asyncio.create_task(listen()), asyncio.create_task(speak())
        await answered.wait()
        talking.cancel()
        if not listening.done():
            await socket.send(json.dumps({"type": "hangup"}))
        await listening

    with wave.open(answer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(played)
    print(f"{len(played) / 32_000:.1f} s of the agent are in {answer}")


if __name__ == "__main__":
    asyncio.run(call(*sys.argv[1:]))
