"""Virtual time tells the truth about the world outside: it waits for real sockets, and counts what tools took."""

import asyncio
import socket
import threading
import time

from livegraph.pipeline.clock import clock_of_loop, run_virtual
from livegraph.pipeline.units import SECOND


class SlowServer:
    """Answers each connection after a while, in a thread that no loop knows of."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(100)
                time.sleep(self._delay_s)
                connection.sendall(b"late\n")

    def close(self) -> None:
        """Take no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


def test_a_real_server_is_waited_for() -> None:
    """A limit of ten seconds does not pass in a moment because nothing else is left to do; it passes in ten seconds."""

    async def ask(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"?")
            return await reader.readline()
        finally:
            writer.close()
            await writer.wait_closed()

    async def run() -> tuple[bytes, int, bool]:
        clock = clock_of_loop()
        async with asyncio.timeout(10):
            answer = await ask(server.port)
        asked_ns = clock.now_ns()
        late = False
        try:
            async with asyncio.timeout(0.1):
                await ask(server.port)
        except TimeoutError:
            late = True
        # Nobody outside is talked to any more: time jumps again.
        await asyncio.sleep(3_600)
        return answer, asked_ns, late

    server = SlowServer(0.4)
    try:
        began = time.monotonic()
        answer, asked_ns, late = run_virtual(run())
        assert answer == b"late\n"
        assert 0.3 * SECOND < asked_ns < 10 * SECOND
        assert late
        assert time.monotonic() - began < 60
    finally:
        server.close()
