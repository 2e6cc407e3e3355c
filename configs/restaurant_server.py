"""The booking service that the agent `restaurant` calls by HTTP: a few tables, kept in memory.

    python -m livegraph.configs.restaurant_server --port 8790

GET /tables?day=friday&guests=4 tells the free times, POST /bookings books, DELETE /bookings/{number} cancels, GET /menu
has the dishes of the day. A request that changes something and carries an ``Idempotency-Key`` is done once.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["Restaurant", "serve"]

_TIMES = ("18:00", "19:30", "21:00")
_SEATS = (2, 2, 4, 4, 6, 8)
_MENU = ("onion soup", "trout from the river with potatoes", "mushroom risotto", "plum cake")
_MOST_BYTES = 10_000


class Refused(Exception):
    """What cannot be done, with the status of HTTP and words for the guest."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class Restaurant:
    """The tables and who has booked them. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._bookings: dict[int, dict[str, Any]] = {}
        self._done: dict[str, dict[str, Any]] = {}
        """By the key of the wish: asked again, it is not done again."""

    def free(self, day: str, guests: int) -> dict[str, Any]:
        """The times at which so many can sit together."""
        with self._lock:
            times = [time for time in _TIMES if self._table(day, time, guests) is not None]
        return {"day": _day(day), "guests": guests, "times": times}

    def book(self, given: Mapping[str, Any], key: str = "") -> dict[str, Any]:
        """Book a table. Raises ``Refused``."""
        day, time = _day(str(given.get("day", ""))), str(given.get("time", ""))
        guests, name = given.get("guests"), str(given.get("name", "")).strip()
        if not isinstance(guests, int) or isinstance(guests, bool) or not 1 <= guests <= max(_SEATS):
            raise Refused(422, f"we seat 1 to {max(_SEATS)} guests at one table")
        if not day or not name:
            raise Refused(422, "a day and a name are needed")
        if time not in _TIMES:
            raise Refused(422, f"we have tables at {', '.join(_TIMES)}")
        with self._lock:
            if key and key in self._done:
                return self._done[key]
            table = self._table(day, time, guests)
            if table is None:
                raise Refused(409, f"there is no table for {guests} on {day} at {time}")
            number = next(self._numbers)
            made = {
                "number": number,
                "table": table,
                "day": day,
                "time": time,
                "guests": guests,
                "name": name,
            }
            self._bookings[number] = made
            if key:
                self._done[key] = made
            return made

    def cancel(self, number: int) -> dict[str, Any]:
        """Give a table back. Raises ``Refused``."""
        with self._lock:
            if self._bookings.pop(number, None) is None:
                raise Refused(404, f"there is no booking with the number {number}")
        return {"cancelled": number}

    def _table(self, day: str, time: str, guests: int) -> int | None:
        taken = {
            one["table"] for one in self._bookings.values() if (one["day"], one["time"]) == (_day(day), time)
        }
        fitting = [
            (seats, table) for table, seats in enumerate(_SEATS, 1) if seats >= guests and table not in taken
        ]
        return min(fitting)[1] if fitting else None


def _day(text: str) -> str:
    return re.sub(r"^(on|next|this)\s+", "", " ".join(text.lower().split()))[:40]


def serve(port: int = 0, restaurant: Restaurant | None = None) -> ThreadingHTTPServer:
    """A server on this machine alone, not yet running; port 0 is any that is free."""
    place = restaurant or Restaurant()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            asked = {name: values[-1] for name, values in parse_qs(address.query).items()}
            if address.path == "/menu":
                self._answer(200, {"dishes": _MENU})
            elif address.path == "/tables" and asked.get("guests", "").isdecimal():
                self._answer(200, place.free(asked.get("day", ""), int(asked["guests"])))
            else:
                self._answer(404, {"error": "there is no such thing"})

        def do_POST(self) -> None:
            try:
                length = int(self.headers.get("Content-Length", "0"))
                given = json.loads(self.rfile.read(length)) if 0 < length <= _MOST_BYTES else None
            except ValueError:
                given = None
            if urlsplit(self.path).path != "/bookings" or not isinstance(given, dict):
                self._answer(400, {"error": "this is no booking"})
                return
            self._carry_out(
                201, lambda: {"booking": place.book(given, self.headers.get("Idempotency-Key", ""))}
            )

        def do_DELETE(self) -> None:
            match = re.fullmatch(r"/bookings/(\d{1,9})", self.path)
            if match is None:
                self._answer(404, {"error": "there is no such thing"})
                return
            self._carry_out(200, lambda: place.cancel(int(match[1])))

        def _carry_out(self, status: int, work: Any) -> None:
            try:
                self._answer(status, work())
            except Refused as refused:
                self._answer(refused.status, {"error": refused.why})

        def _answer(self, status: int, body: Mapping[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: who calls is nobody's business."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description="The booking service of the agent restaurant.")
    parser.add_argument("--port", type=int, default=8790)
    with serve(parser.parse_args().port) as server:
        print(f"tables at http://127.0.0.1:{server.server_address[1]}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("closed")


if __name__ == "__main__":
    main()
