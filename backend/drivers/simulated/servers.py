"""The servers of the state: made, found, moved and swept. Knows no faults and no rules of admission."""

from __future__ import annotations

import json
import socket
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from backend.domain import options
from backend.domain.node import Notice, ServerStatus
from backend.domain.options import ServerOptions
from backend.domain.profile import BlockDevice
from backend.domain.scope import Scope
from backend.drivers.compute import GroupPolicy, Server, ServerGroup, ServerRequest
from backend.drivers.errors import ServerBusy
from backend.drivers.simulated.state import add_to_counter, counter, from_micros
from backend.drivers.simulated.timeline import Move, moved, present

_COLUMNS = (
    "id, batch, position, project, region, zone, subnet_id, address, public_address, launch_id, installation, tags,"
    " image_id, server_group, status, status_at, fault, next_status, change_at, next_fault, prior, prior_at,"
    " own, task"
)
_INSERT = f"INSERT INTO servers ({_COLUMNS}) VALUES ({', '.join('?' * 24)})"  # noqa: S608 - constant columns
_BESIDE = frozenset({"volumes", "notice", "rebuild_mark"})
"""Of what a server has otherwise than its batch, what no request for one can say."""
_FLAVOR = "coalesce(json_extract(s.own, '$.flavor'), b.flavor)"
_SUBNET = "CASE WHEN json_extract(s.own, '$.interface_id') IS NULL THEN s.subnet_id END"
"""Where a server's address is counted; an interface that was made before it is counted by itself."""
_CACHED_BATCHES = 4096
_LATELY = 16_384
"""Reads. What was not among so many is read again when it is asked for."""
SWEEP = 500
REBOOTING, SNAPSHOT = "rebooting", "image_snapshot"
"""What can be done to a server that its status does not tell."""


