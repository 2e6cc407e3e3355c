"""A REST service as a tool: real sockets, and every way in which a service can misbehave has its outcome."""

import asyncio
import gzip
import json
import logging
from typing import Any

import pytest

from livegraph.pipeline import MS, ConfigError, Secret
from livegraph.pipeline.events import ToolFinished
from livegraph.processors.tools.http import client as client_module
from livegraph.processors.tools.http.arguments import ArgumentSpec
from livegraph.processors.tools.http.entry import HttpTool
from livegraph.processors.tools.sources import known_tools
from support.asked_service import HERE, always, ask
from support.rest import Asked, reply, rest_server
from support.tool_calls import calling


def test_arguments_go_where_the_template_has_them() -> None:
    told, rest, finished = ask(
        always(reply({"data": {"tables": [{"n": 4}]}})),
        "POST {base}/tables/{table}",
        {"table": "a/b", "guests": 3, "note": "by the window"},
        arguments={
            "table": ArgumentSpec(),
            "guests": ArgumentSpec(type="integer"),
            "note": ArgumentSpec(required=False),
            "day": ArgumentSpec(required=False),
        },
        query={"day": Secret("{day}"), "limit": 5, "key": Secret("k&y")},
        headers={"Authorization": Secret("Bearer hunter2"), "X-Call": Secret("{call.id}")},
        body={"party": {"size": "{guests}", "note": "{note}"}, "day": "{day}"},
        result="data.tables[0]",
    )
    assert told == {"n": 4} and finished.kind == "http" and finished.service == "127.0.0.1"
    [asked] = rest.asked
    assert (asked.method, asked.target) == ("POST", "/tables/a%2Fb?limit=5&key=k%26y")
    assert asked.json == {"party": {"size": 3, "note": "by the window"}}
    assert asked.headers["authorization"] == "Bearer hunter2" and asked.headers["x-call"]


def test_what_stands_nowhere_else_is_the_body_or_the_query() -> None:
    arguments = {"a": ArgumentSpec(type="integer"), "b": ArgumentSpec(type="list")}
    _, rest, _ = ask(always(reply({})), "POST {base}/x", {"a": 1, "b": ["c", "d"]}, arguments=arguments)
    assert rest.asked[0].json == {"a": 1, "b": ["c", "d"]}
    _, rest, _ = ask(
        always(reply({})), "GET {base}/x?fixed=1", {"a": 1, "b": ["c", "d"]}, arguments=arguments
    )
    assert rest.asked[0].target == "/x?fixed=1&a=1&b=c&b=d"
    form = {"a": "{a}", "b": "{b}"}
    _, rest, _ = ask(
        always(reply({})), "POST {base}/x", {"a": 1, "b": ["c", "d"]}, arguments=arguments, form=form
    )
    assert rest.asked[0].body == b"a=1&b=c&b=d"


