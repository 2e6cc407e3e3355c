"""``livegraph version``."""

from __future__ import annotations

__all__ = ["version"]


def version(as_json: bool = False) -> None:
    """Print the versions of livegraph and of the Python it runs on."""
    import json
    import platform

    from ... import __version__

    if as_json:
        told = {"livegraph": __version__, "python": platform.python_version(), "system": platform.system()}
        print(json.dumps(told))
        return
    print(f"livegraph {__version__} (Python {platform.python_version()}, {platform.system()})")
