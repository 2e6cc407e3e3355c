"""Both stores keep what they are given, for whom it was, and nothing after it was erased."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.processors.memory import MemoryStore, PastCall, PostgresStore, SqliteStore
from livegraph.processors.memory.sqlite_store import explain_sqlite, unfit_file
from support import postgres

Opener = Callable[[], MemoryStore]


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    if postgres.found() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with postgres.serving() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "memory.sqlite")
    url = request.getfixturevalue("database")
    return lambda: PostgresStore(url)


@asynccontextmanager
async def opened(opener: Opener) -> AsyncIterator[MemoryStore]:
    store = opener()
    try:
        yield store
    finally:
        await store.close()


def test_what_is_kept_is_there_in_another_store(opener: Opener) -> None:
    async def main() -> None:
        caller = "keeps"
        async with opened(opener) as store:
            assert isinstance(store, MemoryStore)
            first = await store.remember(caller, "likes tea", 100)
            again = await store.remember(caller, "likes tea", 200)
            assert again == first, "one that is known already"
            second = await store.remember(caller, "has a dog", 300)
            for number in (1, 2, 3):
                await store.keep(caller, PastCall(f"call-{number}", number, f"said {number}"))
            await store.summarise(caller, "call-3", "All is well.")
        async with opened(opener) as store:
            recalled = await store.recall(caller, calls=2)
            assert recalled.facts == (first, second)
            assert recalled.calls == (
                PastCall("call-2", 2, "said 2"),
                PastCall("call-3", 3, "said 3", "All is well."),
            )
            assert await store.forget(caller, first.number)
            assert not await store.forget(caller, first.number)
            assert (await store.recall(caller)).facts == (second,)

    asyncio.run(main())


def test_nothing_of_one_caller_is_ever_anothers(opener: Opener) -> None:
    """Whatever they are called: wildcards, case, spaces and what looks alike are other callers."""
    callers = ["ada", "Ada", "ada ", "a%", "%", "_da", "ada' OR '1'='1", "ad\u00e1", "ada\u0301", "\u200bada"]

    async def main() -> None:
        async with opened(opener) as store:
            numbers = {}
            for caller in callers:
                numbers[caller] = (await store.remember(caller, f"is {caller!r}", 1)).number
                await store.keep(caller, PastCall("one", 1, repr(caller)))
            for caller in callers:
                recalled = await store.recall(caller)
                assert [fact.text for fact in recalled.facts] == [f"is {caller!r}"]
                assert [call.said for call in recalled.calls] == [repr(caller)]
            assert not await store.forget("ada", numbers["Ada"])
            assert await store.erase("%") == 2
            for caller in callers:
                assert len((await store.recall(caller)).facts) == (0 if caller == "%" else 1)

    asyncio.run(main())


def test_calls_at_the_same_time_write_one_after_the_other(opener: Opener) -> None:
    async def main() -> None:
        stores = [opener() for _ in range(4)]
        await asyncio.gather(
            *(
                store.remember("busy", f"fact {number} of {index}", number)
                for index, store in enumerate(stores)
                for number in range(8)
            )
        )
        assert len((await stores[0].recall("busy")).facts) == 32
        await asyncio.gather(*(store.close() for store in stores))

    asyncio.run(main())


def test_what_was_erased_is_not_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"

    async def main() -> None:
        async with opened(lambda: SqliteStore(path)) as store:
            await store.remember("ada", "a very particular secret", 1)
            assert await store.erase("ada") == 1

    asyncio.run(main())
    left = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    assert b"particular" not in left
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_loop_goes_on_while_the_file_is_locked(tmp_path: Path) -> None:
    """Somebody holds the file for a while: the store waits in its thread, and nobody else does."""
    path = tmp_path / "memory.sqlite"

    async def main() -> None:
        async with opened(lambda: SqliteStore(path)) as store:
            await store.remember("ada", "one", 1)
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(store.remember("ada", "two", 2))
            for _ in range(50):
                await asyncio.sleep(0.002)
            assert not waiting.done()
            other.execute("COMMIT")
            other.close()
            assert (await waiting).text == "two"

    asyncio.run(main())


def _sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.write_text("facts: likes tea\n" * 9), "no database of SQLite"),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000), "damaged"),
        (lambda path: _sql(path, "CREATE TABLE x (y)", "PRAGMA user_version = 2"), "a later version"),
        (lambda path: _sql(path, "CREATE TABLE calls (id, number)"), "another table `calls`"),
    ],
    ids=["text", "damaged", "later", "others"],
)
def test_a_file_that_cannot_hold_memories_is_named_and_left_as_it_is(
    tmp_path: Path, spoil: Callable[[Path], None], why: str
) -> None:
    path = tmp_path / "memory.sqlite"
    spoil(path)
    before = path.read_bytes()

    async def main() -> None:
        async with opened(lambda: SqliteStore(path)) as store:
            for _ in range(2):
                with pytest.raises(sqlite3.Error) as caught:
                    await store.recall("ada")
                told, remedy = explain_sqlite(caught.value)
                assert why in told and remedy

    asyncio.run(main())
    assert path.read_bytes() == before


def test_a_file_of_before_the_form_was_written_down_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"

    async def facts() -> list[str]:
        async with opened(lambda: SqliteStore(path)) as store:
            await store.remember("ada", "likes tea", 1)
            return [fact.text for fact in (await store.recall("ada")).facts]

    assert asyncio.run(facts()) == ["likes tea"]
    _sql(path, "PRAGMA user_version = 0")
    assert asyncio.run(facts()) == ["likes tea"] and unfit_file(path) == ""


def test_who_may_not_write_or_finds_it_locked_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    _sql(path, "CREATE TABLE x (y)")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
        with pytest.raises(sqlite3.Error) as caught:
            reader.execute("CREATE TABLE z (y)")
        assert explain_sqlite(caught.value)[0] == "the file may not be written"
    assert explain_sqlite(PermissionError(13, "no"))[0] == "the file may not be written"
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with closing(sqlite3.connect(path, timeout=0)) as other, pytest.raises(sqlite3.Error) as caught:
            other.execute("INSERT INTO x VALUES (1)")
    assert "locked" in explain_sqlite(caught.value)[0]


@settings(max_examples=20, deadline=None)
@given(
    caller=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
)
def test_any_text_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, caller: str, text: str
) -> None:
    folder = tmp_path_factory.mktemp("memory")

    async def main() -> None:
        async with opened(lambda: SqliteStore(folder / "memory.sqlite")) as store:
            await store.remember(caller, text, 1)
            assert [fact.text for fact in (await store.recall(caller)).facts] == [text]

    asyncio.run(main())
