"""Who may bring a call: what providers sign is checked, what nobody signed is refused, and calls are hung up and passed
on at the provider."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from livegraph.pipeline import AudioFrame, Graph, In, Out, Processor
from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.pipeline.graph.plan import make_plan
from livegraph.processors.tools import TransferDesk
from livegraph.server import Grant, ServedAgent, make_app
from livegraph.server.telephone import PlivoAccount, TelephoneAccounts, TelnyxAccount, TwilioAccount
from livegraph.server.telephone.signatures import by_plivo, by_telnyx, by_twilio, spellings
from livegraph.transports.telephone.telephone_in import TelephoneIn
from livegraph.transports.telephone.telephone_out import TelephoneOut
from support.telephones import FakePlivo, FakeTelephone, FakeTelnyx, FakeTwilio
from support.web import Reply, Web, serving

TOKEN = "0123456789abcdef0123456789abcdef"
KEY = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
ACCOUNTS = TelephoneAccounts(
    TwilioAccount("AC0123", TOKEN),
    TelnyxAccount("KEY0123", PUBLIC),
    PlivoAccount("MA0123", TOKEN),
    "https://voice.example.org",
)


class Ear(Processor):
    """Hears, says nothing, and keeps its call."""

    audio: In[AudioFrame] = In()
    out: Out[AudioFrame] = Out(rate=8_000, channels=1)
    calls: list[Any] = []  # noqa: RUF012

    async def start(self) -> None:
        self.calls.append(self.call)

    def on_audio(self, frame: AudioFrame) -> None:
        """Nothing."""


def desk() -> ServedAgent:
    """An agent that takes the number of its caller."""
    Ear.calls.clear()
    graph = Graph("desk")
    graph.add("mic", TelephoneIn)
    graph.add("ear", Ear)
    graph.add("out", TelephoneOut)
    graph.connect("mic.audio", "ear.audio")
    graph.connect("ear.out", "out.audio")
    inputs = {"caller": InputSpec(default=""), "department": InputSpec(default="")}
    return ServedAgent("desk", make_plan(graph, inputs=inputs))


def twilio(url: str, fields: dict[str, str], token: str = TOKEN) -> str:
    """As Twilio signs."""
    text = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def plivo(base: str, nonce: str) -> str:
    """As Plivo signs what stands before the nonce."""
    return base64.b64encode(
        hmac.new(TOKEN.encode(), f"{base}.{nonce}".encode(), hashlib.sha256).digest()
    ).decode()


# ---- signatures ----


def test_the_documented_example_of_twilio() -> None:
    """The one of their security page."""
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    url = "https://example.com/myapp.php?foo=1&bar=2"
    good = "L/OH5YylLD5NRKLltdqwSvS0BnU="
    assert by_twilio([url], list(fields.items()), "12345", good)
    assert not by_twilio([url], list(fields.items()), "12346", good)
    assert not by_twilio([url + "x"], list(fields.items()), "12345", good)
    assert not by_twilio([url], [*fields.items(), ("To2", "1")], "12345", good)
    assert not by_twilio([url], list(fields.items()), "12345", "")
    assert not by_twilio([url], list(fields.items()), "12345", "\xff\udcff")


def test_plivo_signs_the_address_its_fields_and_a_nonce() -> None:
    """With and without a query, of a form and of a question; one of several signatures is enough."""
    url, fields = "https://v.example/answer", [("To", "2"), ("From", "1")]
    good = plivo(url + "?From1To2", "n")
    assert by_plivo([url], fields, TOKEN, good, "n", post=True)
    assert by_plivo([url], fields, TOKEN, f"other, {good}", "n", post=True)
    assert not by_plivo([url], fields, TOKEN, good, "m", post=True)
    assert not by_plivo([url], fields, TOKEN, good, "", post=True)
    query = plivo(url + "?a=1&b=2.From1To2", "n")
    assert by_plivo([url + "?b=2&a=1"], fields, TOKEN, query, "n", post=True)
    assert by_plivo([url + "?b=2&a=1"], [], TOKEN, plivo(url + "?a=1&b=2", "n"), "n", post=False)
    assert by_plivo([url], [], TOKEN, plivo(url, "n"), "n", post=True)


def test_telnyx_signs_the_body_and_the_time() -> None:
    """Five minutes are the most that a request may be old; another key, another body and nonsense are refused."""
    body, now = b"From=1", 1_800_000_000
    signature = base64.b64encode(KEY.sign(f"{now}|".encode() + body)).decode()
    headers = {"telnyx-timestamp": str(now), "telnyx-signature-ed25519": signature}
    assert by_telnyx(body, PUBLIC, headers, now + 299)
    assert not by_telnyx(body, PUBLIC, headers, now + 301)
    assert not by_telnyx(body, PUBLIC, headers, now - 301)
    assert not by_telnyx(body + b"&", PUBLIC, headers, now)
    other = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    assert not by_telnyx(body, other, headers, now)
    for nonsense in ({}, {**headers, "telnyx-timestamp": "x"}, {**headers, "telnyx-signature-ed25519": "!"}):
        assert not by_telnyx(body, PUBLIC, nonsense, now)
    assert not by_telnyx(body, "no key", headers, now)


def test_an_address_may_have_been_written_in_several_ways() -> None:
    """What a proxy hides, and what need not be said; but no other host."""
    found = spellings("http://10.0.0.1/telephone/desk", "https://voice.example.org", socket=True)
    assert "wss://voice.example.org/telephone/desk" in found
    assert "wss://voice.example.org:443/telephone/desk" in found
    assert "wss://voice.example.org/telephone/desk/" in found
    assert not any("10.0.0.1" in one for one in found)


# ---- what is asked over HTTP ----


async def asked(
    web: Web, fields: dict[str, str], path: str = "/telephone/desk/answer", **headers: str
) -> Reply:
    """A form."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return await web.ask("POST", path, urlencode(fields).encode(), headers={**kind, **headers})


