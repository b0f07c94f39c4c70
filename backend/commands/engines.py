"""The command ``engine``: one engine of this installation, until it is told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import random
import secrets
import signal
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import Final

from backend import measures
from backend.clock import Clock, SystemClock
from backend.commands import CannotDo, schema
from backend.commands.line import Command
from backend.commands.opening import (
    LAST_SECONDS,
    UNREADABLE,
    archive_of,
    cloud_of,
    keeper_of,
    seal_of,
    settings,
    store_of,
    this_process,
    traces_of,
    with_database,
)
from backend.commands.seals import Keeper
from backend.config import BackendSettings
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.coordination import Coordinator, driver_of, membership_seconds
from backend.drivers.optional import NoLibrary
from backend.engine.bell import Bell
from backend.engine.kinds import KINDS
from backend.engine.loop import Engine
from backend.engine.membership import Membership, Peers
from backend.engine.settings import EngineSettings
from backend.services.key_pairs import kept_by
from backend.services.networks import public_in
from backend.store import migrate
from backend.store.engines import EngineRecord
from backend.store.outlets import Outlets
from backend.store.session import Store
from backend.store.urls import DatabaseMisnamed
from backend.store.work_calls import Listener
from backend.tracing import UNTRACED, Traces

LOG = logging.getLogger(__name__)
_NONE: Final = "none"
_BEATS: Final = 2
"""A coordinator waits for so many at least: by fewer it misses whoever is a little late."""
_PATIENCE_SECONDS: Final = 1.0
"""How long an engine's one thread stands still for a key that it has not: it has other work."""
SetLevel = Callable[[str], None]
OutletsOf = Callable[[BackendSettings, Catalog, Cloud, Store], Outlets]


def create_engine(
    chosen: BackendSettings, outlets_of: OutletsOf, bell: Bell, store: Store, traces: Traces = UNTRACED
) -> Engine:
    """The engine of one process. Raises CannotDo where it cannot work with the database.

    Args:
        outlets_of: where messages go, and the words that they are told in.
        bell: what it sleeps by.
        store: which redoes what it loses.
        traces: keep spans of its work.
    """
    clock = SystemClock()
    schema.wait(store, clock)
    cloud = cloud_of(chosen, store, traces=traces)
    me = _record(clock, chosen.engine)
    listener = _listener(chosen, bell, clock)
    if chosen.listen_url != _NONE:
        listener.start()
    catalog = Catalog(
        cloud,
        clock,
        timedelta(seconds=30),
        kept_keys=kept_by(store),
        public_subnets=public_in(store),
        aliases=chosen.public_images,
    )
    return Engine(
        store=store,
        cloud=cloud,
        catalog=catalog,
        outlets=outlets_of(chosen, catalog, cloud, store),
        clock=clock,
        settings=chosen.engine,
        rng=random.Random(secrets.randbits(64)),
        name=me.name,
        measures=measures.shared(),
        archive=archive_of(chosen),
        membership=Membership(store, clock, me, chosen.engine, KINDS, peers=_peers(chosen, me, clock)),
        bell=bell,
        is_told=listener.hears,
        traces=traces,
    )


def _listener(chosen: BackendSettings, bell: Bell, clock: Clock) -> Listener:
    """What hears of work by the database, not started. Raises CannotDo."""
    url = chosen.database_url if chosen.listen_url in {"", _NONE} else chosen.listen_url
    try:
        return Listener(url, bell.ring, clock)
    except DatabaseMisnamed as why:
        raise CannotDo(f"[database] listen_url: {why}") from why


def _peers(chosen: BackendSettings, me: EngineRecord, clock: Clock) -> Peers | None:
    """The coordinator of the settings, told of this engine from now on; None: there is none. Raises CannotDo."""
    if not chosen.coordinator:
        return None
    try:
        made = Coordinator(driver_of(chosen.coordinator), me.name, chosen.engine.beat.total_seconds(), clock)
    except NoLibrary as why:
        raise CannotDo(str(why)) from why
    hasty = hastiness(chosen.coordinator, chosen.engine.beat)
    if hasty:
        LOG.warning("%s", hasty)
    made.start()
    return made


