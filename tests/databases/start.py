"""Private PostgreSQL and MariaDB servers for the tests: on Unix sockets, in a folder of their own, gone afterwards.

``python tests/databases/start.py`` starts both and prints their URLs until it is interrupted.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pymysql

START_SECONDS = 60
_PACKAGES = {
    "postgresql": "postgresql",
    "mariadb": "mariadb-server-core",
    "prometheus": "prometheus",
    "systemd": "systemd",
}


class _NotYet(Exception):
    """The server does not answer yet."""


class Unavailable(Exception):
    """A server cannot be had here; the words say why."""


@contextmanager
def server(kind: str) -> Iterator[str]:
    """The URL of an empty database on a private server of that kind (``postgresql``, ``mariadb``).

    A server that is not installed is installed from Debian's packages where that is possible.

    Raises:
        Unavailable: not installed and not installable, or it does not start.
    """
    with {"postgresql": postgresql, "mariadb": mariadb}[kind]() as url:
        yield url


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL server; it refuses to run as root, so root starts it as another user."""
    folder_of = installed("postgresql", "initdb", _postgresql_folders)
    with _folder("coppice-pg-", ("postgres", "nobody")) as (folder, user):
        data = str(folder / "data")
        initdb = [str(folder_of / "initdb"), "-D", data, "-U", "coppice", "--auth=trust"]
        _run([*initdb, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"], user)
        options = ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "full_page_writes=off")
        command = [str(folder_of / "postgres"), "-D", data, *(word for each in options for word in ("-c", each))]
        with _running(command, user, folder, lambda: _create_postgresql(folder), signal.SIGINT):
            yield f"postgresql+psycopg://coppice@/coppice?host={folder}"


@contextmanager
def mariadb() -> Iterator[str]:
    """A MariaDB server that asks nobody for a password."""
    binary = str(installed("mariadb", "mariadbd", _mariadb_folders) / "mariadbd")
    with _folder("coppice-my-", ("mysql", "nobody")) as (folder, user):
        data, socket = folder / "data", folder / "s"
        _run(["mkdir", str(data)], user)
        common = [
            binary,
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={folder}",  # a server that starts removes the temporary tables of all that have the same one
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-use-native-aio=0",
        ]
        # What mariadb-install-db does, without the client package it needs.
        _run(
            [*common, "--bootstrap", "--skip-grant-tables"],
            user,
            f"CREATE DATABASE mysql;\nUSE mysql;\n{_system_tables()}",
        )
        command = [*common, "--skip-grant-tables", f"--socket={socket}", "--skip-networking"]
        with _running(command, user, folder, lambda: _create_mariadb(socket), signal.SIGTERM):
            yield f"mariadb+pymysql://root@localhost/coppice?unix_socket={socket}&charset=utf8mb4"


def _system_tables() -> str:
    for share in (Path("/usr/share/mysql"), Path("/usr/share/mariadb")):
        for name in ("mysql_system_tables.sql", "mariadb_system_tables.sql"):
            if (share / name).exists():
                return (share / name).read_text()
    raise Unavailable("the system tables of MariaDB are missing")


def _create_postgresql(folder: Path) -> None:
    with psycopg.connect(host=str(folder), user="coppice", dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE coppice")


def _create_mariadb(socket: Path) -> None:
    # PyMySQL leaves its own socket open where there is nothing to connect to.
    if not socket.exists():
        raise _NotYet
    connection = pymysql.connect(user="root", unix_socket=str(socket))
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE coppice CHARACTER SET utf8mb4")
    finally:
        connection.close()


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


@contextmanager
def _running(
    command: Sequence[str], user: str | None, folder: Path, create: Callable[[], None], stop: signal.Signals
) -> Iterator[None]:
    """The server while it answers; ``create`` makes the database, and so tells that it does."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", start_new_session=True, **_as(user))
        try:
            _await(process, create, folder)
            yield
        finally:
            process.send_signal(stop)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(process: subprocess.Popen[bytes], create: Callable[[], None], folder: Path) -> None:
    for _ in range(START_SECONDS * 10):
        try:
            create()
        except (_NotYet, psycopg.OperationalError, pymysql.err.OperationalError):
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            break
        else:
            return
    raise Unavailable(f"the server does not start: {(folder / 'log').read_text()[-500:]}")


def main() -> int:
    with ExitStack() as stack:
        for kind in _PACKAGES:
            sys.stdout.write(f"{kind}: {stack.enter_context(server(kind))}\n")
            sys.stdout.flush()
        try:
            signal.pause()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
