"""However something was said or transcribed, the brain compares the same words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.simulator.brain_patterns import PhraseError, compile_keywords, compile_phrase
from livegraph.simulator.brain_slots import find, find_named
from livegraph.simulator.brain_text import listen, normal, stem


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, I'd like to book at three thirty p M, please.", "hello i would like to book at 3 30 pm"),
        ("at 3:30 P.M.", "at 3:30 pm"),
        ("Thirty three four six ninety two.", "33 4 6 92"),
        ("33, 4, 6, 92", "33 4 6 92"),
        ("one hundred and five", "105"),
        ("two thousand and twenty-five", "2025"),
        ("nineteen eighty four", "19 84"),
        ("a hundred and a thousand", "100 and 1000"),
        ("five hundred thousand two hundred and one", "500201"),
        ("twenty, five", "20 5"),
        ("$1,250.50", "1250.50"),
        ("three point five percent, 3.5%", "3.5 percent 3.5 percent"),
        ("June third", "june 3rd"),
        ("the twenty-first", "the 21st"),
        ("What's John\u2019s number? I can't, won't, don't", "what is john number i can not will not do not"),
        ("Um, uh, OK", "okay"),
        ("nine o'clock", "9 oclock"),
        ("...", ""),
        ("zero", "0"),
    ],
)
def test_forms_of_the_same_words_are_equal(text: str, words: str) -> None:
    """Case, punctuation, contractions, spelled numbers and times of day."""
    assert normal(text) == words


@given(st.integers(0, 999_999))
def test_spelled_numbers_are_read(number: int) -> None:
    """Every number below a million comes back from its English name."""
    units = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ]
    tens = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]

    def spell(value: int) -> str:
        if value >= 1_000:
            return f"{spell(value // 1_000)} thousand {spell(value % 1_000) if value % 1_000 else ''}"
        if value >= 100:
            return f"{units[value // 100]} hundred {'and ' + spell(value % 100) if value % 100 else ''}"
        if value >= 20:
            return f"{tens[value // 10]}{'-' + units[value % 10] if value % 10 else ''}"
        return units[value]

    assert normal(spell(number)) == str(number)


@given(st.text())
def test_any_text_can_be_listened_to(text: str) -> None:
    """Words are plain, few enough, and every one stands somewhere in the text."""
    heard = listen(text)
    assert len(heard.words) == len(heard.spans) <= 202
    assert all(word and " " not in word for word in heard.words)
    assert all(0 <= start < end <= len(text) for start, end in heard.spans)
    for kind in ("number", "date", "time"):
        for found in find(kind, heard):
            assert 0 <= found.first < found.last <= len(heard.words)
    find_named(heard, (), "in for")


def test_stems_join_the_forms_of_a_word() -> None:
    """Rough, but the same on both sides."""
    for forms in ("open opens opened opening", "book books booked booking", "cancel cancelled cancellation"):
        assert len({stem(word) for word in forms.split(" ")}) == 1
    assert stem("address") == stem("addresses")
    assert stem("reserve") == stem("reservation")
    assert stem("hour") != stem("house")


@pytest.mark.parametrize(
    ("kind", "text", "values"),
    [
        ("time", "at three thirty", ["3:30"]),
        ("time", "at 3.30 p M", ["3:30 pm"]),
        ("time", "a quarter to one", ["12:45"]),
        ("time", "half past nine a.m.", ["9:30 am"]),
        ("time", "five o'clock in the evening", ["5 pm"]),
        ("time", "tomorrow morning", ["morning"]),
        ("time", "tomorrow morning at nine am", ["9 am"]),
        ("time", "at noon", ["12 pm"]),
        ("time", "15:30 or 9:05", ["15:30", "9:05"]),
        ("date", "the day after tomorrow", ["day after tomorrow"]),
        ("date", "on Saturdays", ["Saturday"]),
        ("date", "Next tuesday", ["next Tuesday"]),
        ("date", "june fifth", ["June 5th"]),
        ("date", "The fifth of June 2026", ["the 5th of June 2026"]),
        ("date", "2026-06-05", ["2026-06-05"]),
        ("date", "the first time", []),
        ("number", "two and 3.5", [2, 3.5]),
    ],
)
def test_values_are_found(kind: str, text: str, values: list[object]) -> None:
    """Days, times and numbers in the ways that people say and recognisers write them."""
    assert [found.value for found in find(kind, listen(text))] == values


def test_names_keep_their_capitals() -> None:
    """A name follows an introduction, or is a run of capitals behind a preposition."""
    found = find_named(listen("Hello, my name is mary O'Brien and I need help"), ())
    assert found is not None
    assert found.value == "mary O'Brien"
    found = find_named(listen("The weather in New York tomorrow"), (), "in")
    assert found is not None
    assert found.value == "New York"
    assert find_named(listen("I am sorry for Monday"), (), "for") is None


@pytest.mark.parametrize(
    ("phrase", "text", "slots"),
    [
        ("tell me a story", "Could you TELL me, a story!", {}),
        ("what's up", "What is up?", {}),
        ("count to {n:number}", "Can you count to twenty-five?", {"n": 25}),
        ("^ (stop|wait) $", "Stop.", {}),
        ("^ (stop|wait) $", "Don't stop.", None),
        ("a [very|really] long story", "a long story", {}),
        ("a [very|really] long story", "a really long story", {}),
        ("a [very|really] long story", "a rather long story", None),
        (
            "book {what} for {who} $",
            "I want to book the Big Table for John O'Brien.",
            {"what": "the Big Table", "who": "John O'Brien"},
        ),
        (
            "on {day:date} at {time:time}",
            "on next friday at half past 3 p.m.",
            {"day": "next Friday", "time": "3:30 pm"},
        ),
        ("open", "We opened.", None),
        (
            "say {text:verbatim}",
            'Say: "Good morning, how can I help?"',
            {"text": "Good morning, how can I help?"},
        ),
        ("/^(hi|hello)$/", "Hello!", {}),
        (r"/my (?P<x>\w+)/", "This is my Dog", {"x": "Dog"}),
        ("art", "start", None),
    ],
)
def test_phrases_match_words_and_fill_slots(phrase: str, text: str, slots: dict[str, object] | None) -> None:
    """Whole words, in order, anywhere unless tied; slots hold the original text or a typed value."""
    assert compile_phrase(phrase).match(listen(text)) == slots


def test_keywords_match_in_any_order_and_form() -> None:
    """All of them have to be there; one of several will do for each."""
    keywords = compile_keywords(["cancel|delete", "appointment"])
    assert keywords.match(listen("My appointments should be cancelled")) == {}
    assert keywords.match(listen("Delete that appointment")) == {}
    assert keywords.match(listen("Cancel it")) is None


@pytest.mark.parametrize(
    ("phrase", "at", "message"),
    [
        ("(a|b", 0, "never closed"),
        ("a {x", 2, "expected a slot"),
        ("a {x:nmber}", 5, "no kind of slot: 'nmber'"),
        ("{x} and {x}", 8, "twice"),
        ("[a]", 0, "at least one word"),
        ("?!", 0, "at least one word"),
        ("a | b", 2, "unexpected '|'"),
        ("a ) b", 2, "unexpected ')'"),
        ("(a|)", 0, "empty choice"),
        ("/(a/", 1, "not a regular expression"),
    ],
)
def test_faulty_phrases_say_where(phrase: str, at: int, message: str) -> None:
    """The character and what was expected there."""
    with pytest.raises(
        PhraseError, match=message.replace("(", r"\(").replace(")", r"\)").replace("|", r"\|")
    ) as caught:
        compile_phrase(phrase)
    assert caught.value.at == at


@given(st.text(st.sampled_from("ab {}()[]|^$:/x")))
def test_any_phrase_compiles_or_is_refused(phrase: str) -> None:
    """Nothing else than a `PhraseError` comes out of a mistyped pattern."""
    try:
        compiled = compile_phrase(phrase)
    except PhraseError as error:
        assert 0 <= error.at <= len(phrase)
    else:
        compiled.match(listen("a b x a b"))
