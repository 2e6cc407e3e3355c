"""What ships with livegraph, for tests of all of it."""

from importlib import resources
from pathlib import Path

from livegraph.language.describe import installed
from livegraph.pipeline.processor import Processor

__all__ = ["SHIPPED_AGENTS", "SHIPPED_BOXES"]

SHIPPED_BOXES: dict[str, type[Processor]] = {
    name: found for name, found in installed(shipped_only=True) if isinstance(found, type)
}
"""Every processor of ours by name."""

SHIPPED_AGENTS: tuple[Path, ...] = tuple(
    path
    for path in sorted(Path(str(resources.files("livegraph.configs"))).glob("*.yaml"))
    if "." not in path.stem and not path.stem.endswith("_test")
)
"""The files of the agents in `configs`, without those that hold their tests."""
