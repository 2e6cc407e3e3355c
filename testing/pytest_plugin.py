"""For pytest, found by entry point: a marker for tests on virtual time, and fixtures.

- ``@pytest.mark.virtual_time`` on an ``async def`` test runs it on an event loop of its own with a virtual clock.
- ``run_processor``: the function of that name, in a test that fails when threads, files or processes are left behind.
- ``no_leaks``: the same promise for any test that asks for the fixture.
- ``fake_clock``: a ``FakeClock`` at 0.

Nothing of livegraph is imported before one of them is used.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .fake_clock import FakeClock

_MARKER = "virtual_time"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"{_MARKER}: livegraph runs this async test on an event loop with a virtual clock"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an async test that is marked; leave any other to whoever runs it."""
    if pyfuncitem.get_closest_marker(_MARKER) is None or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    from ..pipeline.clock import run_virtual

    names = pyfuncitem._fixtureinfo.argnames
    run_virtual(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(name="no_leaks")
def _no_leaks() -> Iterator[None]:
    """The test fails when it leaves threads, open files, child processes or tasks behind."""
    from .leaks import no_leaks

    with no_leaks():
        yield


@pytest.fixture(name="run_processor")
def _run_processor(no_leaks: None) -> Callable[..., Any]:
    """``livegraph.testing.run_processor``, and nothing may be left behind."""
    from .processor_run import run_processor

    return run_processor


@pytest.fixture
def fake_clock() -> FakeClock:
    """A clock at 0 that goes when ``advance`` tells it to."""
    from .fake_clock import FakeClock

    return FakeClock()
