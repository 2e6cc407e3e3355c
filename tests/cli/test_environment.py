"""Variables of the environment: one that is mistyped counts for nothing, and is told of."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from livegraph.cli.environment import check_environment, drop_service_links
from livegraph.cli.exits import Exit, Fault
from livegraph.cli.server_options import Host
from livegraph.cli.terminal import Terminal
from livegraph.language.server_section import ServerSection
from support.command import livegraph


def checked(*files: Path, **environ: str) -> None:
    check_environment(environ, Terminal(), files)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LIVEGRAPH_MAX_CALL", "LIVEGRAPH_MAX_CALLS"),
        ("LIVEGRAPH_MAXCALLS", "LIVEGRAPH_MAX_CALLS"),
        ("LIVEGRAPH_TICKET_SECRET_FIEL", "LIVEGRAPH_TICKET_SECRET_FILE"),
        ("LIVEGRAPH_DRIAN", "LIVEGRAPH_DRAIN"),
        ("LIVEGRAPH_PUBLIC_ADRESS", "LIVEGRAPH_PUBLIC_ADDRESS"),
        ("LIVEGRAPH_PUBLICURL", "LIVEGRAPH_PUBLIC_URL"),
        ("livegraph_host", "LIVEGRAPH_HOST"),
        ("LIVEGRAPH_LOGLEVEL", "LIVEGRAPH_LOG_LEVEL"),
    ],
)
def test_one_that_is_nearly_ours_is_an_error(name: str, meant: str) -> None:
    """As a mistyped option is, with the same code."""
    with pytest.raises(Fault) as fault:
        checked(**{name: "1"})
    assert name in str(fault.value) and meant in fault.value.remedy
    assert fault.value.code == Exit.USAGE


def test_one_that_is_like_none_of_ours_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    """It may be somebody else's; what an agent's own files name is the agent's."""
    checked(LIVEGRAPH_COLOUR="blue")
    assert "LIVEGRAPH_COLOUR" in capsys.readouterr().err


def test_those_of_the_agents_are_theirs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However near they are to one of ours."""
    agent = tmp_path / "agent.yaml"
    agent.write_text("version: 1\nagent: {instructions: 'Say ${LIVEGRAPH_HOSTS}.'}\n")
    checked(agent, tmp_path / "gone.py", LIVEGRAPH_HOSTS="Ann and Bob")
    assert capsys.readouterr().err == ""


def test_all_of_ours_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Each option of `run` has one, and some have no option. What is empty says nothing."""
    ours = {f"LIVEGRAPH_{field.name.upper()}": "x" for field in dataclasses.fields(ServerSection)}
    others = dict.fromkeys(("LIVEGRAPH_TOKEN", "LIVEGRAPH_MIND_KEY", "LIVEGRAPH_TURN_MODEL"), "x")
    checked(**ours, **others, LIVEGRAPH_HOTS="", HOME="/root", LIVEGRAPHICS="1")
    assert capsys.readouterr().err == ""
    assert f"LIVEGRAPH_{'HOST'}" == Host.__metadata__[0].envvar  # type: ignore[attr-defined]


def test_what_kubernetes_says_of_a_service_of_our_name_is_no_option(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It tells every container of it, by names that begin as ours do, and one that is ours."""
    links = {
        "LIVEGRAPH_PORT": "tcp://10.0.0.7:8080",
        "LIVEGRAPH_SERVICE_HOST": "10.0.0.7",
        "LIVEGRAPH_SERVICE_PORT": "8080",
        "LIVEGRAPH_SERVICE_PORT_HTTP": "8080",
        "LIVEGRAPH_PORT_8080_TCP": "tcp://10.0.0.7:8080",
        "LIVEGRAPH_PORT_8080_TCP_ADDR": "10.0.0.7",
        "LIVEGRAPH_PORT_40000_UDP_PROTO": "udp",
    }
    drop_service_links(links)
    assert "LIVEGRAPH_PORT" not in links
    checked(**links)
    assert capsys.readouterr().err == ""
    said = {"LIVEGRAPH_PORT": "8080"}
    drop_service_links(said)
    assert said == {"LIVEGRAPH_PORT": "8080"}


@pytest.mark.parametrize(
    "verb", [("run", "echo"), ("ticket", "ada"), ("simulate",), ("load", "http://127.0.0.1:1")]
)
def test_verbs_that_read_some_say_so(verb: tuple[str, ...]) -> None:
    """Before anything begins."""
    done = livegraph(*verb, LIVEGRAPH_TICKET_SECRET="ticket.key")
    assert done.returncode == 2
    assert "LIVEGRAPH_TICKET_SECRET_FILE" in done.stderr