def test_one_that_hangs_is_given_up() -> None:
    async def hang(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    told, _, finished = ask(hang, timeout_ns=300 * MS)
    assert told == {"error": "look did not answer within 300ms"} and finished.outcome == "timeout"


def test_one_that_drips_is_given_up_too() -> None:
    async def drip(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    told, _, _ = ask(drip, timeout_ns=400 * MS)
    assert told == {"error": "look did not answer within 400ms"}


@pytest.mark.parametrize(
    "where",
    ["http://169.254.169.254/latest/meta-data", "http://127.0.0.2/", "http://[::1]/", "//10.0.0.1/x"],
)
def test_a_redirect_to_a_private_address_is_not_followed(where: str) -> None:
    told, rest, finished = ask(always(reply(b"", 302, headers={"Location": where})), hosts=("*",))
    assert "redirects to an address that is not called" in told["error"] and finished.outcome == "refused"
    assert len(rest.asked) == 1


@pytest.mark.parametrize("where", ["https://evil.com/", "ftp://127.0.0.1/", "http://user@127.0.0.1/"])
def test_a_redirect_to_a_host_that_is_not_named_is_not_followed(where: str) -> None:
    told, _, _ = ask(always(reply(b"", 307, headers={"Location": where})))
    assert "redirects to an address that is not called" in told["error"]


def test_a_redirect_at_home_is_followed_and_one_in_a_circle_ends() -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> bytes:
        if asked.target == "/look":
            return reply(b"", 303, headers={"Location": "/there"})
        return reply({"method": asked.method, "key": asked.headers.get("x-key")})

    told, _, _ = ask(answer, "POST {base}/look", headers={"X-Key": Secret("s")})
    assert told == {"method": "GET", "key": "s"}
    told, rest, _ = ask(always(reply(b"", 302, headers={"Location": "/look"})))
    assert "in a circle" in told["error"] and len(rest.asked) == 6


def test_another_origin_gets_no_keys() -> None:
    seen: list[Asked] = []

    async def main() -> dict[str, Any]:
        async def other(asked: Asked, writer: asyncio.StreamWriter) -> bytes:
            seen.append(asked)
            return reply({"ok": 1})

        async with (
            rest_server(other) as there,
            rest_server(always(reply(b"", 302, headers={"Location": f"{there.url}/x"}))) as rest,
        ):
            entry = HttpTool(
                http=f"GET {rest.url}/look",
                name="look",
                private=HERE,
                headers={"Authorization": Secret("hunter2")},
            )
            async with calling(entry) as (model, _):
                model.ask("look")
                return await model.answer()

    assert asyncio.run(main()) == {"ok": 1}
    assert "authorization" not in seen[0].headers and "hunter2" not in str(seen[0])


def test_a_name_that_means_a_private_address_is_refused_where_it_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Judged is the very address that is connected to: a name that changes its meaning (rebinding) gains nothing."""
    asked: list[str] = []

    async def look_up(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) > 1 else ["127.0.0.1"]

    monkeypatch.setattr(client_module, "look_up", look_up)

    async def main() -> dict[str, Any]:
        entry = HttpTool(http="GET http://api.example.com/", name="look", retries=0)
        async with calling(entry) as (model, _):
            model.ask("look")
            return await model.answer()

    told = asyncio.run(main())
    assert "api.example.com is at 127.0.0.1" in told["error"] and asked == ["api.example.com"]


def test_fifty_megabytes_are_not_read() -> None:
    sent: list[int] = []

    async def flood(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for _ in range(50):
            writer.write(bytes(1_000_000))
            await writer.drain()
            sent.append(1)

    told, _, _ = ask(flood)
    assert told == {"error": "look: the answer of the service is too big: more than 1000000 bytes"}
    assert len(sent) < 40
    told, _, _ = ask(always(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n"))
    assert "too big" in told["error"]


def test_a_small_answer_that_unpacks_to_a_big_one_is_not_read() -> None:
    bomb = gzip.compress(bytes(80_000_000))
    told, _, _ = ask(always(reply(bomb, headers={"Content-Encoding": "gzip"})))
    assert "too big" in told["error"]
    packed = gzip.compress(json.dumps({"a": 1}).encode())
    assert ask(always(reply(packed, headers={"Content-Encoding": "gzip"})))[0] == {"a": 1}
    told, _, _ = ask(always(reply(b"not packed", headers={"Content-Encoding": "gzip"})))
    assert "packed its answer wrongly" in told["error"]


def test_one_that_lies_about_its_type_is_an_error_in_words() -> None:
    told, _, _ = ask(always(reply(b"<html>oops</html>")))
    assert told == {"error": "look says that it sends JSON, and what it sent is none"}
    told, _, _ = ask(always(reply(b"<html>oops</html>", kind="image/png")))
    assert told == {"error": "look says that it sends image/png, and what it sent is none"}


def test_what_may_pass_is_asked_again_and_what_changes_something_is_not() -> None:
    count = {"n": 0}

    async def flaky(asked: Asked, writer: asyncio.StreamWriter) -> bytes:
        count["n"] += 1
        return reply({"ok": 1}) if count["n"] > 2 else reply({"error": "busy"}, 503)

    told, rest, finished = ask(flaky)
    assert told == {"ok": 1} and len(rest.asked) == 3 and finished.attempts == 3
    count["n"] = 0
    told, rest, finished = ask(flaky, "POST {base}/look")
    assert (
        told == {"status": 503, "error": "look answered 503: busy", "retryable": True}
        and len(rest.asked) == 1
    )
    count["n"] = 0
    told, rest, _ = ask(flaky, "POST {base}/look", retries=2)
    assert told == {"ok": 1}
    told, rest, _ = ask(always(reply({"message": "no such table"}, 404)))
    assert told == {"status": 404, "error": "look answered 404: no such table"} and len(rest.asked) == 1


def test_a_service_that_is_not_there_is_left_alone_after_a_while() -> None:
    async def main() -> list[str]:
        async with rest_server(always(reply({}))) as rest:
            url = rest.url
        entry = HttpTool(http=f"GET {url}/", name="look", private=HERE, retries=0)
        outcomes = []
        async with calling(entry) as (model, events):
            for number in range(7):
                model.ask("look", str(number))
                await model.answer()
            outcomes = [event.outcome for event in events if isinstance(event, ToolFinished)]
        return outcomes

    assert asyncio.run(main()) == ["refused"] * 5 + ["unavailable"] * 2


def test_secrets_appear_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for answer in (
        reply({"a": 1}),
        reply({"e": 1}, 500),
        reply(b"", 302, headers={"Location": "http://evil.com/"}),
    ):
        told, _, finished = ask(
            always(answer), headers={"X-Key": Secret("hunter2")}, query={"token": Secret("hunter3")}
        )
        everything = f"{told} {finished} {[r.getMessage() for r in caplog.records if 'livegraph' in r.name]}"
        assert "hunter" not in everything


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ({"http": "GET /x"}, "LG234", "has no address"),
        ({"http": "FETCH https://a.com/"}, "LG234", "a method and an address"),
        ({"http": "GET https://{host}/x"}, "LG234", "is not fixed"),
        ({"http": "GET https://a.com/", "name": ""}, "LG234", "needs a name"),
        ({"http": "GET https://a.com/", "name": "two words"}, "LG234", "is no name for a tool"),
        ({"http": "GET https://a.com/{x}", "arguments": {}}, "LG234", "no argument is called so"),
        ({"http": "GET http://10.0.0.1/"}, "LG235", "not of the public Internet"),
        ({"http": "GET http://localhost:8080/"}, "LG235", "not of the public Internet"),
        ({"http": "GET https://user:pw@a.com/"}, "LG235", "a password in it"),
    ],
)
def test_what_cannot_be_called_is_told_before_any_call(options: dict[str, Any], code: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        known_tools([HttpTool(**({"name": "look"} | options))])
    [problem] = caught.value.problems
    assert (problem.code, told in problem.message) == (code, True), problem.message