class Row(NamedTuple):
    """One server as stored; the names are the columns'.

    Attributes:
        tags, image_id: None while they are the batch's.
        own: as JSON, what it has otherwise than its batch by now.
        task: what is being done to it while it moves from a status to the same.
    """

    id: str
    batch: int
    position: int
    project: str
    region: str
    zone: str
    subnet_id: str
    address: int
    public_address: int | None
    launch_id: str | None
    installation: str | None
    tags: str | None
    image_id: str | None
    server_group: str | None
    status: str
    status_at: int
    fault: str | None
    next_status: str | None
    change_at: int | None
    next_fault: str | None
    prior: str | None
    prior_at: int | None
    own: str | None
    task: str | None = None

    @property
    def move(self) -> Move:
        return Move(
            self.status,
            self.status_at,
            self.fault,
            self.next_status,
            self.change_at,
            self.next_fault,
            self.prior,
            self.prior_at,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What the servers of one create call share. Never changes, so it is read once a process."""

    id: int
    created_at: int
    network_id: str
    reservation_id: str
    count: int
    request: ServerRequest


@dataclass(frozen=True, slots=True)
class NewServer:
    """One server of a batch about to be stored: its addresses and how its boot goes."""

    id: str
    address: int
    public_address: int | None
    next_status: str | None
    change_at: int | None
    next_fault: str | None
    partition: int | None = None


def usage_keys(project: str, region: str, zone: str, flavor: str, subnet_id: str | None) -> tuple[str, ...]:
    """Names of the counters that a server is counted in while it holds its place.

    Args:
        subnet_id: None where it is on an interface that was made before it.
    """
    address = () if subnet_id is None else (f"subnet:{subnet_id}",)
    return (f"project:{region}/{project}", f"zone:{zone}", f"zone:{zone}/{flavor}", *address)


class _Kept:
    """Batches that were read lately: as many as there is use for, however many servers came and went.

    Safe to use from many threads: what two of them do at once is lost at worst, and read again.
    """

    def __init__(self) -> None:
        self._pages: tuple[dict[int, Batch], dict[int, Batch]] = ({}, {})  # what is read now, and what was before it
        self._reads = 0

    def __len__(self) -> int:
        return sum(map(len, self._pages))

    def get(self, batch_id: int) -> Batch | None:
        now, before = self._pages
        self._reads += 1
        found = now.get(batch_id)
        if found is None:
            found = before.get(batch_id)
            if found is not None:
                self.put(found)
        return found

    def put(self, batch: Batch) -> None:
        now, _ = self._pages
        now[batch.id] = batch
        if len(now) >= _CACHED_BATCHES // 2 or self._reads >= _LATELY:
            self._pages, self._reads = ({}, now), 0


class ServerTable:
    """Reads and writes of servers; every method works within the caller's connection."""

    def __init__(self, origin: uuid.UUID, *, late_addresses: bool = False) -> None:
        self._origin = origin
        self._late_addresses = late_addresses
        self._batches = _Kept()

    def insert(
        self,
        connection: sqlite3.Connection,
        batch: Batch,
        scope: Scope,
        servers: Sequence[NewServer],
        installation: str | None,
    ) -> list[Server]:
        """Store a batch from ``new_batch``. Returns its servers as of its creation."""
        request = batch.request
        place = (scope.project_id, scope.region, request.zone, request.subnet_id or "")
        connection.execute(
            "INSERT INTO batches (id, project, region, created_at, count, flavor, rows_kept, network_id, request)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                batch.id,
                *place[:2],
                batch.created_at,
                batch.count,
                request.flavor,
                batch.count,
                batch.network_id,
                json.dumps(_document(request)),
            ),
        )
        building = ServerStatus.BUILDING.value
        rows = [
            Row(
                id=new.id,
                batch=batch.id,
                position=position,
                project=scope.project_id,
                region=scope.region,
                zone=request.zone,
                subnet_id=place[3],
                address=new.address,
                public_address=new.public_address,
                launch_id=request.launch_id,
                installation=installation if request.launch_id else None,
                tags=None,
                image_id=None,
                server_group=request.server_group.id if request.server_group else None,
                status=building,
                status_at=batch.created_at,
                fault=None,
                next_status=new.next_status,
                change_at=new.change_at,
                next_fault=new.next_fault,
                prior=None,
                prior_at=None,
                own=_own(request, new),
            )
            for position, new in enumerate(servers)
        ]
        connection.executemany(_INSERT, rows)
        for key in usage_keys(*place[:3], request.flavor, None if request.interface_id else place[3]):
            add_to_counter(connection, key, len(rows))
        self._batches.put(batch)
        return [self.server(connection, row, batch.created_at) for row in rows]

    def new_batch(
        self, connection: sqlite3.Connection, request: ServerRequest, network_id: str, count: int, now: int
    ) -> Batch:
        """A batch under an id that this state never gave before. The request's subnet is resolved."""
        add_to_counter(connection, "batches", 1)
        identity = counter(connection, "batches")
        return Batch(identity, now, network_id, self._reservation(identity), count, request)

    def server_id(self, batch_id: int, position: int) -> str:
        return str(uuid.uuid5(self._origin, f"server/{batch_id}/{position}"))

    def find(self, connection: sqlite3.Connection, server_id: str, scope: Scope | None = None) -> Row | None:
        """The row of that full id, within the scope when one is given."""
        found = connection.execute(f"SELECT {_COLUMNS} FROM servers WHERE id = ?", (server_id,)).fetchone()  # noqa: S608 - constant columns
        row = Row(*found) if found else None
        if row is None or (scope is not None and (row.project, row.region) != (scope.project_id, scope.region)):
            return None
        return row

    def find_abbreviated(self, connection: sqlite3.Connection, text: str) -> Row | None:
        """The row of a full id, or of the AWS-style ``i-`` id made from it; None unless exactly one matches."""
        digits = text.removeprefix("i-").replace("-", "")
        groups = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        prefix = "-".join(group for group in groups if group)
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM servers WHERE id >= ? AND id < ? LIMIT 2",  # noqa: S608 - constant columns
            (prefix, prefix + "g"),
        ).fetchall()
        return Row(*rows[0]) if len(rows) == 1 and digits else None

    def at(self, connection: sqlite3.Connection, scope: Scope, address: int, as_of: int) -> Row | None:
        """The server that has a private address of the project then; the newest one, where networks use it twice."""
        query = (
            f"SELECT {_COLUMNS} FROM servers WHERE held = 1 AND address = ? AND project = ? AND region = ?"  # noqa: S608 - constant columns
            " AND (gone_at IS NULL OR gone_at > ?) ORDER BY rowid DESC LIMIT 1"
        )
        found = connection.execute(query, (address, scope.project_id, scope.region, as_of)).fetchone()
        return Row(*found) if found else None

    def standing(self, connection: sqlite3.Connection, scope: Scope, as_of: int) -> Iterator[Row]:
        """Rows of the scope that are not deleted at that instant, oldest first."""
        query = (
            f"SELECT {_COLUMNS} FROM servers WHERE project = ? AND region = ?"  # noqa: S608 - constant columns
            " AND (gone_at IS NULL OR gone_at > ?) ORDER BY rowid"
        )
        return map(Row._make, connection.execute(query, (scope.project_id, scope.region, as_of)))

    def everywhere(self, connection: sqlite3.Connection, as_of: int) -> Iterator[Row]:
        """Rows of all scopes that are not deleted at that instant, oldest first."""
        query = f"SELECT {_COLUMNS} FROM servers WHERE gone_at IS NULL OR gone_at > ? ORDER BY rowid"  # noqa: S608 - constant columns
        return map(Row._make, connection.execute(query, (as_of,)))

    def of_group(self, connection: sqlite3.Connection, group_id: str, now: int) -> list[tuple[str, str, int | None]]:
        """(server id, zone, partition) of a group's servers that are not deleted, oldest first."""
        query = (
            "SELECT id, zone, json_extract(own, '$.partition') FROM servers"
            " WHERE server_group = ? AND (gone_at IS NULL OR gone_at > ?) ORDER BY rowid"
        )
        return connection.execute(query, (group_id, now)).fetchall()

    def touched(self, connection: sqlite3.Connection, scope: Scope, since: int, as_of: int) -> Iterator[Row]:
        """Rows that began or ended a move at or after ``since``: two indexes tell them, no others are read."""
        query = (
            f"SELECT {_COLUMNS} FROM servers WHERE rowid IN ("  # noqa: S608 - constant columns
            "SELECT rowid FROM servers INDEXED BY servers_since"
            " WHERE project = :p AND region = :r AND status_at >= :since"
            " UNION SELECT rowid FROM servers INDEXED BY servers_due"
            " WHERE project = :p AND region = :r AND change_at IS NOT NULL AND change_at BETWEEN :since AND :as_of"
            ") ORDER BY rowid"
        )
        values = {"p": scope.project_id, "r": scope.region, "since": since, "as_of": as_of}
        return map(Row._make, connection.execute(query, values))

    def move(
        self,
        connection: sqlite3.Connection,
        row: Row,
        move: Move,
        *,
        gone_at: int | None = None,
        task: str | None = None,
    ) -> None:
        """Put a server into another move. ``gone_at``: when its place is free again."""
        connection.execute(
            "UPDATE servers SET status = ?, status_at = ?, fault = ?, next_status = ?, change_at = ?, next_fault = ?,"
            " prior = ?, prior_at = ?, gone_at = ?, task = ? WHERE id = ?",
            (*move, gone_at, task, row.id),
        )

    def check_rest(self, row: Row, name: str, now: int) -> None:
        """Whether nothing else is being done to it. Raises ServerBusy."""
        if row.move.change_at is not None and row.move.change_at > now:
            task = row.task if row.status == row.next_status else f"to {row.next_status}"
            words = f"Cannot '{name}' instance {row.id} while it is in task_state {task}"
            raise ServerBusy(words, rebooting=task == REBOOTING)

    def begin_task(self, connection: sqlite3.Connection, row: Row, now: int, task: str, takes: int) -> None:
        """Have something done to it, for so long, that its status does not tell."""
        status = present(row.move, now).status
        self.move(connection, row, moved(row.move, now, status, then=status, after=takes), task=task)

    def adopt(self, connection: sqlite3.Connection, row: Row, launch_id: str | None, installation: str | None) -> None:
        connection.execute(
            "UPDATE servers SET launch_id = ?, installation = ? WHERE id = ?", (launch_id, installation, row.id)
        )

    def tag(self, connection: sqlite3.Connection, row: Row, put: Mapping[str, str], remove: Sequence[str]) -> None:
        own = dict(self._batch(connection, row.batch).request.tags) if row.tags is None else json.loads(row.tags)
        tags = {key: value for key, value in (own | dict(put)).items() if key not in remove}
        connection.execute("UPDATE servers SET tags = ? WHERE id = ?", (json.dumps(tags), row.id))

    def change(self, connection: sqlite3.Connection, row: Row, **own: Any) -> None:
        """Let it have something otherwise than its batch: options (some of them), groups, flavor, user data."""
        known: dict[str, Any] = json.loads(row.own) if row.own else {}
        if "options" in own:
            own["options"] = {**known.get("options", {}), **own["options"]}
        if "flavor" in own:
            was = known.get("flavor") or self._batch(connection, row.batch).request.flavor
            add_to_counter(connection, f"zone:{row.zone}/{was}", -1)
            add_to_counter(connection, f"zone:{row.zone}/{own['flavor']}", 1)
        connection.execute("UPDATE servers SET own = ? WHERE id = ?", (json.dumps({**known, **own}), row.id))

    def give_up_disk(self, connection: sqlite3.Connection, row: Row, device: str) -> None:
        """One of its own disks is a volume from now on."""
        kept = [disk for disk in self._request(connection, row).block_devices if disk.device != device]
        devices = [asdict(disk) for disk in (*kept, BlockDevice(device, suppressed=True))]
        self.change(connection, row, block_devices=devices)

    def note_volume(
        self, connection: sqlite3.Connection, server_id: str, volume_id: str, *, deleted_with: bool | None
    ) -> None:
        """It has that volume, which is deleted with it or not; with None it has it no more."""
        row = self.find(connection, server_id)
        if row is None:
            return
        volumes: dict[str, bool] = json.loads(row.own or "{}").get("volumes", {})
        volumes.pop(volume_id, None)
        if deleted_with is not None:
            volumes[volume_id] = deleted_with
        self.change(connection, row, volumes=volumes)

    def set_image(self, connection: sqlite3.Connection, row: Row, image_id: str) -> None:
        connection.execute("UPDATE servers SET image_id = ? WHERE id = ?", (image_id, row.id))

    def server(self, connection: sqlite3.Connection, row: Row, as_of: int) -> Server:
        """The row as the port tells it at that instant."""
        batch = self._batch(connection, row.batch)
        own: dict[str, Any] = json.loads(row.own) if row.own else {}
        beside = {name: own.pop(name) for name in _BESIDE & own.keys()}
        notice = beside.get("notice")
        request = _changed(batch.request, own) if own else batch.request
        status, since, fault = present(row.move, as_of)
        return Server(
            id=row.id,
            name=request.name if batch.count == 1 else f"{request.name}-{row.position + 1}",
            status=status,
            created_at=from_micros(batch.created_at),
            updated_at=from_micros(since),
            zone=row.zone,
            flavor=request.flavor,
            image_id=row.image_id or request.image_id,
            launch_id=row.launch_id,
            installation=row.installation,
            key_name=request.key_name,
            private_address=_dotted(row.address),
            public_address=None if row.public_address is None else _dotted(row.public_address),
            mac_address=_mac(row.address, row.subnet_id),
            network_id=batch.network_id,
            subnet_id=row.subnet_id,
            security_group_ids=request.security_group_ids,
            user_data=request.user_data,
            block_devices=request.block_devices,
            tags=request.tags if row.tags is None else json.loads(row.tags),
            server_group_id=row.server_group,
            server_group_name=request.server_group.name if request.server_group else None,
            partition=request.partition,
            fault=fault,
            reservation_id=batch.reservation_id,
            index=row.position,
            options=request.options,
            volumes=beside.get("volumes", {}),
            wants_address=self._late_addresses and bool(request.public_address),
            notice=None if notice is None else Notice(notice),
            preemptible=request.preemptible,
            rebuild_mark=beside.get("rebuild_mark"),
        )

    def _request(self, connection: sqlite3.Connection, row: Row) -> ServerRequest:
        """The request that would have made it as it is by now."""
        own = {name: value for name, value in json.loads(row.own or "{}").items() if name not in _BESIDE}
        return _changed(self._batch(connection, row.batch).request, own)

    def created_at(self, connection: sqlite3.Connection, row: Row) -> int:
        return self._batch(connection, row.batch).created_at

    def settle(self, connection: sqlite3.Connection, now: int, at_most: int | None = None) -> None:
        """Free the places of servers that are gone by now: counters and addresses. Each is freed once."""
        rows = connection.execute(
            f"SELECT s.rowid, s.project, s.region, s.zone, {_FLAVOR}, {_SUBNET} FROM servers s"  # noqa: S608 - constant columns
            " JOIN batches b ON b.id = s.batch WHERE s.held = 1 AND s.gone_at <= ? LIMIT ?",
            (now, -1 if at_most is None else at_most),
        ).fetchall()
        if not rows:
            return
        connection.executemany("UPDATE servers SET held = 0 WHERE rowid = ?", [(row[0],) for row in rows])
        freed = Counter(key for row in rows for key in usage_keys(*row[1:]))
        for key, count in freed.items():
            add_to_counter(connection, key, -count)

    def purge(self, connection: sqlite3.Connection, before: int) -> None:
        """Forget some of the servers that have been gone since before that instant."""
        rows = connection.execute(
            "SELECT rowid, batch FROM servers WHERE held = 0 AND gone_at < ? LIMIT ?", (before, SWEEP)
        ).fetchall()
        connection.executemany("DELETE FROM servers WHERE rowid = ?", [(row[0],) for row in rows])
        self._release(connection, Counter(row[1] for row in rows))

    def forget(self, connection: sqlite3.Connection, row: Row) -> None:
        """Drop a standing server without a trace; its place is free at once."""
        query = f"SELECT s.held, {_FLAVOR}, {_SUBNET} FROM servers s JOIN batches b ON b.id = s.batch WHERE s.id = ?"  # noqa: S608 - constant columns
        held, flavor, subnet_id = connection.execute(query, (row.id,)).fetchone()
        connection.execute("DELETE FROM servers WHERE id = ?", (row.id,))
        if held:
            for key in usage_keys(row.project, row.region, row.zone, flavor, subnet_id):
                add_to_counter(connection, key, -1)
        self._release(connection, Counter({row.batch: 1}))

    def _release(self, connection: sqlite3.Connection, batches: Counter[int]) -> None:
        for batch_id, count in batches.items():
            connection.execute("UPDATE batches SET rows_kept = rows_kept - ? WHERE id = ?", (count, batch_id))
            connection.execute("DELETE FROM batches WHERE id = ? AND rows_kept <= 0", (batch_id,))

    def _batch(self, connection: sqlite3.Connection, batch_id: int) -> Batch:
        batch = self._batches.get(batch_id)
        if batch is None:
            created_at, network_id, count, text = connection.execute(
                "SELECT created_at, network_id, count, request FROM batches WHERE id = ?", (batch_id,)
            ).fetchone()
            request = _request(json.loads(text))
            batch = Batch(batch_id, created_at, network_id, self._reservation(batch_id), count, request)
            self._batches.put(batch)
        return batch

    def _reservation(self, batch_id: int) -> str:
        return "r-" + uuid.uuid5(self._origin, f"reservation/{batch_id}").hex[:17]


