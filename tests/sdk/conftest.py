"""The official SDK in two versions, each as a judge in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from livegraph.simulator.certificate import Certificate, find_or_make
from support.sdk import OLDEST_SDK, Judge, Unavailable, install_sdk


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """The simulator's."""
    return find_or_make(tmp_path_factory.mktemp("tls"), datetime.now(UTC))


@pytest.fixture(scope="session", params=["installed", OLDEST_SDK])
def judge(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[Judge]:
    """The version that is installed here, and the oldest that we hold to.

    The older one is installed into pytest's cache when it is first needed; where the registry cannot be reached it
    is skipped.
    """
    folder: Path | None = None
    if request.param == "installed":
        pytest.importorskip("google.genai", reason="google-genai is not installed (extra: test)")
    else:
        try:
            folder = install_sdk(request.param, request.config.cache.mkdir("sdk"))
        except Unavailable as why:
            pytest.skip(str(why))
    with Judge(certificate.cert, folder) as process:
        yield process
