"""A real PostgreSQL for tests: own data folder, own port on 127.0.0.1, ended by its own tools.

`postgres` is a session fixture: import it into a conftest. As root the server runs as the user `postgres`, for it
refuses to run as root.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.conftest import missing

USER = "agent"
PASSWORD = "p@ss/w:rd %41?#"  # every sign that is hard in an address
_names = itertools.count(1)


def binaries() -> Path | None:
    """The folder of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class Postgres:
    """One server; `start` and `stop` may be called again and again, the data stays."""

    def __init__(self, tools: Path, folder: Path) -> None:
        self._tools = tools
        self._data = folder / "data"
        self._log = folder / "log"
        self.port = _free_port()
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, secret):
                shutil.chown(path, "postgres", "postgres")
        self._run("initdb", "-D", self._data, "-A", "scram-sha-256", "-U", USER, f"--pwfile={secret}", "--no-sync")
        self.start()

    def start(self) -> None:
        """Start and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "-D", self._data, "-l", self._log, "-w", "-t", "30", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """End it; `immediate` is the crash."""
        if self.running():
            self._run("pg_ctl", "-D", self._data, "-w", "-t", "30", "-m", mode, "stop")

    def running(self) -> bool:
        """Whether there is a server on this data."""
        return (self._data / "postmaster.pid").exists()

    def url(self, database: str = "postgres", *, quoted: bool = True) -> str:
        """The address of a database, with the password percent-encoded or as it is."""
        password = quote(PASSWORD, safe="") if quoted else PASSWORD
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """The address of an empty place of its own (a schema: a database would cost 8 MB)."""
        name = f"store_{next(_names)}"
        self.execute(f"CREATE SCHEMA {name}")
        return f"{self.url()}?options=-csearch_path%3D{name}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """One statement, as the user of the tests, outside of a transaction."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname=database, autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def _run(self, tool: str, *arguments: object) -> None:
        command = [str(self._tools / tool), *map(str, arguments)]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]
        # Not through pipes: the server would inherit them, and whoever reads them would wait for its end.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/", check=False)
            said.seek(0)
            assert done.returncode == 0, f"{tool}: {said.read().decode()}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server."""
    tools = binaries()
    if tools is None:
        missing("PostgreSQL is not installed (Debian: postgresql)")
        return
    folder = Path(tempfile.mkdtemp(prefix="sightline-postgres-"))
    server = None
    try:
        server = Postgres(tools, folder)
        yield server
    finally:
        if server is not None:
            server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
