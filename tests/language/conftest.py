"""Every test here reads agent files whose boxes do nothing."""

from collections.abc import Iterator

import pytest

from support.agent_boxes import registered


@pytest.fixture(autouse=True, scope="module")
def _boxes() -> Iterator[None]:
    with registered():
        yield
