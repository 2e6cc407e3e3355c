"""``livegraph version``."""

from __future__ import annotations

__all__ = ["version"]


def version() -> None:
    """Print the versions of livegraph and of the Python it runs on."""
    import platform

    from ... import __version__

    print(f"livegraph {__version__} (Python {platform.python_version()}, {platform.system()})")
