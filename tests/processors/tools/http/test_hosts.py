"""Only hosts that are named are called, and none outside the public Internet that is not named as such."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.processors.tools.http.hosts import HostPolicy, is_private

OPEN = HostPolicy(("api.example.com", "*.example.org"))


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/a?b=c",
        "http://API.EXAMPLE.COM:8080/",
        "https://api.example.com./",
        "https://eu.example.org/",
        "https://a.b.example.org/",
    ],
)
def test_hosts_that_are_named_are_called(url: str) -> None:
    assert OPEN.refuse_url(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.com/",
        "https://api.example.com.evil.com/",
        "https://api.example.com@evil.com/",
        "https://user:secret@api.example.com/",
        "https://example.org/",
        "https://evilexample.org/",
        "ftp://api.example.com/",
        "file:///etc/passwd",
        "//api.example.com/",
        "/path",
        "https://[::1/",
        "https://api.example.com:99999/",
        "",
    ],
)
def test_all_others_are_not(url: str) -> None:
    assert OPEN.refuse_url(url)


PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:a00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "192.0.0.1", "198.18.0.1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_outside_the_internet_is_refused_whoever_has_it(address: str) -> None:
    assert OPEN.refuse_address(address, "api.example.com")
    host = f"[{address}]" if ":" in address else address
    assert HostPolicy((address,)).refuse_url(f"http://{host}/")


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "localhost", "db.localhost"]
)
def test_it_is_known_however_it_is_written(host: str) -> None:
    assert "public Internet" in HostPolicy((host,)).refuse_url(f"http://{host}/")


@pytest.mark.parametrize(
    ("private", "address", "host", "allowed"),
    [
        (("127.0.0.1",), "127.0.0.1", "127.0.0.1", True),
        (("127.0.0.1",), "127.0.0.2", "127.0.0.2", False),
        (("10.0.0.0/8",), "10.200.0.9", "db.internal", True),
        (("10.0.0.0/8",), "192.168.0.9", "db.internal", False),
        (("db.internal",), "192.168.0.9", "db.internal", True),
        (("db.internal",), "192.168.0.9", "api.example.com", False),
        (("127.0.0.0/8",), "::ffff:127.0.0.1", "x", True),
    ],
)
def test_what_is_named_may_be_called(
    private: tuple[str, ...], address: str, host: str, allowed: bool
) -> None:
    assert (HostPolicy((host,), private).refuse_address(address, host) == "") is allowed


@given(st.ip_addresses())
def test_no_private_address_slips_through_in_another_dress(address: object) -> None:
    """As itself, or mapped into version 6: the answer is the same."""
    found = ipaddress.ip_address(str(address))
    refused = bool(OPEN.refuse_address(str(found), "api.example.com"))
    if isinstance(found, ipaddress.IPv4Address):
        assert refused == is_private(found)
        assert bool(OPEN.refuse_address(f"::ffff:{found}", "api.example.com")) == refused


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    assert isinstance(OPEN.refuse_url(text), str)
    assert OPEN.refuse_address(text, text) or ipaddress.ip_address(text.partition("%")[0]).is_global
