"""What goes wrong with databases: each is one line that says what to do, and nothing is half done."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.peers.postgres import PASSWORD, Postgres
from tests.vision.delivery.store.samples import T0, event, message
from vision.delivery.database import address
from vision.delivery.records import EventFilter
from vision.delivery.store import FILE, Store, open_store
from vision.errors import ConfigError, InputError, StoreError

ALL = EventFilter()


def refused(make: Callable[[], object]) -> str:
    """The one line of the StoreError."""
    with pytest.raises(StoreError) as caught:
        make()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def filled(folder: Path, count: int = 200) -> Path:
    """A database with so many events."""
    store = open_store(None, folder)
    for n in range(count):
        store.record(event(n), [message(event(n))], T0)
    store.close()
    return folder / FILE


def test_the_folder_is_made_and_nothing_is_left_after_closing(tmp_path: Path) -> None:
    path = filled(tmp_path / "new/data", 1)
    assert [file.name for file in path.parent.iterdir()] == [FILE]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "the folder cannot be made" in refused(lambda: open_store(None, tmp_path / "file/data"))


def test_odd_names_of_folders(tmp_path: Path) -> None:
    for name in ("with space", "per%20cent", "what?mode=ro", "hash#1", "数据"):
        path = filled(tmp_path / name, 1)
        assert path.is_file()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(b"this was never a database " * 400)
    said = refused(lambda: open_store(None, tmp_path))
    assert said.startswith(str(path))
    assert "mv sightline.db*" in said
    assert path.read_bytes().startswith(b"this was")  # it is left as it is


def test_an_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    store = open_store(None, tmp_path)
    assert store.events(ALL) == []
    store.close()


def test_damage_is_told_when_it_is_met(tmp_path: Path) -> None:
    path = filled(tmp_path)
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(os.urandom(path.stat().st_size - 4 * 4096))
    store = open_store(None, tmp_path)  # closed in order: no look at every page
    assert "the database is damaged" in refused(lambda: store.events(ALL))
    store.close()


def test_after_a_crash_the_whole_file_is_looked_at(tmp_path: Path) -> None:
    path = filled(tmp_path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 4096)
        file.write(b"\xff" * 4096)  # the last page, far from everything that opening reads
    path.with_name(f"{FILE}-wal").write_bytes(b"left over")
    assert "the database is damaged" in refused(lambda: open_store(None, tmp_path))
    path.with_name(f"{FILE}-wal").write_bytes(b"left over")
    open_store(None, tmp_path, check=False).close()  # a command beside the agent does not look


def test_a_sound_file_after_a_crash(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    (tmp_path / f"{FILE}-wal").write_bytes(b"left over")
    store = open_store(None, tmp_path)
    assert len(store.events(ALL)) == 3
    store.close()


def test_a_database_of_something_else(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE)
    other.execute("CREATE TABLE sightline_events (x)")
    other.commit()
    other.close()
    assert "already exists" in refused(lambda: open_store(None, tmp_path))


READ_ONLY = """
import sys
from pathlib import Path
from tests.vision.delivery.store.samples import T0, event
from vision.delivery.store import open_store
from vision.errors import StoreError
try:
    store = open_store(None, Path(sys.argv[1]))
    store.record(event(999), [], T0)
except StoreError as error:
    print(error)
