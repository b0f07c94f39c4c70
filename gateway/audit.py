"""The audit trail: who did what, from where, and what came of it. A line of JSON each; never a secret or a body.

Source of the form ``cadf``: DMTF DSP0262, "Cloud Auditing Data Federation".
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import select
import stat
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from prometheus_client import Counter

from gateway.auth.policy import action_of, is_read
from gateway.request_log import Observe, Record

_LOG = logging.getLogger(__name__)
_LOST: Final = Counter("coppice_audit_lost", "Events that could not be written to the audit trail.")
_LEFT_OUT: Final = Counter("coppice_audit_left_out", "Denied requests of strangers that were too many to be told.")
_STRANGERS: Final = 10
"""Events a second and process of requests that nobody known has signed."""
_EVENT: Final = "http://schemas.dmtf.org/cloud/audit/1.0/event"
_ACTIONS: Final = (
    (("Create", "Put", "Run", "Allocate", "Register", "Import", "Start"), "create"),
    (("Delete", "Terminate", "Release", "Deregister", "Remove", "Purge"), "delete"),
)

_MODE: Final = 0o600
_COMMANDS: Final = "coppice"
"""The service of what is done by commands."""
_WORDS: Final = {"add": "create", "drop": "delete", "remove": "delete", "terminate": "delete"}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class By:
    """Who gave a command.

    Attributes:
        name, number: of the user of that host.
        became: the user that this one had become by then; empty where none.
    """

    name: str
    number: int
    host: str
    became: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A command of an operator's.

    Attributes:
        command: its words.
        about: what was given with it, without secrets.
        reads: it only looked.
        status: its exit status.
        code: what came between; empty where nothing did.
    """

    command: str
    about: Mapping[str, str]
    reads: bool
    status: int
    code: str


@dataclass(slots=True)
class Audit:
    """Writes what operations and operators' commands changed, and all that was denied, to the end of a file.

    The file may be moved away or deleted at any time (by logrotate): the next event begins it anew. Each event is one
    write to its end, so that several processes share it.

    Attributes:
        form: ``json`` or ``cadf``.
        reads: whether what only looks is told, too.
        patience: how long who reads a pipe is waited for where it is full, once until it is read again.
    """

    file: Path
    form: str = "json"
    reads: bool = False
    now: Callable[[], datetime] = _now
    patience: timedelta = timedelta(seconds=1)
    _opened: tuple[int, int, int] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _losing: bool = False
    _torn: bool = False
    _second: int = 0
    _of_strangers: int = 0

    def beside(self, observe: Observe) -> Observe:
        """Tells both of each request."""

        def both(record: Record) -> None:
            observe(record)
            self(record)

        return both

    def __call__(self, record: Record) -> None:
        """Tell of one request, if it is one to be told of."""
        refused = record.status in (401, 403)
        looks = not record.operation or is_read(record.service, record.operation)
        if not refused and (looks if not self.reads else not record.operation):
            return
        if record.caller is None and not self._has_room():
            _LEFT_OUT.inc()
            return
        self._tell(_cadf(record, self.now()) if self.form == "cadf" else _plain(record, self.now()))

    def command(self, told: Told, by: By) -> None:
        """Tell of a command, if it is one to be told of."""
        if not told.reads or self.reads:
            self._tell((_cadf_of if self.form == "cadf" else _plain_of)(told, by, str(uuid4()), self.now()))

    def _tell(self, event: Mapping[str, Any]) -> None:
        line = json.dumps(event, separators=(",", ":")) + "\n"
        try:
            with self._lock:
                self._write(line.encode())
        except OSError as error:
            _LOST.inc()
            if not self._losing:  # once, until one is written again
                _LOG.error("the audit trail %s cannot be written: %s", self.file, error.strerror)
            self._losing = True
        else:
            self._losing = False

    def _write(self, line: bytes) -> None:
        """Raises OSError where not all of it is there; what comes next begins a line of its own."""
        whole = b"\n" + line if self._torn else line
        written = self._put(self._descriptor(), whole)
        self._torn = written < len(whole) and (written > 0 or self._torn)
        if written < len(whole):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _put(self, descriptor: int, whole: bytes) -> int:
        """How much of it is there. Raises OSError where nothing is."""
        written = 0
        while True:
            try:
                written += os.write(descriptor, whole[written:])
            except BlockingIOError:
                if self._losing or not self._is_read(descriptor):
                    if written:
                        return written
                    raise
            if written == len(whole) or not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                return written

    def _is_read(self, descriptor: int) -> bool:
        """Whether there is room in a pipe before long."""
        room = select.poll()
        room.register(descriptor, select.POLLOUT)
        return bool(room.poll(self.patience / timedelta(milliseconds=1)))

    def _has_room(self) -> bool:
        """Whether what strangers have denied to them is told: they are not to fill the disk."""
        second = int(self.now().timestamp())
        with self._lock:
            if second != self._second:
                self._second, self._of_strangers = second, 0
            self._of_strangers += 1
            return self._of_strangers <= _STRANGERS

    def _descriptor(self) -> int:
        """Of the file that has the name now."""
        if self._opened is not None:
            try:
                there = self.file.stat()
            except FileNotFoundError:
                there = None
            if there is not None and (there.st_dev, there.st_ino) == self._opened[1:]:
                return self._opened[0]
            os.close(self._opened[0])
            self._opened = None
        opened = self._open()
        found = os.fstat(opened)
        self._opened = opened, found.st_dev, found.st_ino
        return opened

    def _open(self) -> int:
        """Where there is none, root begins it for whose folder it is: gateways write to it after root's commands."""
        # Nobody waits for who is to read a pipe: without one what is written is lost, and told as that.
        how = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
        if os.geteuid() == 0:
            with contextlib.suppress(FileExistsError):  # also where a link leads: what that leads to is nobody's gift
                begun = os.open(self.file, how | os.O_CREAT | os.O_EXCL, _MODE)
                folder = self.file.parent.stat()
                os.fchown(begun, folder.st_uid, folder.st_gid)
                return begun
        return os.open(self.file, how | os.O_CREAT, _MODE)


