"""What a caller's answer to a question means: yes, no, or neither. Pure.

It decides whether something is done in the caller's name, so that in doubt an answer is none: a yes with a *but* behind
it, a question, a word of agreement that only begins another sentence (*okay, my name is ...*).
"""

# ruff: noqa: RUF001  # letters of other scripts, as they are written

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

__all__ = ["Words", "judge_words", "only_refuses"]


@dataclass(frozen=True, slots=True)
class Words:
    """What means yes and what means no, beside what is known of common languages."""

    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()


def _set(text: str) -> frozenset[str]:
    return frozenset(text.casefold().split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(text.casefold().split("|"))


_YES = _set(
    "yes yeah yep yup yah yea absolutely definitely certainly agreed confirmed ja jawohl jep gerne "
    "einverstanden oui ouais volontiers sí sì sim graag akkoord zgoda ano да конечно ναι evet はい ええ "
    "うん हाँ हां نعم أجل כן 네 네네 예 넵 응 좋아요 vâng igen kyllä joo jo bai так"
)
"""Say yes wherever they stand."""
_YES_PHRASES = _phrases(
    "do it|do that|go ahead|go for it|of course|by all means|sounds good|i confirm|i agree|that is fine|that's fine|"
    "bien sûr|avec plaisir|de acuerdo|por supuesto|adelante|va bene|d'accordo|está bem|com certeza|pode ser|"
    "tun sie das|machen sie das|mach das|ji haan|जी हाँ|no problem|no worries|not a problem|why not|kein problem|"
    "keine einwände|warum nicht|pas de problème|pas de souci|pourquoi pas|sin problema|ningún problema|por qué no|"
    "nessun problema|perché no|sem problema|geen probleem|waarom niet"
)
_AGREE = _set(
    "okay ok okey sure right alright correct exactly perfect please fine good great deal richtig stimmt "
    "genau klar gut passt bitte prima super d'accord parfait exact exactement claro vale correcto "
    "perfecto bueno certo perfetto giusto esatto bene certamente goed dobrze хорошо ладно верно tamam "
    "olur ठीक boleh ya da si tak dobra так 좋습니다 좋아"
)
"""Say yes where nothing else is said, or, the first of them, at the beginning of something short."""
_OPENERS = _set("okay ok sure alright correct exactly perfect klar vale claro d'accord certo tamam хорошо")
_FILL = _set(
    "that that's thats is it it's its this you your thank thanks very much well uh um er oh ah so then "
    "quite all the a and do i'd i would like love to we us with me for works sir madam ma'am das ist "
    "danke schön sehr es mir dann c'est est très bien merci ça va está eso muy gracias por favor s'il "
    "vous te plaît è per favore grazie dank je u mm mhm mm-hm hm hmm"
)
_NO = _set(
    "no nope nah nay not never don't dont cannot can't won't stop cancel wrong wait nein nicht falsch "
    "abbrechen non pas arrêtez attendez espera espere cancela nunca aspetta annulla não nee niet wacht "
    "нет не стоп όχι hayır नहीं لا לא 아니요 아니오 아뇨 아니 không tidak bukan nei nej ikke inte"
)
_NO_PHRASES = _phrases(
    "do not|rather not|hold on|forget it|leave it|lieber nicht|auf keinen fall|mejor no|laissez tomber"
)
_DOUBT = _phrases(
    "not sure|not certain|don't know|do not know|don't understand|do not understand|dont know|no idea|"
    "weiß nicht|nicht sicher|verstehe nicht|keine ahnung|je ne sais pas|sais pas|no sé|no entiendo|"
    "non lo so|não sei|weet niet|nie wiem|не знаю"
)
_REFUSE = _set("moment halt nie ne nu nem ei")
"""Say no where nothing else is said: in other languages they are something else."""
_BUT = _set(
    "but however unless except if although only instead aber sondern falls wenn ausser außer mais sauf "
    "pero mas ma maar ale но если"
)
_WH = _set(
    "what when where who whom whose which why how was wann wo wer wie warum quoi quand où qui comment "
    "pourquoi qué cuándo dónde quién cómo cuál cuánto quando dove chi come quanto"
)
_ASKS = _WH | _set(
    "is are am was were can could would will do does did should shall may welche welcher welches ist "
    "sind kann können könnte könnten quel quelle est-ce che cosa"
)
_CLAUSES = re.compile(r"[.,;:!?…—–。、，！？؟।]+")
_ASKED = re.compile(r"[?？؟;]\s*$")
_MOST_AFTER_OPENER = 6

# Languages that write no spaces.
_RUN_NO = re.compile(
    r"不(?:是|好|对|對|可以|行|要|用)?|没有|沒有|别|別|算了|いいえ|いや|だめ|ダメ|違い?ます|やめて|ちがう|ไม่(?:ใช่|ได้|เอา|ต้อง)?"
)
_RUN_YES = re.compile(
    r"是的|是|好的|好|对|對|可以|行|嗯|没问题|沒問題|はい|ええ|うん|お願いします|お願い|そうです|ใช่|ได้|ตกลง|โอเค"
)
_RUN_ASKS = re.compile(r"[吗嗎呢么]|か$|ですか|ますか|ไหม|หรือ|(\w)不\1")
_RUN_FINE = re.compile(r"没问题|沒問題|不客气")


def judge_words(text: str, words: Words | None = None) -> Literal["yes", "no", "unclear"]:
    """What a caller's answer means; with a yes and a no in it, or neither for sure, that is unclear."""
    words = words or Words()
    clauses = _clauses(text)
    said = [word for clause in clauses for word in clause]
    if not said:
        return "unclear"
    if _without(said, _DOUBT)[0]:
        return "unclear"
    own_yes, own_no = _own(said, words.yes), _own(said, words.no)
    if any(_unspaced(word) for word in said):
        agreed, refused = _run("".join(said), asked=bool(_ASKED.search(text)))
    else:
        agreed, refused = _agreed(clauses, said, asked=bool(_ASKED.search(text))), _refused(clauses, said)
    agreed, refused = agreed or own_yes, refused or own_no
    if agreed == refused or (refused and _YES & set(said)):
        return "unclear"
    return "yes" if agreed else "no"


def only_refuses(text: str, words: Words | None = None) -> bool:
    """Whether an answer to a question of any kind is a no, and nothing that answers it: *no onions, please* is none."""
    clauses = _clauses(text)
    if judge_words(text, words) != "no":
        return False
    _, left = _without(clauses[0], _NO_PHRASES)
    return set(left) <= _NO | _REFUSE | _FILL | _AGREE


def _agreed(clauses: list[list[str]], said: list[str], *, asked: bool) -> bool:
    phrased, kept = _without(said, _YES_PHRASES)
    # What they may ask beside it: *yes, what is it?*
    asks_more = any(clause[0] in _WH for clause in clauses[1:])
    if _BUT & set(said) or (asks_more and (asked or said[0] not in _YES)):
        return False
    if said[0] in _YES:
        return True
    begins = " ".join(said).startswith(_YES_PHRASES)
    if asked or (said[0] in _ASKS and not begins):
        return False
    if phrased or any(word in _YES for word in kept):
        return True
    clauses = [clause for clause in clauses if not set(clause) <= _FILL] or clauses
    first = clauses[0]
    alone = [clause for clause in clauses if set(clause) & _AGREE and set(clause) <= _AGREE | _FILL]
    if alone and (alone[0] is first or len(clauses) == len(alone)):
        rest = [word for clause in clauses if clause not in alone for word in clause]
        return len(rest) <= _MOST_AFTER_OPENER and not (rest and rest[0] in _ASKS)
    opened = first[0] in _OPENERS and len(said) <= _MOST_AFTER_OPENER
    return opened and not _ASKS & set(said[1:])


def _refused(clauses: list[list[str]], said: list[str]) -> bool:
    _, kept = _without(said, _YES_PHRASES)
    named, _ = _without(kept, _NO_PHRASES)
    alone = any(set(clause) & _REFUSE and set(clause) <= _REFUSE | _FILL for clause in clauses)
    return named or alone or bool(_NO & set(kept))


def _run(said: str, *, asked: bool) -> tuple[bool, bool]:
    """Of a language without spaces: what agrees, and what refuses."""
    fine = bool(_RUN_FINE.search(said))
    said = _RUN_FINE.sub("", said)
    if asked or _RUN_ASKS.search(said):
        return False, False
    refused = bool(_RUN_NO.search(said))
    return fine or bool(_RUN_YES.search(_RUN_NO.sub(" ", said))), refused


def _own(said: list[str], phrases: tuple[str, ...]) -> bool:
    made = [" ".join(word for clause in _clauses(phrase) for word in clause) for phrase in phrases]
    return _without(said, tuple(phrase for phrase in made if phrase))[0]


def _without(said: list[str], phrases: tuple[str, ...]) -> tuple[bool, list[str]]:
    """Whether one of ``phrases`` is among the words, and the words without them."""
    padded = f" {' '.join(said)} "
    left = padded
    for phrase in phrases:
        while f" {phrase} " in left:
            left = left.replace(f" {phrase} ", " ", 1)
    return left != padded, left.split()


def _clauses(text: str) -> list[list[str]]:
    """The words of each part between marks, in one case."""
    plain = unicodedata.normalize("NFC", text).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    found = [_words(part) for part in _CLAUSES.split(plain)]
    return [clause for clause in found if clause]


def _words(text: str) -> list[str]:
    # Marks are parts of letters in the scripts of India and others; for `re` they are none.
    kept = (letter if unicodedata.category(letter)[0] in "LMN" or letter in "'-" else " " for letter in text)
    return [word for part in "".join(kept).split() if (word := part.strip("'-"))]


def _unspaced(word: str) -> bool:
    return any(
        "\u3040" <= letter <= "\u30ff" or "\u4e00" <= letter <= "\u9fff" or "\u0e00" <= letter <= "\u0e7f"
        for letter in word
    )
