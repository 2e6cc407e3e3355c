"""Documents of services that exist, shortened: every function asks as the service wants to be asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from livegraph.pipeline import Secret
from livegraph.processors.tools.openapi.entry import OpenApiTools
from livegraph.processors.tools.sources import known_tools
from support.command import livegraph
from support.rest import Asked, reply, rest_server
from support.tool_calls import calling

_HERE = Path(__file__).parent


def asked(document: str, function: str, /, **arguments: Any) -> tuple[Asked, Any]:
    """The request that one function made of a service at hand, and what the model was told."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> bytes:
        nothing = asked.method in ("PUT", "DELETE")
        return reply(b"", 204, kind="") if nothing else reply({"number": 7})

    async def main() -> tuple[Asked, Any]:
        async with rest_server(answer) as rest:
            entry = OpenApiTools(
                openapi=_HERE / f"{document}.yaml",
                server=rest.url,
                private=("127.0.0.1",),
                headers={"Authorization": Secret("Bearer k")},
            )
            async with calling(entry) as (model, _):
                model.ask(function, **arguments)
                told = await model.answer()
            assert len(rest.asked) == 1, told
            return rest.asked[0], told

    return asyncio.run(main())


def test_github_lists_issues_by_parameters_behind_references() -> None:
    request, told = asked("github", "issues_list-for-repo", owner="ada", repo="engine", labels="bug,ui")
    assert request.method == "GET" and request.headers["authorization"] == "Bearer k"
    assert urlsplit(request.target).path == "/repos/ada/engine/issues"
    assert dict(parse_qsl(urlsplit(request.target).query)) == {
        "state": "open",
        "labels": "bug,ui",
        "per_page": "30",
    }
    assert told == {"number": 7}


@pytest.mark.parametrize("title", ["Found a bug", 42])
def test_github_opens_an_issue_with_fields_that_are_one_of_several_things(title: object) -> None:
    labels = ["bug", {"name": "ui"}]
    request, _ = asked(
        "github", "issues_create", owner="a", repo="b", title=title, labels=labels, milestone=None
    )
    assert request.json == {"title": title, "labels": labels, "milestone": None}


def test_github_locks_without_a_body_and_with_one() -> None:
    where: dict[str, Any] = {"owner": "a", "repo": "b", "issue_number": 3}
    request, told = asked("github", "issues_lock", **where, body={"lock_reason": "spam"})
    assert (request.method, request.json) == ("PUT", {"lock_reason": "spam"})
    assert told == {"status": 204}
    request, _ = asked("github", "issues_unlock", **where)
    assert (request.method, request.target, request.body) == ("DELETE", "/repos/a/b/issues/3/lock", b"")


def test_github_takes_a_text_as_it_is() -> None:
    request, _ = asked("github", "markdown_render-raw", body="# A *title*")
    assert request.body == b"# A *title*" and request.headers["content-type"] == "text/plain"


def test_github_searches() -> None:
    request, _ = asked(
        "github", "search_issues-and-pull-requests", q="is:open author:ada c++", sort="created"
    )
    assert dict(parse_qsl(urlsplit(request.target).query))["q"] == "is:open author:ada c++"


def test_a_value_stays_one_part_of_the_path() -> None:
    """What would lead elsewhere is quoted; the service decides what it takes for one name."""
    request, _ = asked("github", "repos_get-content", owner="a", repo="b", path="../../user")
    assert request.target == "/repos/a/b/contents/..%2F..%2Fuser"


def test_what_cannot_be_sent_is_left_out_and_what_the_service_calls_is_no_function() -> None:
    tools, _ = known_tools([OpenApiTools(openapi=_HERE / "github.yaml")])
    assert "repos_upload-release-asset" not in tools and "issues_opened" not in tools
    assert len(tools) == 7


def test_stripe_is_asked_with_deep_objects() -> None:
    request, _ = asked(
        "stripe", "GetCustomers", created={"gte": 1, "lt": 9}, expand=["data.tax", "data.sources"], limit=3
    )
    assert parse_qsl(urlsplit(request.target).query) == [
        ("created[gte]", "1"),
        ("created[lt]", "9"),
        ("expand[0]", "data.tax"),
        ("expand[1]", "data.sources"),
        ("limit", "3"),
    ]
    request, _ = asked("stripe", "GetCustomers", created=1733)
    assert parse_qsl(urlsplit(request.target).query) == [("created", "1733")]


def test_stripe_is_sent_forms_with_objects_and_lists() -> None:
    request, _ = asked(
        "stripe",
        "PostCustomers",
        name="Ada & Co",
        address={"city": "London", "line1": "1 St James's"},
        metadata={"order": "7"},
        preferred_locales=["en", "de"],
    )
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(request.body.decode()) == [
        ("address[city]", "London"),
        ("address[line1]", "1 St James's"),
        ("metadata[order]", "7"),
        ("name", "Ada & Co"),
        ("preferred_locales[0]", "en"),
        ("preferred_locales[1]", "de"),
    ]
    taken_away, _ = asked("stripe", "PostCustomers", address="")
    assert parse_qsl(taken_away.body.decode(), keep_blank_values=True) == [("address", "")]


def test_stripe_is_sent_what_lies_deeper() -> None:
    item = {"quantity": 2, "price_data": {"currency": "eur", "unit_amount": 900}}
    request, _ = asked("stripe", "PostCheckoutSessions", mode="payment", line_items=[item])
    assert parse_qsl(request.body.decode()) == [
        ("mode", "payment"),
        ("line_items[0][quantity]", "2"),
        ("line_items[0][price_data][currency]", "eur"),
        ("line_items[0][price_data][unit_amount]", "900"),
    ]


def test_stripe_deletes_by_the_path() -> None:
    request, _ = asked("stripe", "DeleteCustomersCustomer", customer="cus_1")
    assert (request.method, request.target) == ("DELETE", "/v1/customers/cus_1")


@pytest.mark.parametrize(("document", "functions"), [("github", 7), ("stripe", 4)])
def test_livegraph_tools_lists_them(document: str, functions: int, tmp_path: Path) -> None:
    """With what each takes, and no word of the key."""
    agent = tmp_path / "agent.yaml"
    agent.write_text(
        f"version: 1\nagent:\n  tools:\n    - openapi: {_HERE / document}.yaml\n"
        "      headers: {Authorization: Bearer sk_secret}\n"
    )
    done = livegraph("tools", agent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("openapi") >= functions and "sk_secret" not in done.stdout + done.stderr