def _own(request: ServerRequest, new: NewServer) -> str | None:
    """What a row says for itself from its beginning."""
    own = {"partition": new.partition, "interface_id": request.interface_id}
    said = {name: value for name, value in own.items() if value is not None}
    return json.dumps(said) if said else None


def gone(row: Row, instant: int) -> bool:
    return present(row.move, instant).status is ServerStatus.DELETED


def _document(request: ServerRequest) -> dict[str, Any]:
    return {**asdict(request), "options": options.document(request.options)}


def _changed(request: ServerRequest, own: Mapping[str, Any]) -> ServerRequest:
    """The request that would have made a server as it is by now."""
    values = dict(own)
    if "options" in values:
        values["options"] = replace(request.options, **values["options"])
    if "block_devices" in values:
        values["block_devices"] = tuple(BlockDevice(**disk) for disk in values["block_devices"])
    if "security_group_ids" in values:
        values["security_group_ids"] = tuple(values["security_group_ids"])
    return replace(request, **values)


def _request(document: dict[str, Any]) -> ServerRequest:
    if group := document.get("server_group"):
        document["server_group"] = ServerGroup(
            group["id"], group["name"], GroupPolicy(group["policy"]), partitions=group.get("partitions")
        )
    document["block_devices"] = tuple(BlockDevice(**device) for device in document["block_devices"])
    document["options"] = ServerOptions(**document.get("options", {}))
    document["security_group_ids"] = tuple(document["security_group_ids"])
    return ServerRequest(**document)


def _dotted(address: int) -> str:
    return socket.inet_ntoa(address.to_bytes(4, "big"))


def _mac(address: int, subnet_id: str) -> str:
    """A local MAC, unique in its subnet as the address is."""
    return f"0a:{subnet_id[:2]}:" + address.to_bytes(4, "big").hex(":")
