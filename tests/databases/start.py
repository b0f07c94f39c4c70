"""Private PostgreSQL and MariaDB servers for the tests: on Unix sockets, in a folder of their own, gone afterwards.

``python tests/databases/start.py`` starts both and prints their URLs until it is interrupted.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
import pymysql

START_SECONDS = 60
_PACKAGES = {
    "postgresql": "postgresql",
    "mariadb": "mariadb-server-core",
    "prometheus": "prometheus",
    "redis": "redis-server",
    "memcached": "memcached",
    "systemd": "systemd",
}


class _NotYet(Exception):
    """The server does not answer yet."""


class Unavailable(Exception):
    """A server cannot be had here; the words say why."""


class Database:
    """An empty database on a private server, which can be made to fail.

    Attributes:
        url: of the database, as its owner: who may do all in it, and is nobody at the server.
    """

    def __init__(self, url: str, process: _Process, set_read_only: Callable[[bool], None]) -> None:
        self.url = url
        self._process, self._set_read_only = process, set_read_only

    def crash(self) -> None:
        """The server ends at once, and no session in order. What was committed is there when it starts again."""
        self._process.crash()

    def start(self) -> None:
        """Start again after a crash; it answers when this returns. Raises Unavailable."""
        self._process.start()

    def refuse_writes(self, *, refused: bool) -> None:
        """Take no write until told otherwise, as a server does from which another one has taken over."""
        self._set_read_only(refused)


@contextmanager
def server(kind: str) -> Iterator[str]:
    """The URL of an empty database on a private server of that kind (``postgresql``, ``mariadb``).

    A server that is not installed is installed from Debian's packages where that is possible.

    Raises:
        Unavailable: not installed and not installable, or it does not start.
    """
    with database(kind) as made:
        yield made.url


@contextmanager
def database(kind: str, *, durable: bool = False) -> Iterator[Database]:
    """As ``server``, with a hand on the server itself.

    Args:
        durable: what was committed outlives a crash of the server, though not one of the machine.
    """
    with _DATABASES[kind](durable=durable) as made:
        yield made


@contextmanager
def postgresql(*, durable: bool) -> Iterator[Database]:
    """A PostgreSQL server; it refuses to run as root, so root starts it as another user.

    What it has committed is the operating system's when it answers, also without ``durable``.
    """
    folder_of = installed("postgresql", "initdb", _postgresql_folders)
    with _folder("coppice-pg-", ("postgres", "nobody")) as (folder, user):
        data = str(folder / "data")
        initdb = [str(folder_of / "initdb"), "-D", data, "-U", "coppice", "--auth=trust"]
        _run([*initdb, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"], user)
        options = ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "full_page_writes=off")
        command = [str(folder_of / "postgres"), "-D", data, *(word for each in options for word in ("-c", each))]
        # SIGQUIT is its immediate shutdown; a child that is left alone by SIGKILL keeps the next start waiting.
        process = _Process(command, user, folder, lambda: _reach_postgresql(folder), signal.SIGINT, signal.SIGQUIT)
        url = f"postgresql+psycopg://coppice@/coppice?host={folder}"
        with process.running():
            yield Database(url, process, lambda refused: _read_only_postgresql(folder, refused))


@contextmanager
def mariadb(*, durable: bool) -> Iterator[Database]:
    """A MariaDB server that asks nobody for a password."""
    binary = str(installed("mariadb", "mariadbd", _mariadb_folders) / "mariadbd")
    with _folder("coppice-my-", ("mysql", "nobody")) as (folder, user):
        data, at = folder / "data", folder / "s"
        _run(["mkdir", str(data)], user)
        common = [
            binary,
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={folder}",  # a server that starts removes the temporary tables of all that have the same one
            f"--innodb-flush-log-at-trx-commit={2 if durable else 0}",
            "--innodb-use-native-aio=0",
        ]
        # What mariadb-install-db does, without the client package it needs. A server that takes no writes takes them
        # from who administers it nevertheless, so there is somebody who does not.
        everything = '{"access":18446744073709551615,"version_id":101100}'
        users = (
            f"INSERT INTO mysql.global_priv VALUES ('localhost','root','{everything}'), ('localhost','coppice','{{}}');"
        )
        _run(
            [*common, "--bootstrap", "--skip-grant-tables"],
            user,
            f"CREATE DATABASE mysql;\nUSE mysql;\n{_system_tables()}\n{users}\n",
        )
        command = [*common, f"--socket={at}", "--skip-networking"]
        process = _Process(command, user, folder, lambda: _reach_mariadb(at), signal.SIGTERM, signal.SIGKILL)
        with process.running():
            url = f"mariadb+pymysql://coppice@localhost/coppice?unix_socket={at}&charset=utf8mb4"
            yield Database(url, process, lambda refused: _read_only_mariadb(at, refused))


_DATABASES = {"postgresql": postgresql, "mariadb": mariadb}


def _system_tables() -> str:
    for share in (Path("/usr/share/mysql"), Path("/usr/share/mariadb")):
        for name in ("mysql_system_tables.sql", "mariadb_system_tables.sql"):
            if (share / name).exists():
                return (share / name).read_text()
    raise Unavailable("the system tables of MariaDB are missing")


def _reach_postgresql(folder: Path) -> None:
    """Make the database where there is none yet."""
    with (
        psycopg.connect(host=str(folder), user="coppice", dbname="postgres", autocommit=True) as connection,
        suppress(psycopg.errors.DuplicateDatabase),
    ):
        connection.execute("CREATE DATABASE coppice")


def _read_only_postgresql(folder: Path, refused: bool) -> None:
    """Sessions that are there hear of it at their next transaction, as they do after a server became a standby."""
    with psycopg.connect(host=str(folder), user="coppice", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if refused else 'off'}")
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def _root_of_mariadb(at: Path) -> Iterator[pymysql.cursors.Cursor]:
    # PyMySQL leaves its own socket open where nobody listens; a server that was killed leaves its file there.
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(str(at))
        except OSError:
            raise _NotYet from None
    connection = pymysql.connect(user="root", unix_socket=str(at))
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _reach_mariadb(at: Path) -> None:
    """Make the database where there is none yet."""
    with _root_of_mariadb(at) as cursor:
        cursor.execute("SHOW DATABASES LIKE 'coppice'")
        if not cursor.fetchall():
            cursor.execute("CREATE DATABASE coppice CHARACTER SET utf8mb4")
            cursor.execute("GRANT ALL ON coppice.* TO coppice@localhost")
            # A test has a zone of time of its own.
            for table in ("time_zone", "time_zone_name", "time_zone_transition_type", "time_zone_transition"):
                cursor.execute(f"GRANT INSERT, DELETE ON mysql.{table} TO coppice@localhost")


def _read_only_mariadb(at: Path, refused: bool) -> None:
    with _root_of_mariadb(at) as cursor:
        cursor.execute(f"SET GLOBAL read_only = {int(refused)}")


def _postgresql_folders() -> list[Path]:
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    return sorted(versions, key=lambda path: int(path.parent.name), reverse=True)


def _mariadb_folders() -> list[Path]:
    return [Path("/usr/sbin"), Path("/usr/libexec")]


def installed(kind: str, program: str, folders: Callable[[], Sequence[Path]]) -> Path:
    """The folder of a server's programs, installed first where they are missing."""
    for attempt in range(2):
        on_path = shutil.which(program)
        found = [path for path in folders() if (path / program).exists()]
        if found or on_path:
            return found[0] if found else Path(on_path or "").resolve().parent
        if attempt == 0:
            _install(_PACKAGES[kind])
    raise Unavailable(f"{program} is missing although its package is installed")


