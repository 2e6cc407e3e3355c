"""Ray shut down so that the next test starts afresh."""

from __future__ import annotations

import gc
import warnings
from importlib import import_module
from typing import Any

__all__ = ["shut_ray"]


def shut_ray() -> None:
    """Disconnect. Sockets that Ray leaves for the collector to close are closed here, or another test is blamed."""
    ray: Any = import_module("ray")
    ray.shutdown()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
