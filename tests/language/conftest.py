"""Every test of this folder (not of those below) reads agent files whose boxes do nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.agent_boxes import registered

_HERE = Path(__file__).parent


@pytest.fixture(autouse=True, scope="module")
def _boxes(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.path.parent != _HERE:
        yield
        return
    with registered():
        yield
