"""Nobody is asked for what they have said, in whatever order and in however many pieces they say it."""

import pytest

from livegraph.simulator.brain import Brain, CallTool, Say, parse_brain

SCRIPT = parse_brain("""
version: 1
rules:
  - hear: [(book|want) an appointment, "(book|want) an appointment [on] {day:date}"]
    ask:
      day: {say: "Which day?", kind: date}
      time: {say: "What time on {day}?", kind: time}
      name: Your name?
    call: {tool: book, args: {day: "{day}", time: "{time}", name: "{name}"}}
    say_result: Booked.
    say_error: "{error}. Another time?"
  - hear: rent a car
    ask:
      from: {say: "From which day?", kind: date}
      until: {say: "Until which day?", kind: date}
    call: {tool: rent, args: {from: "{from}", until: "{until}"}}
  - hear: it is about
    ask:
      what: What happened?
      day: {say: "Which day suits you?", kind: date}
    call: {tool: note, args: {what: "{what}", day: "{day}"}}
  - hear: when are you open
    say: Always.
fallback: Pardon?
cancelled: Fine.
""")
TOOLS = [
    {"name": name, "description": "", "parameters": {"type": "OBJECT", "properties": {}}}
    for name in ("book", "rent", "note")
]
DAY, NAME = [Say("Which day?")], [Say("Your name?")]


def brain() -> Brain:
    """The mind of a practice that asks for a day, a time and a name."""
    return Brain(SCRIPT, TOOLS)


def booked(day: str, time: str, name: str, call: int = 1) -> list[CallTool]:
    """What books an appointment."""
    return [CallTool("book", {"day": day, "time": time, "name": name}, f"call-{call}")]


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (["I want an appointment", "On Monday at three thirty pm", "Ada"], [DAY, NAME]),
        (["I want an appointment at three thirty pm on Monday", "Ada"], [NAME]),
        (["I want an appointment", "At three thirty pm", "on Monday, please", "Ada"], [DAY, DAY, NAME]),
        (["I want an appointment on Monday at 3:30 pm, my name is Ada"], []),
        (["My name is Ada, and I want an appointment", "3:30 pm on Monday"], [DAY]),
        (
            ["I want an appointment on Monday", "at 3:30 pm, and my name is Ada"],
            [[Say("What time on Monday?")]],
        ),
    ],
    ids=["both-at-once", "time-first", "the-other-one", "all-at-once", "name-first", "name-with-it"],
)
def test_what_was_said_is_not_asked_for(said: list[str], answers: list[list[Say]]) -> None:
    """Days, exact times and introduced names count wherever they are said."""
    subject = brain()
    *asked, call = [subject.hear(text) for text in said]
    assert asked == answers
    (made,) = call
    assert isinstance(made, CallTool)
    assert {"day": made.args["day"], "name": made.args["name"]} == {"day": "Monday", "name": "Ada"}
    assert made.args["time"] in ("3:30 pm", "3:30pm")


def test_a_greeting_is_no_time_and_a_kind_that_two_slots_have_is_not_guessed_at() -> None:
    """In doubt it asks."""
    subject = brain()
    assert subject.hear("Good morning, I want an appointment on Monday") == [Say("What time on Monday?")]
    subject = brain()
    assert subject.hear("I would like to rent a car on Monday") == [Say("From which day?")]
    assert subject.hear("From Tuesday") == [Say("Until which day?")]
    assert subject.hear("Friday") == [CallTool("rent", {"from": "Tuesday", "until": "Friday"}, "call-1")]


def test_a_day_within_a_free_text_is_not_the_day_that_is_asked_for() -> None:
    """Whoever tells what happened tells when, too; that is another matter."""
    subject = brain()
    assert subject.hear("It is about") == [Say("What happened?")]
    assert subject.hear("It broke on Monday") == [Say("Which day suits you?")]


def test_the_caller_may_correct_themselves() -> None:
    """What was said last counts."""
    subject = brain()
    assert subject.hear("I want an appointment on Monday") == [Say("What time on Monday?")]
    assert subject.hear("No, on Thursday") == [Say("What time on Thursday?")]
    assert subject.hear("At ten") == NAME
    assert subject.hear("Ada") == booked("Thursday", "10:00", "Ada")


@pytest.mark.parametrize("begun", ["Okay.", "Um, let me see.", "At", "I would like"])
def test_the_beginning_of_an_answer_is_none(begun: str) -> None:
    """The caller is encouraged once to go on, and asked again after that."""
    subject = brain()
    (asked,) = subject.hear("I want an appointment on Monday")
    assert [subject.hear(begun), subject.hear(begun)] == [[Say("Yes?")], [asked]]
    assert subject.hear("3:30 pm") == NAME


def test_nobody_is_called_my_name_is() -> None:
    """A text needs words of its own, though any will do."""
    subject = brain()
    assert subject.hear("I want an appointment on Monday at 3:30 pm") == NAME
    assert [subject.hear("My name is"), subject.hear("It is")] == [[Say("Yes?")], NAME]
    assert subject.hear("Yes") == booked("Monday", "3:30 pm", "Yes")


def test_a_call_that_failed_is_made_again_with_what_is_told_instead() -> None:
    """The rest is known; who wants something else gets that."""
    subject = brain()
    subject.hear("I want an appointment on Sunday at 3:30 pm")
    assert subject.hear("Ada") == booked("Sunday", "3:30 pm", "Ada")
    assert subject.tool_failed("call-1", "closed") == [Say("closed. Another time?")]
    assert subject.hear("On Monday, then") == booked("Monday", "3:30 pm", "Ada", 2)
    assert subject.tool_result("call-2", {"error": "taken"}) == [Say("taken. Another time?")]
    assert subject.hear("When are you open?") == [Say("Always.")]
    assert subject.hear("At four") == [Say("Pardon?")], "the question is no longer open"
    for unmoved, answer in (("Blue", "Pardon?"), ("No, thank you", "Fine.")):
        subject.hear("I want an appointment on Sunday at 3:30 pm")
        (call,) = subject.hear("Ada")
        assert isinstance(call, CallTool)
        subject.tool_failed(call.call_key, "closed")
        assert subject.hear(unmoved) == [Say(answer)]
        assert subject.snapshot()["pending"] is None