def _plain(record: Record, now: datetime) -> dict[str, Any]:
    who = record.caller
    return {
        "time": now.isoformat(timespec="milliseconds"),
        "request_id": record.request_id,
        "account": record.account,
        "project_id": who.project_id if who else "",
        "user_id": who.user_id if who else "",
        "user": who.user_name if who else "",
        "assumed_role": who.assumed_role if who else "",
        "access_key": who.access_key if who else "",
        "source": record.peer,
        "region": record.region,
        "action": action_of(record.service, record.operation) if record.operation else "",
        "about": dict(record.names),
        "outcome": "success" if record.status < 400 else "failure",
        "status": record.status,
        "code": record.code,
    }


def _plain_of(told: Told, by: By, request_id: str, now: datetime) -> dict[str, Any]:
    return {
        "time": now.isoformat(timespec="milliseconds"),
        "request_id": request_id,
        "account": "",
        "project_id": told.about.get("project", ""),
        "user_id": str(by.number),
        "user": by.name,
        "assumed_role": by.became,
        "access_key": "",
        "source": by.host,
        "region": told.about.get("region", ""),
        "action": f"{_COMMANDS}:{told.command}",
        "about": dict(told.about),
        "outcome": "failure" if told.status else "success",
        "status": told.status,
        "code": told.code,
    }


def _cadf_of(told: Told, by: By, request_id: str, now: datetime) -> dict[str, Any]:
    *_, word = told.command.split()
    content = {"about": dict(told.about), "assumed_role": by.became}
    event = _event(
        request_id,
        now,
        action="read" if told.reads else _WORDS.get(word, "update"),
        failed=bool(told.status),
        initiator={
            "typeURI": "service/security/account/admin",
            "id": str(by.number),
            "name": by.name,
            "project_id": told.about.get("project", ""),
            "host": {"address": by.host},
        },
        target=_target(
            _COMMANDS, next(iter(told.about.values()), "unknown"), told.command, told.about.get("region", "")
        ),
        reason=(told.code, told.status),
    )
    return {**event, "attachments": [{"name": "command", "typeURI": "mime:application/json", "content": content}]}


def _cadf(record: Record, now: datetime) -> dict[str, Any]:
    who = record.caller
    service = action_of(record.service, record.operation).partition(":")[0] or "unknown"
    return _event(
        record.request_id,
        now,
        action=_action(record),
        failed=record.status >= 400,
        initiator={
            "typeURI": "service/security/account/user",
            "id": who.user_id if who else "unknown",
            "name": who.user_name if who else "",
            "project_id": who.project_id if who else "",
            "credential": {"token": who.access_key if who else ""},
            "host": {"address": record.peer},
        },
        target=_target(
            service, next(iter(record.names.values()), record.account or "unknown"), record.operation, record.region
        ),
        reason=(record.code, record.status),
    )


def _event(
    request_id: str,
    now: datetime,
    *,
    action: str,
    failed: bool,
    initiator: Mapping[str, Any],
    target: Mapping[str, Any],
    reason: tuple[str, int],
) -> dict[str, Any]:
    """What all events of CADF have. ``reason``: what came between, empty where nothing did, and the status."""
    code, status = reason
    return {
        "typeURI": _EVENT,
        "eventType": "activity",
        "id": request_id,
        "eventTime": now.isoformat(timespec="milliseconds"),
        "action": action,
        "outcome": "failure" if failed else "success",
        "initiator": initiator,
        "target": target,
        "observer": {"typeURI": "service/compute/coppice", "id": "coppice"},
        **({"reason": {"reasonType": code, "reasonCode": str(status)}} if code else {}),
    }


def _target(service: str, identity: str, name: str, region: str) -> dict[str, Any]:
    where = [{"url": region, "name": "region"}]
    return {"typeURI": f"service/compute/{service}", "id": identity, "name": name, "addresses": where}


def _action(record: Record) -> str:
    if is_read(record.service, record.operation):
        return "read"
    return next((word for begins, word in _ACTIONS if record.operation.startswith(begins)), "update")