def stream_of(reply: Reply) -> tuple[str, dict[str, str], ElementTree.Element]:
    """Where a call is connected to, and what it takes along."""
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"].startswith("text/xml")
    (stream,) = ElementTree.fromstring(reply.body.decode()).iter("Stream")
    if "extraHeaders" in stream.attrib:
        pairs = dict(pair.split("=", 1) for pair in stream.attrib["extraHeaders"].split(","))
        return stream.text or "", pairs, stream
    pairs = {one.attrib["name"]: one.attrib["value"] for one in stream.iter("Parameter")}
    return stream.attrib["url"], pairs, stream


def test_a_call_is_answered_by_its_stream() -> None:
    """For each provider in its own XML, once it has signed its question; with the numbers, and a pass."""

    async def run() -> None:
        async with serving([desk()], telephone=ACCOUNTS) as web:
            url = "https://voice.example.org/telephone/desk/answer?department=7"
            path = "/telephone/desk/answer?department=7"
            fields = {"CallSid": "CA1", "From": "+49301", "To": "+49302&x"}
            address, taken, _ = stream_of(
                await asked(web, fields, path, **{"X-Twilio-Signature": twilio(url, fields)})
            )
            assert address == "wss://voice.example.org/telephone/desk"
            assert taken.pop("pass").count(".") == 2
            assert taken == {"department": "7", "caller": "+49301", "called": "+49302&x"}

            fields = {"CallUUID": "c1", "From": "49301", "To": "49302"}
            base = url.replace("?department=7", "") + "?department=7.CallUUIDc1From49301To49302"
            signed = {"X-Plivo-Signature-V3": plivo(base, "n1"), "X-Plivo-Signature-V3-Nonce": "n1"}
            address, taken, stream = stream_of(await asked(web, fields, path, **signed))
            assert address == "wss://voice.example.org/telephone/desk"
            assert (stream.attrib["bidirectional"], stream.attrib["contentType"]) == (
                "true",
                "audio/x-mulaw;rate=8000",
            )
            assert taken["caller"] == "49301"

            fields = {"CallSid": "v3:1", "CallControlId": "v3:1", "From": "+49301", "To": "+49302"}
            stamp = str(int(time.time()))
            signature = base64.b64encode(KEY.sign(f"{stamp}|{urlencode(fields)}".encode())).decode()
            signed = {"telnyx-timestamp": stamp, "telnyx-signature-ed25519": signature}
            address, taken, stream = stream_of(await asked(web, fields, **signed))
            assert stream.attrib["bidirectionalMode"] == "rtp"
            assert taken["caller"] == "+49301"

    asyncio.run(run())


