"""Keys that come back from a service are shown to nobody; what is no key stays as it is."""

import base64

import pytest

from livegraph.processors.tools.http.hiding import Hiding, of_address, of_command
from livegraph.processors.tools.mcp.entry import McpTools

KEY = "sk-live-8271/+abc"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Authorization": f"Bearer {KEY}"}, f"invalid token {KEY}"),
        ({"Authorization": f"Bearer {KEY}"}, f"you sent: Bearer {KEY}!"),
        ({"X-Api-Key": KEY}, "no such key: sk-live-8271%2F%2Babc"),
        ({"Authorization": "Basic " + base64.b64encode(b"ada:hunter22").decode()}, "ada:hunter22 may not"),
        ({"Authorization": "Basic " + base64.b64encode(b"ada:hunter22").decode()}, "the password hunter22"),
        ({"appid": "1234"}, "key 1234 has run out"),
        ({"X-Custom": "a1b2c3d4e5f6a7b8c9"}, "unknown a1b2c3d4e5f6a7b8c9"),
        ({"X-Custom": f"Bearer {KEY}"}, f"X-Custom: Bearer {KEY}"),
        ({"X-Custom": "token 8271"}, "no token 8271 here"),
        ({"X-Custom": "id=7; sig=a1b2c3d4e5f6a7b8c9"}, "bad signature a1b2c3d4e5f6a7b8c9"),
    ],
)
def test_a_key_is_hidden_in_every_form(headers: dict[str, str], said: str) -> None:
    shown = Hiding(headers).text(said)
    assert "[secret]" in shown
    assert not any(part in shown for part in ("8271", "hunter22", "1234", "a1b2"))


def test_what_is_no_key_stays() -> None:
    hiding = Hiding(
        {"Accept": "metric", "units": "metric", "X-Plan": "key accounts, tier 3"},
        {"q": "{city}", "key": "{call.id}", "token": "ab"},
    )
    kept = "metric, {city} {call.id} ab, tier 3"
    assert hiding.text(kept) == kept


def test_values_are_gone_through_to_the_bottom() -> None:
    value = {"args": {KEY: [f"a {KEY}", 3, None]}}
    assert Hiding({"X-Key": KEY}).value(value) == {"args": {"[secret]": ["a [secret]", 3, None]}}


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example/x?key=top/8271",
        "https://api.example/x?units=metric&access_token=top%2F8271#part",
        "https://ada:top%2F8271@api.example/x",
    ],
)
def test_a_key_in_an_address_is_hidden(url: str) -> None:
    """As it is meant and as it is written."""
    assert Hiding(of_address(url)).text("metric top/8271 top%2F8271") == "metric [secret] [secret]"


@pytest.mark.parametrize(
    "command",
    [
        ["npx", "-y", "files-mcp", "--api-key", "top-8271"],
        ["npx", "files-mcp", "--token=top-8271"],
        ["/usr/bin/files-mcp", "postgresql://ada:top-8271@db/x"],
        ["files-mcp", "-v", "https://api.example/?secret=top-8271"],
    ],
)
def test_a_key_in_a_command_is_hidden_and_gives_no_server_its_name(command: list[str]) -> None:
    hiding = Hiding(of_command(command))
    assert hiding.text(f"cannot do {' '.join(command)}").count("[secret]") == 1
    assert "8271" not in hiding.text(" ".join(command))
    assert McpTools(mcp=command).title == "files-mcp"


def test_an_address_that_is_none_holds_no_key() -> None:
    assert of_address("http://[::1") == {} == of_address("")