def _install(package: str) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Unavailable(f"the package {package} is not installed, and only root on Debian can install it")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with (Path(tempfile.gettempdir()) / "coppice-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        for command in (
            ["apt-get", "update", "-q"],
            ["apt-get", "install", "-q", "-y", "--no-install-recommends", package],
        ):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Unavailable(f"{' '.join(command)} failed: {done.stderr[-300:]}")


@contextmanager
def _folder(prefix: str, users: Sequence[str]) -> Iterator[tuple[Path, str | None]]:
    """A short-named folder (sockets' paths are limited), and the user to act as: None for who we are."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    try:
        user = None
        if os.geteuid() == 0:
            known = {entry.pw_name: entry for entry in pwd.getpwall()}
            user = next((name for name in users if name in known), None)
            if user is None:
                raise Unavailable(f"there is no user to run the server as, none of {', '.join(users)}")
            os.chown(folder, known[user].pw_uid, known[user].pw_gid)
        # The clients may be of another user than the server.
        folder.chmod(0o755)
        yield folder, user
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: Sequence[str], user: str | None, given: str = "") -> None:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, cwd="/", **_as(user))
    if done.returncode != 0:
        raise Unavailable(f"{command[0]} failed: {(done.stderr or done.stdout)[-500:]}")


def _as(user: str | None) -> dict[str, object]:
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _await(process: subprocess.Popen[bytes], reach: Callable[[], None], folder: Path) -> None:
    for _ in range(START_SECONDS * 10):
        try:
            reach()
        except (_NotYet, psycopg.OperationalError, pymysql.err.OperationalError):
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            break
        else:
            return
    raise Unavailable(f"the server does not start: {(folder / 'log').read_text()[-500:]}")


class _Process:
    """A server's process.

    Args:
        reach: asks the server, and makes what it is to have; raises where it does not answer.
        stop: the signal that ends it in order.
        crash: the one that ends it otherwise.
    """

    def __init__(
        self,
        command: Sequence[str],
        user: str | None,
        folder: Path,
        reach: Callable[[], None],
        stop: signal.Signals,
        crash: signal.Signals,
    ) -> None:
        self._command, self._user, self._folder, self._reach = command, user, folder, reach
        self._stop, self._crash = stop, crash
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """The server, from when it answers on."""
        try:
            self.start()
            yield
        finally:
            self._end(self._stop)

    def start(self) -> None:
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, cwd="/", start_new_session=True, **_as(self._user)
            )
        _await(self._process, self._reach, self._folder)

    def crash(self) -> None:
        self._end(self._crash)

    def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> int:
    with ExitStack() as stack:
        for kind in _DATABASES:
            sys.stdout.write(f"{kind}: {stack.enter_context(server(kind))}\n")
            sys.stdout.flush()
        try:
            signal.pause()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
