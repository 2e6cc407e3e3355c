"""Services at their worst, with real sockets: each has an outcome in words, and none harms the call."""

import asyncio
import gzip
import json
import zlib
from typing import Any

import pytest

from livegraph.pipeline import MS, ConfigError, Secret
from livegraph.pipeline.events import ToolFinished
from livegraph.processors.tools.http import client as client_module
from livegraph.processors.tools.http.arguments import ArgumentSpec
from livegraph.processors.tools.http.entry import HttpTool
from livegraph.processors.tools.settings import Cached
from livegraph.processors.tools.sources import known_tools
from support.asked_service import always, ask
from support.rest import Asked, reply, rest_server
from support.tool_calls import calling


def said(answer: bytes, **options: Any) -> Any:
    """What the model is told of such an answer."""
    return ask(always(answer), **options)[0]


# What it sends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 202, 204, 205])
def test_nothing_is_an_answer_too(status: int) -> None:
    assert said(reply(b"", status)) == {"status": status}
    assert said(reply(b"", status), result="data.x") == {"status": status}


def test_a_head_speaks_of_what_would_come() -> None:
    """Its length is that of the answer to a GET: nothing is too big."""
    head = b"HTTP/1.1 200 X\r\nContent-Length: 50000000\r\nContent-Encoding: br\r\nConnection: close\r\n\r\n"
    assert said(head, template="HEAD {base}/look") == {"status": 200}


@pytest.mark.parametrize(
    ("packed", "how"),
    [
        (gzip.compress(b'{"a": ', mtime=0) + gzip.compress(b"1}", mtime=0), "gzip"),
        (zlib.compress(b'{"a": 1}'), "deflate"),
        (zlib.compress(b'{"a": 1}')[2:-4], "deflate"),
        (b'{"a": 1}', "identity"),
    ],
)
def test_every_way_of_packing_is_read(packed: bytes, how: str) -> None:
    assert said(reply(packed, headers={"Content-Encoding": how})) == {"a": 1}


@pytest.mark.parametrize(
    ("packed", "how"),
    [
        (gzip.compress(b"words " * 1_000, mtime=0)[:-20], "gzip"),
        (b"no gzip", "gzip"),
        (gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "gzip, gzip"),
        (b"\x0b\x02\x80{}\x03", "br"),
    ],
)
def test_what_is_packed_wrongly_is_an_error_and_not_half_an_answer(packed: bytes, how: str) -> None:
    assert "pack" in said(reply(packed, kind="text/plain", headers={"Content-Encoding": how}))["error"]


def test_fifty_megabytes_in_pieces_are_not_read() -> None:
    """Chunked, with no length that could be looked at before."""
    sent = 0

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        head = "HTTP/1.1 200 X\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        for _ in range(500):
            writer.write(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
            await writer.drain()
            sent += 100_000
        writer.write(b"0\r\n\r\n")

    assert "too big: more than 1000000 bytes" in ask(answer)[0]["error"]
    assert sent < 50_000_000


def test_a_long_answer_is_cut_for_the_model_and_says_so() -> None:
    """A model that is given megabytes has no room left for the conversation."""
    told = said(reply(b"abc " * 100_000, kind="text/plain"))
    assert told["output"].startswith("abc abc") and len(told["output"]) == 100_000
    assert "too long, 0.4 MB" in told["cut"]
    told = said(reply({"rows": ["x" * 100] * 5_000}))
    assert told["output"].startswith('{"rows":["xxx') and "ask for less" in told["cut"]


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        ('{"a": "é"}'.encode("latin-1"), "application/json; charset=iso-8859-1", {"a": "é"}),
        ("\ufeff".encode() + b'{"a": 1}', "application/json", {"a": 1}),
        ('{"a": 1}'.encode("utf-16"), "application/json", {"a": 1}),
        (b'{"a": 1}', "text/json", {"a": 1}),
        ("grüß".encode("cp1252"), "text/plain", {"output": "grüß"}),
        ("\ufeffgrüß".encode(), "text/plain; charset=UTF-8", {"output": "grüß"}),
        (b"a: 1", "application/yaml", {"output": "a: 1"}),
        (b'{"a":1}\n{"a":2}', "application/x-ndjson", {"output": '{"a":1}\n{"a":2}'}),
        (b"<a/>", "application/rss+xml", {"output": "<a/>"}),
        (b'{"\xed\xa0\x80": 1}', "application/json", {"?": 1}),
        (b'{"\\ud800": "\\udfff"}', "application/json", {"?": "?"}),
    ],
)
def test_texts_come_in_many_dresses(body: bytes, kind: str, told: Any) -> None:
    assert said(reply(body, kind=kind)) == told


