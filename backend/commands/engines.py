"""The command ``engine``: one engine of this installation, until it is told to stop."""

from __future__ import annotations

import argparse
import os
import random
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from backend import measures
from backend.clock import SystemClock
from backend.commands import schema
from backend.commands.line import Command
from backend.commands.opening import archive_of, cloud_of, settings, store_of
from backend.config import BackendSettings
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.engine.loop import Engine
from backend.services.key_pairs import kept_by
from backend.services.networks import public_in
from backend.store.outlets import Outlets

OutletsOf = Callable[[BackendSettings, Catalog, Cloud], Outlets]


def create_engine(chosen: BackendSettings, outlets_of: OutletsOf) -> Engine:
    """The engine of one process. Raises CannotDo where it cannot work with the database.

    Args:
        outlets_of: where messages go, and the words that they are told in.
    """
    clock = SystemClock()
    store = store_of(chosen, redoes=True)
    schema.wait(store, clock)
    cloud = cloud_of(chosen, store)
    name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
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
        outlets=outlets_of(chosen, catalog, cloud),
        clock=clock,
        settings=chosen.engine,
        rng=random.Random(secrets.randbits(64)),
        name=name[:64],
        measures=measures.shared(),
        archive=archive_of(chosen),
    )


def _engine(outlets_of: OutletsOf, _asked: argparse.Namespace) -> None:
    chosen = settings()
    engine = create_engine(chosen, outlets_of)
    if chosen.metrics_port:
        measures.serve(chosen.metrics_port, chosen.metrics_host)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    engine.run(stop)


def command(outlets_of: OutletsOf) -> Command:
    """The command; ``outlets_of`` as in ``create_engine``."""
    work = partial(_engine, outlets_of)
    return Command("engine", "one engine", work, cannot="The engine cannot start", serves=True)
