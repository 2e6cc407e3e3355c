"""What decides about tools takes the time as an argument: breaker, retries, cache, settings, selection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import MS, SECOND, ConfigError, Media
from livegraph.processors.tools.breaker import Breaker, BreakerPolicy
from livegraph.processors.tools.result_cache import ResultCache, wish_key
from livegraph.processors.tools.results import ToolResult
from livegraph.processors.tools.retrying import pause_before_retry_ns
from livegraph.processors.tools.selection import Selection, chosen, tool_name
from livegraph.processors.tools.settings import Cached, Filler, FunctionOptions, ToolOptions, Who, resolve

POLICY = BreakerPolicy(failures=3, within_ns=10 * SECOND, pause_ns=20 * SECOND)


def test_a_service_that_fails_is_left_alone_then_tried_by_one() -> None:
    breaker = Breaker(POLICY)
    for now_s in (0, 1, 2):
        assert breaker.allows(now_s * SECOND)
        breaker.failed(now_s * SECOND)
    assert breaker.state(3 * SECOND) == "open" and not breaker.allows(3 * SECOND)
    assert breaker.retry_after_ns(3 * SECOND) == 19 * SECOND
    assert breaker.allows(22 * SECOND), "one may try"
    assert not breaker.allows(22 * SECOND), "and only one"
    breaker.succeeded(23 * SECOND)
    assert breaker.state(23 * SECOND) == "closed" and breaker.allows(23 * SECOND)


def test_failures_far_apart_open_nothing() -> None:
    breaker = Breaker(POLICY)
    for number in range(10):
        breaker.failed(number * 6 * SECOND)
    assert breaker.state(60 * SECOND) == "closed"


def test_each_trial_that_fails_makes_the_pause_longer_up_to_eight_times() -> None:
    breaker, now_ns = Breaker(POLICY), 0
    for _ in range(3):
        breaker.failed(now_ns)
    pauses = []
    for _ in range(5):
        pauses.append(breaker.retry_after_ns(now_ns) // SECOND)
        now_ns += breaker.retry_after_ns(now_ns)
        assert breaker.allows(now_ns)
        breaker.failed(now_ns)
    assert pauses == [20, 40, 80, 160, 160]


def test_a_trial_that_was_given_up_lets_another_try() -> None:
    breaker = Breaker(POLICY)
    for _ in range(3):
        breaker.failed(0)
    assert breaker.allows(20 * SECOND)
    breaker.left()
    assert breaker.allows(20 * SECOND)
    # One that never comes back does not shut the door for ever either.
    assert breaker.allows(40 * SECOND)


@given(st.lists(st.tuples(st.sampled_from("sfal"), st.integers(0, 30 * SECOND)), max_size=60))
def test_it_always_lets_somebody_through_again(done: list[tuple[str, int]]) -> None:
    breaker, now_ns = Breaker(POLICY), 0
    for what, later_ns in done:
        now_ns += later_ns
        if what == "a":
            breaker.allows(now_ns)
        elif what == "l":
            breaker.left()
        else:
            (breaker.failed if what == "f" else breaker.succeeded)(now_ns)
    assert breaker.allows(now_ns + 8 * POLICY.pause_ns + POLICY.pause_ns)


def test_retries_wait_longer_each_time_and_never_past_the_deadline() -> None:
    left_ns = 60 * SECOND
    pauses = [pause_before_retry_ns(tried, 3, left_ns, retryable=True) for tried in (1, 2, 3, 4)]
    assert pauses == [200 * MS, 400 * MS, 800 * MS, None]
    assert pause_before_retry_ns(1, 3, 100 * MS, retryable=True) is None
    assert pause_before_retry_ns(1, 3, left_ns, retryable=False) is None
    assert pause_before_retry_ns(1, 3, left_ns, retryable=True, asked_ns=7 * SECOND) == 7 * SECOND
    assert pause_before_retry_ns(1, 3, 5 * SECOND, retryable=True, asked_ns=7 * SECOND) is None
    assert pause_before_retry_ns(9, 10, left_ns, retryable=True) == 5 * SECOND


def test_results_are_kept_for_their_time_and_no_longer() -> None:
    cache, result = ResultCache(), ToolResult({"output": 1})
    cache.put("a", result, 10)
    assert cache.get("a", 9) is result
    assert cache.get("a", 10) is None and len(cache) == 0


def test_the_cache_is_bounded_in_number_and_size() -> None:
    cache = ResultCache(most=3, most_bytes=1_000)
    for number in range(5):
        cache.put(str(number), ToolResult({"output": number}), 10)
    assert len(cache) == 3 and cache.get("0", 0) is None and cache.get("4", 0) is not None
    cache.put("big", ToolResult({}, (Media(bytes(2_000), "image/png"),)), 10)
    assert cache.get("big", 0) is None and cache.get("4", 0) is not None
    cache.put("half", ToolResult({}, (Media(bytes(985), "image/png"),)), 10)
    assert cache.get("half", 0) is not None and len(cache) < 3


def test_the_order_of_arguments_makes_no_other_wish() -> None:
    assert wish_key("f", {"a": 1, "b": 2}) == wish_key("f", {"b": 2, "a": 1})
    assert wish_key("f", {"a": 1}) != wish_key("f", {"a": "1"})


def test_the_later_layer_counts_where_it_says_something() -> None:
    settings = resolve(
        ToolOptions(timeout_ns=1 * SECOND, filler="Wait.", cancel=False),
        None,
        ToolOptions(timeout_ns=2 * SECOND, confirm=True, cache=5 * SECOND),
        FunctionOptions(description="Books.", confirm=False),
    )
    assert settings.timeout_ns == 2 * SECOND and settings.filler == Filler(say="Wait.")
    assert settings.cancel is False and settings.confirm is False and settings.description == "Books."
    assert settings.cache == Cached(5 * SECOND)


@pytest.mark.parametrize(
    ("allow", "deny", "agent", "caller", "permitted"),
    [
        (None, None, "desk", "", True),
        (Who(callers=("staff-*",)), None, "desk", "staff-7", True),
        (Who(callers=("staff-*",)), None, "desk", "", False),
        (Who(callers=("staff-*",), agents=("night",)), None, "desk", "staff-7", False),
        (None, Who(agents=("night",)), "night", "ada", False),
        (None, Who(callers=("",)), "desk", "", False),
        (Who(callers=("*",)), Who(callers=("eve",)), "desk", "eve", False),
    ],
)
def test_who_may_use_a_tool(
    allow: Who | None, deny: Who | None, agent: str, caller: str, permitted: bool
) -> None:
    assert resolve(ToolOptions(allow=allow, deny=deny)).permits(agent, caller) is permitted


def test_functions_are_chosen_and_renamed() -> None:
    selection = Selection(
        only=("read_*", "list"),
        without=("read_secret",),
        prefix="files_",
        options={"list": FunctionOptions(name="look")},
    )
    found = chosen(selection, ["read_file", "read_secret", "list", "write"], "tools")
    assert {name: each.name for name, each in found.items()} == {
        "read_file": "files_read_file",
        "list": "look",
    }
    with pytest.raises(ConfigError, match="read_al"):
        chosen(Selection(only=("read_al",)), ["read_all"], "tools")
    assert chosen(Selection(only=("later",)), ["now"], "tools", strict=False) == {}


@given(st.text(max_size=200))
def test_any_text_becomes_a_name_that_models_accept(text: str) -> None:
    from livegraph.processors.tools.function import _NAME

    assert _NAME.fullmatch(tool_name(text)) and len(tool_name(text)) <= 65