@pytest.mark.parametrize("charset", ["zip", "base64", "undefined", "idna", "x" * 500, "utf\x1f8", "none"])
def test_an_encoding_that_is_none_is_an_error_in_words(charset: str) -> None:
    told = said(reply(b"caf\xe9 " * 3, kind=f"text/plain; charset={charset}"))
    assert "error" in told and "failed (" not in told["error"], "it is no crash of the tool"


def test_json_that_goes_down_for_ever_is_no_crash() -> None:
    told = said(reply(b"[" * 900 + b"]" * 900))
    assert "error" not in told or "what it sent is none" in told["error"] or "nested" in told["error"]


def test_one_that_drips_within_the_deadline_of_a_try_is_given_up() -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)

    told, _, finished = ask(answer, timeout_ns=400 * MS, retries=0)
    assert "did not answer within 400ms" in told["error"] and finished.outcome == "timeout"


# Where it sends us --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    [
        "http://[::1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::ffff:10.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://127.0.0.1:99999/",
        "//user:password@127.0.0.1/",
        "http://evil.example\\@127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://xn--/",
    ],
)
def test_a_redirect_to_nonsense_or_elsewhere_is_an_error_in_words(where: str) -> None:
    answer = always(reply(b"", 302, headers={"Location": where}))
    told, rest, _ = ask(answer, private=("127.0.0.1/32",), retries=0)
    assert len(rest.asked) == 1
    assert "redirects" in told["error"] or "cannot be" in told["error"], told