def test_what_is_not_signed_is_not_answered() -> None:
    """A wrong signature, none, and what no provider asks."""

    async def run() -> None:
        async with serving([desk()], telephone=ACCOUNTS) as web:
            for fields, headers in (
                ({"CallSid": "CA1"}, {"X-Twilio-Signature": "wrong"}),
                ({"CallSid": "CA1"}, {}),
                ({"CallUUID": "c"}, {"X-Plivo-Signature-V3": "x", "X-Plivo-Signature-V3-Nonce": "n"}),
                ({"CallControlId": "c"}, {"telnyx-signature-ed25519": "x", "telnyx-timestamp": "1"}),
            ):
                reply = await asked(web, fields, **headers)
                assert (reply.status, reply.error) == (403, "bad_signature"), fields
            assert (await asked(web, {"nobody": "1"})).error == "bad_request"
            assert (await asked(web, {"CallSid": "x" * 70_000})).error == "too_large"
        # A server of known callers answers nobody whose signature it cannot check.
        async with serving([desk()], authorize=nobody) as web:
            assert (await asked(web, {"CallSid": "CA1"})).status == 401
        async with serving([desk()]) as web:
            _, taken, _ = stream_of(await asked(web, {"CallSid": "CA1"}))
            assert taken == {}

    asyncio.run(run())


async def nobody(request: Request) -> Grant | None:
    """Lets nobody in."""
    return None


# ---- streams ----


async def dialled(app: Starlette, phone: FakeTelephone) -> Any:
    """Dial, and wait for what comes of it."""
    before = len(Ear.calls)
    await phone.dial(app)
    async with asyncio.timeout(20):
        while len(Ear.calls) == before and not phone.over.is_set():
            await asyncio.sleep(0.02)
    return Ear.calls[-1] if len(Ear.calls) > before else None


class Silent:
    """What a refused phone is told is no message of its provider."""

    said: list[dict[str, Any]]

    def _arrived(self) -> None:
        self.said.append(self._going.popleft())  # type: ignore[attr-defined]


class DeafTwilio(Silent, FakeTwilio):
    """Twilio."""


class DeafTelnyx(Silent, FakeTelnyx):
    """Telnyx."""


class DeafPlivo(Silent, FakePlivo):
    """Plivo."""


@pytest.mark.parametrize("kind", [DeafTwilio, DeafTelnyx, DeafPlivo])
def test_a_stream_comes_by_a_signature_or_a_pass(kind: type[FakeTelephone]) -> None:
    """A pass opens one, once; a handshake's signature opens one; without either nobody speaks to the agent."""

    async def run() -> None:
        app = make_app([desk()], telephone=ACCOUNTS, any_host=True, ice="full")
        async with app.state.desk:
            passes = ACCOUNTS.passes(kind.provider)  # type: ignore[arg-type]
            assert passes is not None
            written = passes.make("+49301", agents=["desk"], life_s=60)
            phone = kind(parameters={"pass": written, "caller": "+49301"})
            call = await dialled(app, phone)
            assert call.identity == "+49301"
            assert "pass" not in call.inputs
            phone.cut()
            await phone.gone()
            for parameters, code in (
                ({"pass": written}, "ticket_used"),
                ({"pass": written + "x"}, "ticket_invalid"),
                ({"pass": passes.make("a", agents=["other"], life_s=60)}, "agent_unknown"),
                ({}, "unsigned"),
            ):
                phone = kind(parameters=parameters)
                assert await dialled(app, phone) is None
                await phone.gone()
                assert phone.closed is not None
                assert phone.closed[1] == code
            url = "wss://voice.example.org/telephone/desk"
            good = {
                "twilio": {"x-twilio-signature": twilio(url, {})},
                "plivo": {"x-plivo-signature-v3": plivo(url, "n"), "x-plivo-signature-v3-nonce": "n"},
            }.get(kind.provider)
            if good is not None:
                phone = kind(headers=good, parameters={"caller": "+49302"})
                call = await dialled(app, phone)
                assert call.identity == "+49302"
                phone.cut()
                await phone.gone()
                phone = kind(headers=dict.fromkeys(good, "d3Jvbmc="))
                assert await dialled(app, phone) is None
                assert phone.refused == 403
                await phone.gone()

    run_virtual(run())


# ---- at the provider ----


