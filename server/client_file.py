"""The library for pages of one's own as one file: ``/client.js``.

Its modules, in ``client/``, are written so that they can be put one after the other: every name at their top level is
unique, and they import nothing but each other. So no bundler is needed, neither here nor by whoever uses it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["client_file"]

_CLIENT = Path(__file__).parent.parent / "client"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z]+\.js)";\n', re.MULTILINE)
_EXPORT_FROM = re.compile(r'^export \{ ([^}]*) \} from "\./([a-z]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const|let) )", re.MULTILINE)


@cache
def client_file() -> str:
    """The text of ``/client.js``: one ES module that exports what ``client/index.js`` does."""
    index = (_CLIENT / "index.js").read_text(encoding="utf-8")
    exported = _EXPORT_FROM.findall(index)
    written: dict[str, str] = {}
    for _, module in exported:
        _write(module, written)
    names = ", ".join(name for names, _ in exported for name in names.split(", "))
    return "\n".join([*written.values(), f"export {{ {names} }};\n"])


def _write(module: str, written: dict[str, str]) -> None:
    """A module after those that it needs."""
    if module in written:
        return
    text = (_CLIENT / module).read_text(encoding="utf-8")
    for needed in _IMPORT.findall(text):
        _write(needed, written)
    written[module] = f"// ---- {module}\n{_EXPORT.sub('', _IMPORT.sub('', text))}"
