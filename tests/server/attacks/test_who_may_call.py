"""Tokens, tickets, grants and credentials: what cannot be forged, guessed, used twice or used too long."""

import asyncio
import base64
import json
import shutil
import socket
import subprocess
from pathlib import Path

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import AudioFrame, Graph, In, Processor
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.pipeline.graph.plan import make_plan
from livegraph.server.access import Grant, TicketError, Tickets, TokenFileError, TurnService
from livegraph.server.access.ticket import UsedTickets
from livegraph.server.access.token_file import read_tokens
from livegraph.server.calls import ServedAgent
from livegraph.server.calls.admission import Admission
from livegraph.server.calls.admission import Caller as Counted
from livegraph.server.gate import by_tokens
from livegraph.server.limits import Buckets, CallerLimits, Rate
from livegraph.server.refusals import Refusal
from livegraph.server.wall_clock import unix_seconds
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from support.web import Web, serving
from support.webrtc import Caller

SECRET = b"0123456789abcdef0123456789abcdef"
TOKEN = "kiosk-token-0123456789"


class Notes(Processor):
    """Keeps what it sees of its call."""

    audio: In[AudioFrame] = In()
    seen: list[tuple[dict[str, object], str]] = []  # noqa: RUF012

    async def start(self) -> None:
        self.seen.append((dict(self.call.inputs), self.call.identity))

    def on_audio(self, frame: AudioFrame) -> None:
        """Nothing."""


def agent(name: str) -> ServedAgent:
    """Takes two inputs, and notes who calls."""
    graph = Graph(name)
    graph.add("mic", WebRTCIn)
    graph.add("notes", Notes)
    graph.connect("mic", "notes")
    inputs = {"customer": InputSpec(default=""), "topic": InputSpec(default="")}
    return ServedAgent(name, make_plan(graph, inputs=inputs))