@asynccontextmanager
async def provider() -> AsyncIterator[tuple[str, list[tuple[str, str, str, str]]]]:
    """A provider's REST interface on this machine, and what was asked of it: method, path, who, body."""
    seen: list[tuple[str, str, str, str]] = []

    async def take(request: Request) -> JSONResponse:
        body = (await request.body()).decode()
        seen.append((request.method, request.url.path, request.headers.get("authorization", ""), body))
        return JSONResponse({}, 204 if request.method == "DELETE" else 200)

    app = Starlette(routes=[Route("/{path:path}", take, methods=["GET", "POST", "DELETE"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws="none"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", seen
    finally:
        server.should_exit = True
        await task


def basic(user: str) -> str:
    """The header."""
    return "Basic " + base64.b64encode(f"{user}:{TOKEN}".encode()).decode()


def accounts_at(url: str) -> TelephoneAccounts:
    """Of a provider here."""
    return TelephoneAccounts(
        TwilioAccount("AC0123", TOKEN, url),
        TelnyxAccount("KEY0123", PUBLIC, url),
        PlivoAccount("MA0123", TOKEN, url),
        "https://voice.example.org",
    )


async def with_pass(
    app: Starlette, kind: type[FakeTelephone], accounts: TelephoneAccounts
) -> tuple[Any, FakeTelephone]:
    """A call that is on."""
    passes = accounts.passes(kind.provider)  # type: ignore[arg-type]
    assert passes is not None
    phone = kind(parameters={"pass": passes.make("+49301", life_s=60)}, delay_s=0.0)
    call = await dialled(app, phone)
    assert call is not None
    return call, phone


HANG_UP = {
    "twilio": ("POST", "/2010-04-01/Accounts/AC0123/Calls/CA0123.json", basic("AC0123"), "Status=completed"),
    "telnyx": ("POST", "/v2/calls/v3:control-1/actions/hangup", "Bearer KEY0123", "{}"),
    "plivo": ("DELETE", "/v1/Account/MA0123/Call/call-1/", basic("MA0123"), ""),
}


@pytest.mark.parametrize("kind", [FakeTwilio, FakeTelnyx, FakePlivo])
def test_the_agents_end_hangs_up_at_the_provider(kind: type[FakeTelephone]) -> None:
    """And the caller's own does not: there is nothing to hang up any more."""

    async def run() -> None:
        async with provider() as (url, seen):
            accounts = accounts_at(url)
            app = make_app([desk()], telephone=accounts, any_host=True, ice="full")
            async with app.state.desk:
                call, phone = await with_pass(app, kind, accounts)
                call.end("completed")
                await phone.gone()
                assert seen == [HANG_UP[kind.provider]]
                seen.clear()
                _, phone = await with_pass(app, kind, accounts)
                phone.hang_up()
                await phone.gone()
                assert seen == []

    asyncio.run(run())


@pytest.mark.parametrize("kind", [FakeTwilio, FakeTelnyx, FakePlivo])
def test_a_call_is_passed_on_at_the_provider(kind: type[FakeTelephone]) -> None:
    """Once the agent is silent; the call here is over then, as transferred, and not hung up. Nonsense goes nowhere."""

    async def run() -> None:
        async with provider() as (url, seen):
            accounts = accounts_at(url)
            app = make_app([desk()], telephone=accounts, any_host=True, ice="full")
            async with app.state.desk:
                call, phone = await with_pass(app, kind, accounts)
                found = call.resource(TransferDesk)
                found.transfer("the boss", "", "")
                found.transfer("+49 30 333", "wants to pay", "asked for it")
                await phone.gone()
                ((method, path, _, body),) = seen
                assert method == "POST"
                match kind.provider:
                    case "twilio":
                        assert path.endswith("/CA0123.json")
                        assert "%3CNumber%3E%2B4930333%3C%2FNumber%3E" in body
                    case "telnyx":
                        assert (path, body) == (
                            "/v2/calls/v3:control-1/actions/transfer",
                            '{"to":"+4930333"}',
                        )
                    case "plivo":
                        link = re.search(r"https://voice\.example\.org(/telephone/dial/[^\"]+)", body)
                        assert link
                        async with serving([desk()], telephone=accounts) as web:
                            reply = await web.ask("GET", link[1])
                            assert b"<Dial><Number>+4930333</Number></Dial>" in reply.body
                            assert (await web.ask("GET", link[1] + "x")).status == 404
                assert 'reason="transferred"} 1.0' in app.state.metrics.text().decode()

    asyncio.run(run())


def test_secrets_are_not_shown() -> None:
    """Of an account that is printed."""
    assert TOKEN not in repr(ACCOUNTS)
    assert "KEY0123" not in repr(ACCOUNTS)


def test_accounts_come_from_the_environment() -> None:
    """By the names that the providers' tools use; half an account is none."""
    found = TelephoneAccounts.from_environment(
        {
            "TWILIO_ACCOUNT_SID": "AC1",
            "TWILIO_AUTH_TOKEN": "t",
            "PLIVO_AUTH_ID": "MA1",
            "LIVEGRAPH_PUBLIC_URL": "https://v.example/",
        }
    )
    assert found == TelephoneAccounts(TwilioAccount("AC1", "t"), public_url="https://v.example")
