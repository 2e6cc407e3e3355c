"""Keys that come back from a service are shown to nobody; what is no key stays as it is."""

import base64

import pytest

from livegraph.processors.tools.http.hiding import Hiding

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
    ],
)
def test_a_key_is_hidden_in_every_form(headers: dict[str, str], said: str) -> None:
    shown = Hiding(headers).text(said)
    assert "[secret]" in shown
    assert not any(part in shown for part in ("8271", "hunter22", "1234", "a1b2"))


def test_what_is_no_key_stays() -> None:
    hiding = Hiding(
        {"Accept": "metric", "units": "metric"}, {"q": "{city}", "key": "{call.id}", "token": "ab"}
    )
    assert hiding.text("metric, {city} {call.id} ab") == "metric, {city} {call.id} ab"


def test_values_are_gone_through_to_the_bottom() -> None:
    value = {"args": {KEY: [f"a {KEY}", 3, None]}}
    assert Hiding({"X-Key": KEY}).value(value) == {"args": {"[secret]": ["a [secret]", 3, None]}}