def bearer(token: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": f"Bearer {token}"}


async def offered(web: Web, token: str, **fields: object) -> tuple[int, str]:
    """Offer a call by this token; the status, and the id or the code."""
    caller = Caller(None)
    sdp = await caller.offer()
    await caller.hang_up()
    reply = await web.send_json(
        "POST", "/api/offer", {"sdp": sdp, "type": "offer", **fields}, **bearer(token)
    )
    return reply.status, reply.json["pc_id"] if reply.status == 200 else reply.error


def test_a_ticket_is_good_for_one_call_of_its_agent() -> None:
    """It opens its agent once; another agent, a second call and a later moment are refused."""
    tickets = Tickets(SECRET, unix_seconds)

    async def run() -> None:
        async with serving(
            [agent("desk"), agent("other")], authorize=by_tokens(lambda: None, tickets)
        ) as web:
            ticket = tickets.make("ada", agents=["desk"], inputs={"customer": "17"})
            assert (await offered(web, ticket, agent="other"))[1] == "agent_unknown"
            listed = (await web.ask("GET", "/api/agents", headers=bearer(ticket))).json
            assert [one["name"] for one in listed["agents"]] == ["desk"]
            assert [one["name"] for one in listed["agents"][0]["inputs"]] == ["topic"]
            # A call that did not come about has not used it up.
            assert (await offered(web, ticket, inputs={"nonsense": 1}))[1] == "bad_inputs"
            status, pc_id = await offered(web, ticket)
            assert status == 200
            assert await offered(web, ticket) == (401, "ticket_used")
            await web.ask("DELETE", f"/api/offer/{pc_id}")
            assert await offered(web, ticket) == (401, "ticket_used")
            assert (await web.ask("GET", "/api/agents")).status == 401

    asyncio.run(run())


def _unsigned(ticket: str, **header: str) -> str:
    """The ticket with another header and no signature."""
    made = base64.urlsafe_b64encode(json.dumps({"typ": "JWT", **header}).encode()).rstrip(b"=").decode()
    return f"{made}.{ticket.split('.')[1]}."


def test_tickets_cannot_be_forged_or_kept() -> None:
    """Other secrets, no signature, other algorithms, other audiences, other shapes and other times are refused."""
    now = 1_800_000_000.0
    tickets = Tickets(SECRET, lambda: now)
    good = tickets.make("ada", life_s=60)
    assert tickets.read(good).identity == "ada"
    claims = jwt.decode(good, SECRET, algorithms=["HS256"], options={"verify_signature": False})

    def signed(secret: bytes = SECRET, algorithm: str = "HS256", **changes: object) -> str:
        changed = {key: value for key, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(changed, secret, algorithm=algorithm)

    bad = [
        "",
        "a.b.c",
        good[:-2],
        good + "x",
        _unsigned(good, alg="none"),
        _unsigned(good, alg="None"),
        signed(b"another secret of thirty-two bytes"),
        signed(SECRET + SECRET, "HS512"),
        signed(aud="elsewhere"),
        signed(aud=None),
        signed(jti=None),
        signed(jti=""),
        signed(sub=None),
        signed(exp=None),
        signed(exp="tomorrow"),
        signed(exp=now + 30 * 24 * 3600),
        signed(nbf=now + 600),
        signed(agents="desk"),
        signed(report="everything"),
        signed(inputs={"x": {"y": 1}}),
        signed(limits={"calls": 0}),
        signed(limits={"calls": True}),
        # Python's JSON has these, and no time comes after them.
        *(signed(**{time: float(number)}) for time in ("exp", "nbf", "iat") for number in ("nan", "inf")),
        signed(iat=now + 600),
        signed(sub=""),
        signed(sub="\ud800"),
        signed(jti="\ud800"),
    ]
    for ticket in bad:
        with pytest.raises(TicketError):
            tickets.read(ticket)
    late = Tickets(SECRET, lambda: now + 61)
    with pytest.raises(TicketError, match="expired"):
        late.read(good)
    with pytest.raises(ValueError, match="32"):
        Tickets(b"short", lambda: now)


def test_inputs_of_a_grant_cannot_be_changed() -> None:
    """What the grant sets is what boxes see, whatever the caller says; it may say the rest."""

    async def authorize(request: object) -> Grant:
        return Grant(identity="ada", inputs={"customer": "17", "unknown_here": 1})

    async def run() -> None:
        Notes.seen.clear()
        async with serving([agent("desk")], authorize=authorize) as web:
            caller = Caller()
            await web.call(caller, inputs={"customer": "99", "topic": "bills"})
            async with asyncio.timeout(20):
                while not Notes.seen:
                    await asyncio.sleep(0.01)
            await caller.hang_up()
            await web.until_free()
        assert Notes.seen == [({"customer": "17", "topic": "bills"}, "ada")]

    asyncio.run(run())


def test_calls_of_one_identity_are_counted() -> None:
    """Two browsers of one person share their places; another person has places of their own."""
    limits = CallerLimits(calls=1)

    async def authorize(request: object) -> Grant | None:
        from livegraph.server.access import bearer_of

        name = bearer_of(request)  # type: ignore[arg-type]
        return Grant(identity=name, limits=limits) if name else None

    async def run() -> None:
        async with serving([agent("desk")], authorize=authorize) as web:
            assert (await offered(web, "ada"))[0] == 200
            assert await offered(web, "ada") == (429, "too_many_calls")
            assert (await offered(web, "bob"))[0] == 200

    asyncio.run(run())


def test_calls_of_one_address_are_counted_where_nobody_says_who_it_is() -> None:
    """Whoever is known by name is counted by it; this machine, where a proxy is everybody, is not."""
    admission = Admission(max_calls=100, max_pending=100, limits=CallerLimits(calls=2))
    for address, same, other in (
        ("203.0.113.7", "::ffff:203.0.113.7", "203.0.113.8"),
        ("2001:db8::1", "2001:db8::2%eth0", "2001:db8:0:1::1"),
    ):
        entries = [admission.enter(Counted(address=address)) for _ in range(2)]
        admission.connected(entries[0])
        for more in (address, same):
            with pytest.raises(Refusal, match="2 calls from here already"):
                admission.enter(Counted(address=more))
        admission.enter(Counted(Grant(identity="ada"), address))
        asked = admission.enter(Counted(address=address, known=False))
        with pytest.raises(Refusal, match="2 calls from here already"):
            admission.identify(asked, Grant())
        admission.identify(asked, Grant(identity=f"bob at {address}"))
        admission.enter(Counted(address=other))
        admission.leave(entries[0])
        admission.enter(Counted(address=same))
    for near in ("127.0.0.1", "::1", "", "testclient"):
        for _ in range(5):
            admission.enter(Counted(address=near))


def test_token_files(tmp_path: Path) -> None:
    """A token opens what its entry says; a file that is wrong is refused in words that hold no token."""
    path = tmp_path / "tokens.yaml"
    path.write_text(
        f"tokens:\n  kiosk: {{token: {TOKEN}, agents: [desk], report: names,\n"
        "    limits: {calls: 2, call_duration: 10min}}\n"
        "  hashed: {sha256: " + "ab" * 32 + "}\n"
    )
    tokens = read_tokens(path)
    grant = tokens.read(TOKEN)
    assert grant is not None
    assert (grant.identity, grant.agents, grant.report) == ("kiosk", ("desk",), "names")
    assert grant.limits is not None
    assert grant.limits.call_duration == 600 * 10**9
    assert tokens.read(TOKEN[:-1]) is None
    assert tokens.read("ab" * 32) is None
    for wrong in (
        f"tokens: {{a: {{token: {TOKEN}}}, b: {{token: {TOKEN}}}}}",
        "tokens: {a: {token: short}}",
        f"tokens: {{a: {{token: {TOKEN}, sha256: {'ab' * 32}}}}}",
        f"tokens: {{a: {{token: {TOKEN}, rights: all}}}}",
        f"tokens: {{a: {{token: {TOKEN}, limits: {{calls: many}}}}}}",
        f"tokens: [{TOKEN}",
        f"{TOKEN}",
        "",
        "tokens: {}",
    ):
        path.write_text(wrong)
        with pytest.raises(TokenFileError) as caught:
            read_tokens(path)
        assert TOKEN not in str(caught.value)
        assert caught.value.__cause__ is None
    with pytest.raises(TokenFileError):
        read_tokens(tmp_path)


def test_used_tickets_are_forgotten_when_they_are_void() -> None:
    """What is remembered does not grow with the tickets that were ever used."""
    used = UsedTickets()
    for number in range(1_000):
        assert used.use(f"t{number}", expires_s=number + 60.0, now_s=float(number))
    assert len(used) <= 70
    assert not used.use("t999", 2_000.0, 1_000.0)
    used.forget("t999")
    assert used.use("t999", 2_000.0, 1_000.0)


@given(
    st.floats(0.5, 600), st.integers(1, 50), st.lists(st.integers(0, 10_000_000_000), min_size=1, max_size=60)
)
def test_buckets_let_through_what_their_rate_says(per_minute: float, burst: int, gaps: list[int]) -> None:
    """In any stretch of time never more than the burst and what the rate gives; and waiting as told is enough."""
    buckets = Buckets(Rate(per_minute, burst))
    now, let = 0, []
    for gap in gaps:
        now += gap
        wait = buckets.take("k", now)
        if wait:
            assert buckets.take("k", now + wait - 1) or wait == 1
            now += wait
            assert buckets.take("k", now) == 0
        let.append(now)
    each_ns = 60e9 / per_minute
    for first in range(len(let)):
        for last in range(first, len(let)):
            assert last - first + 1 <= burst + (let[last] - let[first]) / each_ns + 1e-3


def test_buckets_are_bounded() -> None:
    """A caller with many addresses makes us remember no more than we want to."""
    buckets = Buckets(Rate(10, 5), most=100)
    for number in range(10_000):
        buckets.take(str(number), number)
    assert len(buckets) == 100


# ---- relays ----


@pytest.fixture
def coturn(tmp_path: Path) -> object:
    """Debian's coturn on loopback, with the secret; its port."""
    turnserver = shutil.which("turnserver")
    if turnserver is None:
        pytest.skip("coturn is not installed (apt-get install coturn)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(turnserver, "-n", "--use-auth-secret", f"--static-auth-secret={SECRET.decode()}"),
        *("--realm=test", "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", str(port), "--no-tls", "--no-dtls"),
        *("--no-cli", "--allow-loopback-peers", "--cli-password=x", f"--pidfile={tmp_path}/pid"),
        *("--log-file=stdout", f"--userdb={tmp_path}/db", "--min-port=49200", "--max-port=49300"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    yield port
    process.terminate()
    process.wait(10)


async def allocate(port: int, entry: dict[str, str]) -> bool:
    """Whether the relay gives an address for these credentials."""
    from aioice import stun, turn

    for _ in range(40):
        try:
            transport, _ = await turn.create_turn_endpoint(
                asyncio.DatagramProtocol,
                server_addr=("127.0.0.1", port),
                username=entry["username"],
                password=entry["credential"],
            )
        except stun.TransactionFailed:
            return False
        except (stun.TransactionTimeout, ConnectionError):
            # It is not up yet.
            await asyncio.sleep(0.1)
            continue
        transport.close()
        await asyncio.sleep(0.1)
        return True
    raise AssertionError("coturn does not answer")


def test_minted_credentials_open_a_real_relay_and_no_others_do(coturn: int) -> None:
    """coturn takes what was minted for a caller; not another's name, not a made-up one, and not an old one."""
    url = f"turn:127.0.0.1:{coturn}"

    async def authorize(request: object) -> Grant:
        return Grant(identity="ada@example.org")

    async def run() -> None:
        service = TurnService([url], SECRET, unix_seconds)
        async with serving([agent("desk")], authorize=authorize, turn=service) as web:
            config = await web.ask("GET", "/api/config")
            (entry,) = config.json["iceServers"]
            assert entry["urls"] == [url]
            assert "ada" not in config.body.decode()
            assert config.headers["cache-control"] == "no-store"
        assert await allocate(coturn, entry)
        other = ("B" if entry["credential"][0] == "A" else "A") + entry["credential"][1:]
        assert not await allocate(coturn, {**entry, "credential": other})
        stamp, _, mark = entry["username"].partition(":")
        assert not await allocate(coturn, {**entry, "username": f"{int(stamp) + 9_999}:{mark}"})
        old = TurnService([url], SECRET, lambda: unix_seconds() - 7_200).mint("ada@example.org")
        assert not await allocate(coturn, old)

    asyncio.run(run())


def test_credentials_that_do_not_expire_are_not_published() -> None:
    """A static TURN password among the published servers is refused when the application is made."""
    from livegraph.server.app import make_app

    with pytest.raises(ValueError, match="TurnService"):
        make_app(
            [agent("desk")],
            ice_servers=[{"urls": "turn:relay.example", "username": "u", "credential": "p"}],
        )
