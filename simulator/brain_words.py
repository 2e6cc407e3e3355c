"""The English that the brain knows: lists of words, and nothing else."""

from __future__ import annotations

__all__ = [
    "DAYS",
    "EVERYDAY",
    "HESITATIONS",
    "IS_BEHIND",
    "KINDS",
    "MONTHS",
    "ORDINALS",
    "SMALL",
    "STOPS",
    "SYNONYMS",
    "TENS",
    "UNITS",
]


def _list(words: str) -> list[str]:
    return words.split()


HESITATIONS = frozenset(_list("um uh uhm er erm hm hmm mm mmm ah please"))
"""Said without meaning anything to a machine."""

UNITS = {
    word: number
    for number, word in enumerate(
        _list(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
            "sixteen seventeen eighteen nineteen"
        )
    )
}
TENS = {
    word: 10 * number
    for number, word in enumerate(_list("twenty thirty forty fifty sixty seventy eighty ninety"), 2)
}
ORDINALS = {
    word: number
    for number, word in enumerate(
        _list(
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
            "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
        ),
        1,
    )
} | {"thirtieth": 30}

DAYS = tuple(_list("monday tuesday wednesday thursday friday saturday sunday"))
MONTHS = tuple(_list("january february march april may june july august september october november december"))

IS_BEHIND = frozenset(_list("what that it he she who where when how there here why everything name"))
"""Words behind which ``'s`` is "is", and not a possessive."""

STOPS = frozenset(
    _list(
        "and or at for on in from to with by about of is are was the a an if when because but so then "
        "tomorrow today tonight yesterday this next i you my your me we it please thanks thank"
    )
)
"""Where a name ends, besides days and months."""

SMALL = frozenset(_list("a an the me my to for of on in at some and is it please with about by"))
"""Left out at both ends of free text."""

EVERYDAY = frozenset(
    _list(
        "a an the this that these those it its is are was be been am do does did done have has had can "
        "could would should will shall may might must not no yes okay i you he she we they me my your our "
        "us them his her their of in on at to for from by with about into over under and or but if when "
        "what which who whom whose where why how there here then than so as up out all any some each every "
        "one other another more most very just also get gets got set give gives given tell tells show shows "
        "make makes made use used uses using let go going want wants like need needs call calls calling "
        "know say says said ask asks function tool api data info information value values name names string "
        "number list return returns result results user users caller callers customer customers person "
        "optional required etc such please hello hi hey thanks thank good now new current specific "
        "particular day days"
    )
)
"""What stands in every second declaration of a tool, or in everything that people say: no sign of either."""

SYNONYMS = tuple(
    frozenset(_list(line))
    for line in (
        "book reserve reservation schedule arrange appointment",
        "cancel delete remove drop",
        "hours open opening close closing",
        "price cost much charge fee expensive",
        "weather temperature forecast rain sunny warm cold umbrella",
        "time clock hour",
        "date today calendar weekday",
        "order buy purchase",
        "search find lookup look",
        "send text message email",
        "remind reminder remember",
        "move reschedule change postpone",
        "free available availability slot",
        "alarm timer wake",
        "address location located directions",
        "transfer connect human operator agent",
        "light lights lamp",
        "sum add plus",
    )
)
"""What a declaration calls one thing and a caller another."""

KINDS = {
    "date": frozenset(_list("date day weekday birthday")),
    "time": frozenset(_list("time hour clock")),
    "name": frozenset(_list("name person patient guest who contact recipient doctor dentist attendee")),
    "place": frozenset(_list("city place location town country where destination origin region")),
}
"""What a text parameter is, by a word of its name."""
