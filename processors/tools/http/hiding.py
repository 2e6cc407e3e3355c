"""Keys that a service sends back, as some do in their errors: nobody is shown them. Pure."""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from ....pipeline.secrecy import KEY_NAME

__all__ = ["Hiding", "of_address", "of_command"]

_SHOWN = "[secret]"
_LEAST = 4
"""A key that is shorter would hide half of what is said."""
_SCHEME = re.compile(r"(?:bearer|basic|token|digest|(?:api-?)?key)\s+\S", re.IGNORECASE)
_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[^\s{}]{16,}")


class Hiding:
    """Takes keys out of texts and of JSON values.

    Args:
        given: headers, query, environment, what ``of_address`` and ``of_command`` find: what has the name of a key, or
            looks like one, is hidden.
    """

    def __init__(self, *given: Mapping[str, str]) -> None:
        found = {key for values in given for name, value in values.items() for key in _keys(name, value)}
        # The longest first: one may be a part of another.
        self._keys = sorted(found, key=lambda key: (-len(key), key))

    def text(self, text: str) -> str:
        """``text`` without them."""
        for key in self._keys:
            text = text.replace(key, _SHOWN)
        return text

    def value(self, value: Any) -> Any:
        """A JSON value without them; anything else in it stays."""
        if not self._keys:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                self.text(key) if isinstance(key, str) else key: self.value(one) for key, one in value.items()
            }
        if isinstance(value, list):
            return [self.value(one) for one in value]
        return value


def of_address(url: str) -> dict[str, str]:
    """What may be a key in an address, by its name: its query, and the password before its host."""
    try:
        parts = urlsplit(url)
        found = dict(parse_qsl(parts.query))
        return found | ({"password": unquote(parts.password)} if parts.password else {})
    except ValueError:
        return {}


def of_command(words: Sequence[str]) -> dict[str, str]:
    """The keys in a command by their names: ``--token x``, ``--token=x``, and what may be one in its addresses."""
    found: dict[str, str] = {}
    for word, following in itertools.zip_longest(words, words[1:], fillvalue=""):
        if "://" in word:
            found |= of_address(word)
        name, is_whole, value = word.partition("=")
        if name.startswith("-") and KEY_NAME.search(name):
            found[name] = value if is_whole else following
    return found


def _keys(name: str, value: str) -> Iterator[str]:
    """What of a header is secret, in all the forms in which it may come back."""
    if "{" in value:
        return
    if KEY_NAME.search(name) or _SCHEME.match(value):
        parts = [value, *_last_words(value)]
    else:
        # By whatever name: a header may have more in it than the key.
        parts = [word for word in re.split(r"[\s,;=]+", value) if _RANDOM.fullmatch(word)]
    for part in parts:
        for form in (part, quote(part, safe=""), quote_plus(part)):
            if len(form) >= _LEAST:
                yield form


def _last_words(value: str) -> Iterable[str]:
    """Of ``Bearer x`` the ``x``; of ``Basic x`` the name and the password as well."""
    scheme, space, rest = value.partition(" ")
    if not space:
        return
    yield rest
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(rest, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return
        yield pair
        yield pair.partition(":")[2]
