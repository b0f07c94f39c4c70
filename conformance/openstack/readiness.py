"""Whether a service is ready; if it does not become so: which one, on what port, and what it said last."""

from __future__ import annotations

import http.client
import re
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pymysql

from conformance.openstack import processes
from conformance.openstack.processes import Leader
from conformance.openstack.services import Answering, Listening, Present, Reporting, Saying, Service
from conformance.openstack.settings import PASSWORD, Settings

PAUSE = 0.2
# service_down_time of nova.conf, in seconds.
DOWN = 30
LINES = 15
_TROUBLE = re.compile(r"\b(ERROR|CRITICAL|Traceback|Error|Exception)\b")


class NotReady(Exception):
    """A service died or was not ready in time; the words are the diagnosis."""


def wait(settings: Settings, several: Sequence[Service]) -> None:
    """Return when all of them are ready. Raises NotReady for the first that is not."""
    for service in several:
        led = processes.leader(settings.run, service.name)
        if led is None:
            raise NotReady(f"{service.name} was not started")
        deadline = led.at + service.seconds
        while not ready(settings, service, led):
            if not processes.alive(led):
                raise NotReady(diagnosis(settings, service, led, f"ended {time.time() - led.at:.0f} s after its start"))
            if time.time() > deadline:
                raise NotReady(diagnosis(settings, service, led, f"was not ready after {service.seconds:.0f} s"))
            time.sleep(PAUSE)


def ready(settings: Settings, service: Service, led: Leader) -> bool:
    if not processes.alive(led):
        return False
    match service.ready:
        case Listening():
            return service.port is not None and _listens(settings.port(service.port))
        case Answering(url):
            return _answers(url)
        case Reporting():
            return _reported_since(settings, service.ready, max(led.at, time.time() - DOWN))
        case Saying(words):
            return words in said(settings, service, led)
        case Present(file):
            return file.exists()


def diagnosis(settings: Settings, service: Service, led: Leader, what: str) -> str:
    """What an operator wants to know of a service that ``what`` befell."""
    lines = said(settings, service, led).splitlines()
    head = f"{service.name} {what}"
    if service.port:
        number = settings.port(service.port)
        head += f" (port {number}: {processes.listener(number) or 'nobody'} listens there)"
    trouble = [line for line in lines[:-LINES] if _TROUBLE.search(line)][-5:]
    parts = [head, f"its log is {log(settings, service)}"]
    if trouble:
        parts += ["errors before its last lines:", *(f"  {line[:300]}" for line in trouble)]
    parts += ["its last lines:", *(f"  {line[:300]}" for line in lines[-LINES:] or ["(it said nothing)"])]
    return "\n".join(parts)


def said(settings: Settings, service: Service, led: Leader) -> str:
    """What a service wrote to its log since its start."""
    path = log(settings, service)
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(led.log_offset)
        return file.read().decode(errors="replace")


def log(settings: Settings, service: Service) -> Path:
    return settings.logs / f"{service.name}.log"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reported_since(settings: Settings, one: Reporting, at: float) -> bool:
    """Whether Nova's record of the service is newer; its times are UTC, in whole seconds."""
    query = "SELECT MAX(updated_at) FROM services WHERE `binary` = %s AND host = %s AND deleted = 0"
    try:
        with database(settings) as connection, connection.cursor() as cursor:
            cursor.execute(f"USE {one.database}")
            cursor.execute(query, (one.binary, one.host))
            seen = cursor.fetchone()[0]
    except pymysql.err.MySQLError:
        return False
    return seen is not None and seen.replace(tzinfo=UTC) > datetime.fromtimestamp(at, UTC)


def database(settings: Settings) -> pymysql.Connection:
    """A connection to the cloud's MariaDB as its root."""
    # PyMySQL leaves its socket open where there is nothing to connect to.
    if not _listens(settings.port("mariadb")):
        raise pymysql.err.OperationalError("nothing listens")
    return pymysql.connect(
        host="127.0.0.1", port=settings.port("mariadb"), user="root", password=PASSWORD, connect_timeout=5
    )