def hastiness(url: str, beat: timedelta) -> str:
    """A sentence where a coordinator misses engines that are well, by what its URL says; empty where it does not."""
    patience = membership_seconds(url)
    if patience is None or patience >= _BEATS * beat.total_seconds():
        return ""
    return (
        f"[engine] coordinator: membership_timeout={patience:g} is less than {_BEATS} beats of"
        f" {beat.total_seconds():g} s, so that engines are missed which are well"
    )


def _record(clock: Clock, settings: EngineSettings) -> EngineRecord:
    """This process among the engines."""
    now = clock.now()
    return EngineRecord(*this_process(), migrate.head() or "", now, now, settings.silence)


def _engine(outlets_of: OutletsOf, set_level: SetLevel, _asked: argparse.Namespace) -> None:
    bell = Bell()
    keepers: list[Keeper] = []
    known: list[str] = []
    signals = Signals(bell, partial(_settings_again, set_level, keepers, known))
    signals.heed()  # first of all: it may have to wait for the database, and a signal that nobody heeds ends a process
    chosen = settings()
    known.append(chosen.database_url)
    set_level(chosen.log_level)
    traces = traces_of(chosen, "coppice-engine")
    store = store_of(chosen, redoes=True, seal=seal_of(chosen))
    keepers.append(keeper_of(chosen, store, _PATIENCE_SECONDS))
    keepers[0].start()
    engine = create_engine(chosen, outlets_of, bell, store, traces)
    signals.concern(engine)
    if chosen.metrics_port:
        measures.serve(chosen.metrics_port, chosen.metrics_host)
    ending = schema.Ending(signals.is_set, schema.Watched(store, SystemClock()))
    engine.run(ending)
    traces.close(LAST_SECONDS)
    LOG.info("the engine has ended, what it did not finish is given back")
    logging.shutdown()
    # A call that still hangs would hold the process up for as long as it does, and nobody waits for its answer now.
    os._exit(ending.status)


class Signals:
    """What a process's signals ask of its engine: to end, to end at once, to read its settings again."""

    def __init__(self, bell: Bell, read: Callable[[], EngineSettings | None]) -> None:
        self._bell, self._read = bell, read
        self._engine: Engine | None = None
        self._told_to_end = self._told_to_read = False

    def heed(self) -> None:
        """From now on: SIGTERM and SIGINT end it, the second one at once; SIGHUP has settings read again.

        As long as there is no engine there is nothing to finish: the process ends at once.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, self._reload)

    def concern(self, engine: Engine) -> None:
        """It is this engine that they are about, also what was asked before it was there."""
        self._engine = engine
        if self._told_to_read:
            engine.reload(self._read)

    def is_set(self) -> bool:
        """Whether it is to end."""
        return self._told_to_end

    def _end(self, number: int, _frame: FrameType | None) -> None:
        if self._engine is None:
            os._exit(0)
        if self._told_to_end:
            os._exit(128 + number)
        self._told_to_end = True
        self._bell.ring()

    def _reload(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_read = True
        if self._engine is not None:
            self._engine.reload(self._read)
        self._bell.ring()


def _settings_again(set_level: SetLevel, keepers: Sequence[Keeper], databases: Sequence[str]) -> EngineSettings | None:
    """The settings as they are now; None, and told, where they cannot be read. Keys are looked for meanwhile.

    Args:
        databases: the URL of the one that it works on, which stays.
    """
    for keeper in keepers:
        keeper.soon()
    try:
        chosen = settings()
    except UNREADABLE as error:
        LOG.error("the settings cannot be read, those of before stay: %s", error)  # noqa: TRY400 - the words say it
        return None
    set_level(chosen.log_level)
    for url in databases:
        with_database(chosen, url)
    return chosen.engine


def command(outlets_of: OutletsOf, set_level: SetLevel) -> Command:
    """The command.

    Args:
        outlets_of: as in ``create_engine``.
        set_level: lets what is logged begin at a level, by its name.
    """
    work = partial(_engine, outlets_of, set_level)
    return Command("engine", "one engine", work, cannot="The engine cannot start", serves=True)
