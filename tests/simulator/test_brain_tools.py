"""Tools are picked and filled from what was said, whatever their declarations look like."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.simulator.brain import Brain, CallTool, Say, default_brain
from livegraph.simulator.brain_fill import answer, fill, missing
from livegraph.simulator.brain_reply import phrase, sentence
from livegraph.simulator.brain_text import listen
from livegraph.simulator.brain_tools import Parameter, best_tool, coerce, read_tools


def declare(name: str, description: str, required: str = "", /, **properties: object) -> dict[str, object]:
    """A function declaration; a property is a description, or a schema."""
    return {
        "name": name,
        "description": description,
        "parameters": {
            "type": "OBJECT",
            "properties": {
                key: value if isinstance(value, dict) else {"type": "STRING", "description": value}
                for key, value in properties.items()
            },
            "required": required.split(),
        },
    }


TOOLS = [
    declare("opening_hours", "Tell the opening hours of the practice.", "day", day="Day of the week"),
    declare(
        "book_appointment", "Book an appointment with the dentist.", "name day time", name="", day="", time=""
    ),
    declare("cancel_appointment", "Cancel an appointment.", "name", name=""),
    declare(
        "getWeather",
        "Get the weather for a city",
        "city",
        city="",
        unit={"type": "STRING", "enum": ["celsius", "fahrenheit"]},
    ),
    {"name": "get_time", "description": "The current time."},
    {
        "name": "order_pizza",
        "description": "Order pizzas",
        "parametersJsonSchema": {
            "type": "object",
            "properties": {
                "count": {"type": "integer"},
                "size": {"type": "string", "enum": ["small", "medium", "extra_large"]},
                "toppings": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["count", "size"],
        },
    },
    {"name": "transfer_call", "description": "Connect the caller to a human being"},
    declare("roll_dice", "Roll dice", "sides", sides={"type": "INTEGER"}, dice={"type": "INTEGER"}),
]


@pytest.mark.parametrize(
    ("text", "name", "args"),
    [
        ("What time do you open on Saturday?", "opening_hours", {"day": "Saturday"}),
        ("Are you closed on Sundays?", "opening_hours", {"day": "Sunday"}),
        ("When are you open?", "opening_hours", {}),
        (
            "Can you make an appointment for John Smith next Tuesday at 10?",
            "book_appointment",
            {"name": "John Smith", "day": "next Tuesday", "time": "10:00"},
        ),
        (
            "I'd like to book an appointment tomorrow at three thirty p M.",
            "book_appointment",
            {"day": "tomorrow", "time": "3:30 pm"},
        ),
        (
            "Hello, my name is Mary Brown, and I need to see the dentist on Friday.",
            "book_appointment",
            {"name": "Mary Brown", "day": "Friday"},
        ),
        ("I need to cancel my appointment", "cancel_appointment", {}),
        (
            "What's the weather like in New York, in Celsius?",
            "getWeather",
            {"city": "New York"},
        ),
        ("Do I need an umbrella in Oslo?", "getWeather", {"city": "Oslo"}),
        ("What time is it?", "get_time", {}),
        (
            "I want two extra large pizzas for delivery at 5 pm",
            "order_pizza",
            {"count": 2},
        ),
        ("Can I talk to a human?", "transfer_call", {}),
        ("Roll two six-sided dice.", "roll_dice", {"sides": 6, "dice": 2}),
        ("Tell me a story", None, {}),
        ("How are you?", None, {}),
        ("Thanks a lot!", None, {}),
        ("", None, {}),
    ],
)
def test_tools_are_picked_and_filled(text: str, name: str | None, args: dict[str, object]) -> None:
    """By the words of their names and descriptions, and by the kinds of their parameters."""
    heard = listen(text)
    tool = best_tool(read_tools(TOOLS), heard)
    assert (tool and tool.name) == name
    if tool:
        assert fill(tool, heard) == args


def test_what_a_tool_needs_is_said_in_one_sentence() -> None:
    """Where something is missing the answer names it, and nothing is called; a tool is never asked for bit by bit."""
    brain = Brain(default_brain(), TOOLS)
    assert brain.hear("I'd like an appointment.") == [
        Say("To book appointment I have to hear the name, the day and the time, all in one sentence.")
    ]
    assert brain.snapshot()["pending"] is None
    assert brain.hear("Book an appointment for Mary Brown tomorrow at half past three.") == [
        CallTool("book_appointment", {"name": "Mary Brown", "day": "tomorrow", "time": "3:30"}, "call-1")
    ]
    assert brain.hear("Order two pizzas") == [
        Say("To order pizza I have to hear the size, all in one sentence.")
    ]


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        ("number", "There will be four", 4),
        ("number", "no idea", None),
        ("date", "on the fifth of may", "the 5th of May"),
        ("time", "Ten.", "10:00"),
        ("time", "At half past three", "3:30"),
        ("text", "It's Mary Brown.", "Mary Brown"),
        ("text", "My name is", "My name is"),
        ("word", "in paris", "paris"),
    ],
)
def test_answers_to_the_questions_of_rules(kind: str, said: str, value: object) -> None:
    """A bare answer will do, and so will a whole sentence."""
    assert answer(kind, listen(said)) == value


def test_arguments_become_the_declared_types() -> None:
    """A tool gets numbers where its schema says so, and texts elsewhere."""
    assert coerce(Parameter("n", "integer", True), "3") == 3
    assert coerce(Parameter("n", "number", True), "2.5") == 2.5
    assert coerce(Parameter("n", "text", True), 3) == "3"
    assert coerce(Parameter("n", "other", True), [1]) == [1]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "Done."),
        ({}, "Done."),
        (True, "Done."),
        (3, "It is 3."),
        (2.50, "It is 2.5."),
        ("it rains", "It rains."),
        ("Really?", "Really?"),
        ([], "Done."),
        (["a", "b", "c"], "Done."),
        ({"message": "hello there"}, "Hello there."),
        ({"output": "booked", "day": "Monday"}, "Booked."),
        ({"status": "booked", "day": "Monday"}, "Done."),
        ({"openingHours": ["9 am", "5 pm"], "_id": 7}, "Done."),
    ],
)
def test_results_are_spoken_as_sentences(value: object, said: str) -> None:
    """A text or a number is said; what is in any other JSON nobody reads aloud."""
    assert sentence(value) == said


def test_lists_stand_in_the_middle_of_a_sentence() -> None:
    """As a rule's ``say_result`` has it."""
    assert phrase(["soup", "trout", 3]) == "soup, trout and 3"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_any_result_can_be_spoken(value: object) -> None:
    """Short enough to listen to, and never empty."""
    assert 0 < len(sentence(value)) <= 700
    assert isinstance(phrase(value), str)


SCHEMA_KEYS = st.sampled_from(
    ["type", "properties", "required", "enum", "items", "anyOf", "format", "description", "a", "day", "count"]
)
SCHEMA = st.recursive(
    st.sampled_from(["STRING", "INTEGER", "ARRAY", "OBJECT", "BOOLEAN", "date", None, 1, True])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCHEMA_KEYS, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(["name", "description", "parameters"]), SCHEMA)),
    st.text(max_size=40),
)
def test_any_declaration_can_be_read(declarations: list[dict[str, object]], text: str) -> None:
    """A schema that makes no sense costs its parameters, not the session; arguments are always JSON."""
    tools = read_tools(declarations)
    for tool in tools:
        args = fill(tool, listen(text))
        json.dumps(args)
        assert all(isinstance(name, str) for name in missing(tool, args))
    brain = Brain(default_brain(), declarations)
    for said in (text, "a day count", text):
        brain.hear(said)
