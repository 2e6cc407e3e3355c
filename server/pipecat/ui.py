"""The page that Pipecat ships, the package ``pipecat-ai-prebuilt``, in the place of ours."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ..page_folder import PageFolder

__all__ = ["prebuilt_page"]

_POLICY = "; ".join(
    (
        "default-src 'none'",
        # It has the browser's devices looked after by a script of Daily's, which it loads from there; and it makes
        # the worklets for sound by itself.
        "script-src 'self' blob: https://c.daily.co",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "font-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self' https://*.daily.co",
        "media-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
    )
)


def prebuilt_page() -> PageFolder:
    """The page, with the content policy that it needs. Raises ``LookupError`` when the package is not installed."""
    # Found, and not imported: the package would bring FastAPI along, and print.
    found = find_spec("pipecat_ai_prebuilt")
    for place in (found.submodule_search_locations or ()) if found is not None else ():
        folder = Path(place) / "client" / "dist"
        if (folder / "index.html").is_file():
            return PageFolder(folder, _POLICY)
    raise LookupError("the package pipecat-ai-prebuilt is not installed")
