"""Messages of the outbox, told to a local sink: how many a second, of one group and of many."""

from __future__ import annotations

import logging
import random
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from backend.clock import SystemClock
from backend.domain.messages import Message, MessageKind, Telling
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.log_sink import LogSink
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from backend.engine.kinds import messages as kind
from backend.engine.loop import Engine
from backend.engine.settings import EngineSettings
from backend.store import migrate, outbox
from backend.store.outlets import Outlets
from backend.store.session import Store

NUMBER = 5000
_SCOPE = Scope("project", "us-east-1")
_AIM = 500.0
_PATIENCE_SECONDS = 120.0


def report(folder: Path) -> int:
    """Print the paces. Returns the number of aims missed."""
    folder = folder / "messages"
    folder.mkdir()
    table = Table("messages", "seconds", "messages/s", "processor s", "aim", "")
    for name, groups in (("1 group", 1), ("500 groups", 500)):
        _measure(table, folder, f"stored, {name}", groups, _stored)
        _measure(table, folder, f"told to a file, {name}", groups, _told)
    print(f"{NUMBER:,} messages, SQLite, one engine\n\n{table}\n", flush=True)
    return table.missed


_Way = Callable[[Store, list[Message], Path], float]


def _measure(table: Table, folder: Path, name: str, groups: int, way: _Way) -> None:
    url = f"sqlite:///{folder / f'{uuid4().hex}.db'}"
    migrate.upgrade(url)
    store = Store(url, SystemClock(), redoes=True)
    used = time.process_time()
    seconds = way(store, _messages(groups), folder)
    store.close()
    pace = NUMBER / seconds
    used = time.process_time() - used
    aim, met = (f"> {_AIM:g}/s", pace > _AIM) if way is _told else ("", None)
    table.add(name, f"{seconds:.2f}", f"{pace:,.0f}", f"{used:.2f}", aim, met=met)


def _messages(groups: int) -> list[Message]:
    owners = [str(uuid4()) for _ in range(groups)]
    now: datetime = SystemClock().now()
    data = {"hook": "drain", "transition": "terminating", "token": str(uuid4()), "server_id": str(uuid4())}
    return [
        Message(
            id=str(uuid4()),
            project_id=_SCOPE.project_id,
            region=_SCOPE.region,
            cluster_id=owners[number % groups],
            cluster_name=f"group-{number % groups}",
            kind=MessageKind.ACTION,
            target="log:",
            data=data,
            created_at=now + timedelta(microseconds=number),
        )
        for number in range(NUMBER)
    ]


def _stored(store: Store, wanted: list[Message], _folder: Path) -> float:
    """Each in a transaction of its own, as many passes would."""
    begun = time.perf_counter()
    for each in wanted:
        store.transact(lambda conn, each=each: outbox.add(conn, [each]))
    return time.perf_counter() - begun


class _Until:
    """Tells the engine to stop when the sink has heard enough."""

    def __init__(self) -> None:
        self.heard = 0
        self.ends_at = time.perf_counter() + _PATIENCE_SECONDS

    def is_set(self) -> bool:
        if time.perf_counter() > self.ends_at:
            raise SystemExit(f"messages: {self.heard} of {NUMBER} after {_PATIENCE_SECONDS:g} s")
        return self.heard >= NUMBER


def _told(store: Store, wanted: list[Message], folder: Path) -> float:
    store.transact(lambda conn: outbox.add(conn, wanted))
    stop, sink = _Until(), LogSink(folder / f"{uuid4().hex}.log")

    def send(scope: Scope, target: str, telling: Telling) -> None:
        sink.send(scope, target, telling)
        stop.heard += 1

    cloud = SimulatedCloud.open(None, SystemClock(), SimulatedSettings()).cloud
    engine = Engine(
        store=store,
        cloud=cloud,
        catalog=Catalog(cloud, SystemClock()),
        clock=SystemClock(),
        settings=EngineSettings(poll=timedelta(seconds=0.25)),
        rng=random.Random(1),
        name="bench",
        kinds=(kind.KIND,),
        rounds=(),
        outlets=Outlets(sinks={"log": send}),
    )
    begun = time.perf_counter()
    engine.run(stop)
    seconds = time.perf_counter() - begun
    with store.read() as conn:
        assert not outbox.dead(conn, 1)
    return seconds


if __name__ == "__main__":
    import tempfile

    logging.basicConfig(level=logging.WARNING)
    with tempfile.TemporaryDirectory() as made:
        sys.exit(report(Path(made)) > 0)