"""


def test_a_file_that_may_not_be_written(tmp_path: Path) -> None:
    path = filled(tmp_path / "data", 1)
    command = [sys.executable, "-c", READ_ONLY, str(path.parent)]
    if os.geteuid() == 0:  # root may write everything
        for folder in (tmp_path, *tmp_path.parents):
            if not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    path.chmod(0o444)
    path.parent.chmod(0o555)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    path.parent.chmod(0o755)
    if "Permission denied" in done.stderr and not done.stdout:
        missing("no other user may run this Python here")
    assert done.stdout.count("\n") == 1, done.stderr
    assert "give the file and its folder to the user" in done.stdout or "may this user write" in done.stdout


def test_after_closing(store: Store) -> None:
    store.close()
    assert "closed" in refused(lambda: store.events(ALL))
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        missing("a small disk needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_up(store: Store) -> int:
    """Record until the disk is full; how many were."""
    for n in range(5000):
        try:
            store.record(event(n), [message(event(n))], T0)
        except StoreError as error:
            if "full" in str(error):
                return n
            raise
    raise AssertionError("the disk is larger than thought")


def test_a_full_disk(small_disk: Path) -> None:
    store = open_store(None, small_disk)
    count = fill_up(store)
    assert count > 50
    assert len(store.events(ALL)) == len(store.deliveries()) == count  # reading goes on; nothing is half done
    assert "disk" in refused(lambda: store.record(event(9999, zone="z" * 5_000_000), [], T0))
    assert len(store.events(ALL)) == count
    store.close()


def test_a_full_disk_that_gets_space_again(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 5_000_000)
    store = open_store(None, small_disk)
    before = fill_up(store)
    ballast.unlink()
    store.record(event(6000), [message(event(6000))], T0)
    assert len(store.events(ALL)) == before + 1
    assert len(store.due(T0, limit=9999)) == before + 1
    store.close()


# PostgreSQL ----------------------------------------------------------------------------------------------------------


def test_a_server_that_goes_and_comes_back(postgres: Postgres) -> None:
    store = Store(postgres.fresh())
    try:
        store.record(event(1), [message(event(1))], T0)
        postgres.stop()
        for _ in range(2):
            said = refused(lambda: store.record(event(2), [message(event(2))], T0))
            assert said.startswith("postgresql://agent@127.0.0.1:")
        assert refused(lambda: store.due(T0))
        postgres.start()
        store.record(event(2), [message(event(2))], T0)
        assert [d.event_id for d in store.due(T0)] == [event(1).id, event(2).id]
        postgres.stop("immediate")  # a crash while connections are open
        postgres.start()
        assert len(store.due(T0)) == 2
    finally:
        if not postgres.running():
            postgres.start()
        store.close()


def test_a_connection_cut_between_two_calls_is_not_noticed(postgres: Postgres) -> None:
    store = Store(postgres.fresh())
    for n in range(3):
        store.record(event(n), [], T0)
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sightline'")
    assert len(store.events(ALL)) == 3
    store.close()


def test_no_password_in_any_error(postgres: Postgres) -> None:
    url = postgres.url()
    for wrong in (
        url.replace(f":{postgres.port}/", ":1/"),  # nobody listens
        url.replace("/postgres", "/nowhere"),
        url.replace("%2541", "%2542"),  # the wrong password
        url.replace("agent:", "nobody:"),
        url + "?sslmode=require",
        url + "?sslmode=nonsense",
    ):
        said = refused(lambda wrong=wrong: Store(wrong))  # type: ignore[misc]
        assert "p@ss" not in said
        assert "p%40ss" not in said
    store = Store(url.replace("/postgres", "/postgres?options=-csearch_path%3Dnowhere,public"))
    assert "p@ss" not in repr(store) + store.place + repr(vars(store)) + repr(vars(store._database))
    store.close()


def test_a_password_may_be_written_as_it_is(postgres: Postgres) -> None:
    assert set("@/:?# ") < set(PASSWORD)
    Store(postgres.url(quoted=False)).close()
    Store(postgres.url(quoted=True)).close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:secret@h/b", "mysql://… is no database for events"),
        ("sqlite:relative.db", "the address is no database"),
        ("sightline.db", "the address is no database"),
        ("postgresql://u:secret@h", "names no database"),
        ("postgresql://u:secret@h:port/b", "cannot be read"),
        ("secret", "the address is no database"),
        ("", "the address is no database"),
    ],
)
def test_addresses_that_are_none(url: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Store(url)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@db.example:5433/b", "postgresql://u@db.example:5433/b"),
        ("postgres://u:p@db.example/b", "postgresql://u@db.example/b"),
        ("postgresql+psycopg://u@db.example/b?sslmode=require", "postgresql://u@db.example/b"),
        ("postgresql:///b", "postgresql:///b"),  # the local socket
        ("postgresql://u:a@b@db.example/b?password=c", "postgresql://u@db.example/b"),
        ("sqlite:////var/lib/a b.db", "/var/lib/a b.db"),
    ],
)
def test_addresses_as_they_are_shown(url: str, shown: str) -> None:
    assert address(url).shown == shown
    assert "a@b" not in repr(address(url))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "sightline\[postgres\]"'):
        Store("postgresql://u:p@127.0.0.1/b")
