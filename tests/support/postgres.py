"""A PostgreSQL server of Debian's for one test session, on a socket in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["found", "serving"]


def found() -> Path | None:
    """Where the programs of the newest version are; ``None`` without any (apt-get install postgresql)."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Run one; gives its address."""
    programs = found()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="livegraph-postgres-"))
    # It does not run as root.
    as_user: list[str] = []
    name = pwd.getpwuid(os.getuid()).pw_name
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        as_user, name = ["runuser", "-u", "postgres", "--"], "postgres"
    data = folder / "data"
    subprocess.run(
        [*as_user, str(programs / "initdb"), "-D", str(data), "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    options = ["-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off"]
    server = subprocess.Popen(
        [*as_user, str(programs / "postgres"), "-D", str(data), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        for _ in range(600):
            ready = subprocess.run(
                [str(programs / "pg_isready"), "-h", str(folder), "-q"], check=False, capture_output=True
            )
            if ready.returncode == 0:
                break
            time.sleep(0.05)
        else:
            raise RuntimeError("PostgreSQL did not start")
        yield f"postgresql://{name}@/postgres?host={folder}"
    finally:
        pid = (data / "postmaster.pid").read_text().split()[0]
        subprocess.run([*as_user, "kill", "-INT", pid], check=False)
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)