def test_a_name_is_judged_as_the_library_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection is to a named host, whatever two readers make of an address; other letters are no way round."""

    async def find(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(client_module, "look_up", find)

    async def main() -> None:
        async with rest_server(always(reply({"ok": True}))) as rest:
            for host, hosts, ok in (
                ("bücher.example", (), True),
                ("straße.example", (), True),
                ("a.bücher.example", ("*.bücher.example",), True),
            ):
                entry = HttpTool(
                    http=f"GET http://{host}:{rest.port}/",
                    name="look",
                    hosts=hosts,
                    private=("127.0.0.1",),
                )
                async with calling(entry) as (model, _):
                    model.ask("look")
                    assert (await model.answer() == {"ok": True}) is ok, host
            policy = client_module.HostPolicy(("api.example",), ("127.0.0.1",))
            async with client_module.Client(policy) as client:
                # As if the address had been judged by another reading of it.
                client._policy = client_module.HostPolicy(("*",), ("127.0.0.1",))
                with pytest.raises(client_module.CannotCall, match="not among the allowed hosts"):
                    await client.ask(
                        client_module.Request("GET", f"http://other.example:{rest.port}/", {}), 1_000
                    )

    asyncio.run(main())


# What goes out ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "a\x7fb", "\rX"])
def test_no_argument_makes_another_header(value: str) -> None:
    told, rest, _ = ask(always(reply({})), args={"who": value}, headers={"X-Who": Secret("{who}")}, retries=0)
    assert "wrong arguments: X-Who cannot hold a line end" in told["error"] and not rest.asked


def test_a_name_with_other_letters_stands_in_a_header_and_blanks_do_no_harm() -> None:
    _, rest, finished = ask(always(reply({})), args={"who": "  José  "}, headers={"X-Who": Secret("{who}")})
    assert rest.asked[0].headers["x-who"].encode("latin-1").decode() == "José" and finished.ok


@pytest.mark.parametrize(
    "value", ["../../admin", "..", "a/../b", "a?x=1", "a#b", "a\r\nHost: evil", "%2e%2e", ";a"]
)
def test_no_argument_leaves_its_part_of_the_path(value: str) -> None:
    told, rest, _ = ask(always(reply({})), "GET {base}/files/{name}/meta", {"name": value}, retries=0)
    if rest.asked:
        [part] = rest.asked[0].target.removeprefix("/files/").removesuffix("/meta").split("/")
        assert not set(part) & set("?#\r\n ") and part not in (".", "..")
        assert rest.asked[0].headers["host"].startswith("127.0.0.1")
    else:
        assert "wrong arguments" in told["error"]


def test_half_a_character_is_a_wrong_argument() -> None:
    for options in ({"body": "{who}"}, {"form": {"who": "{who}"}}, {"headers": {"X-Who": Secret("{who}")}}):
        told, rest, _ = ask(always(reply({})), "POST {base}/x", {"who": "\ud83d"}, **options)
        assert "not valid Unicode" in told["error"] and not rest.asked


def test_a_form_and_a_query_write_values_as_services_read_them() -> None:
    arguments = {
        "on": ArgumentSpec(type="boolean"),
        "of": ArgumentSpec(type="list"),
        "in": ArgumentSpec(type="object"),
    }
    args = {"on": True, "of": ["a", "b"], "in": {"x": 1}}
    form = {"on": "{on}", "of": "{of}", "in": "{in}"}
    told = "on=true&of=a&of=b&in=%7B%22x%22%3A+1%7D"
    _, rest, _ = ask(always(reply({})), "POST {base}/x", args, arguments=arguments, form=form)
    assert rest.asked[0].body.decode() == told
    _, rest, _ = ask(always(reply({})), "GET {base}/x", args, arguments=arguments)
    assert rest.asked[0].target == f"/x?{told}"


def test_a_mark_in_the_address_loses_nothing_behind_it() -> None:
    _, rest, _ = ask(always(reply({})), "GET {base}/x#part", {"q": "a"}, arguments={"q": ArgumentSpec()})
    assert rest.asked[0].target == "/x?q=a"


# What is shown ------------------------------------------------------------------------------------


def test_a_service_that_tells_our_key_does_not_tell_it_to_the_model() -> None:
    headers = {"Authorization": Secret("Bearer tok-8271-abcdef")}
    told, rest, finished = ask(
        always(reply({"error": "invalid token tok-8271-abcdef"}, 401)), headers=headers
    )
    assert told["error"] == "look answered 401: invalid token [secret]"
    assert rest.asked[0].headers["authorization"] == "Bearer tok-8271-abcdef"
    assert "8271" not in str(finished)

    async def echo(asked: Asked, writer: asyncio.StreamWriter) -> bytes:
        return reply({"headers": asked.headers, "url": asked.target})

    told, _, finished = ask(echo, headers=headers, query={"api_key": Secret("abc/xyz+1")})
    assert told["headers"]["authorization"] == "[secret]" and told["url"] == "/look?api_key=[secret]"
    assert "8271" not in str(finished) and "xyz" not in str(finished)


@pytest.mark.parametrize(
    ("headers", "retry_after_ms"),
    [
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:01 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 1_000),
        ({"Retry-After": "²"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "9" * 400}, None),
    ],
)
def test_it_is_asked_again_when_it_says_so(headers: dict[str, str], retry_after_ms: int | None) -> None:
    answers = [reply(b"", 503, headers=headers), reply({"ok": True})]

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> bytes:
        return answers.pop(0)

    told, rest, finished = ask(answer)
    assert told == {"ok": True} and len(rest.asked) == 2
    if retry_after_ms is not None:
        assert finished.duration_ns >= retry_after_ms * MS


def test_a_service_that_breaks_down_is_left_alone_though_nobody_retries() -> None:
    """A 500 is the service's fault: five of them and it is left alone. A 404 is an answer."""

    async def main(status: int) -> list[str]:
        async with rest_server(always(reply({}, status))) as rest:
            entry = HttpTool(http=f"GET {rest.url}/look", name="look", private=("127.0.0.1",))
            async with calling(entry) as (model, events):
                for number in range(6):
                    model.ask("look", str(number))
                    await model.answer()
                return [event.outcome for event in events if isinstance(event, ToolFinished)]

    assert asyncio.run(main(500)) == ["refused"] * 5 + ["unavailable"]
    assert asyncio.run(main(404)) == ["refused"] * 6


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"headers": {"Authorization": Secret("Bearer abc\n")}},
            "the header `Authorization` holds a line end",
        ),
        ({"headers": {"X Key": Secret("a")}}, "`X Key` is no name of a header"),
        (
            {"cache": Cached(1, shared=True), "http": "GET https://a.example/{call.identity}"},
            "shared by all callers",
        ),
    ],
)
def test_what_can_never_be_sent_is_told_before_any_call(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        known_tools([HttpTool(**({"http": "GET https://a.example/x", "name": "look"} | options))])
    assert told in caught.value.problems[0].message
    assert "abc" not in str(json.dumps([problem.message for problem in caught.value.problems]))
