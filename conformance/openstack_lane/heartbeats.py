"""Health of members, as amphorae would tell Octavia: the test cloud has none, so that its members are never looked at."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from conformance.openstack.cloud import state_folder
from conformance.openstack.readiness import database
from conformance.openstack.settings import settle

_PAUSE = 2.0
_SEEN = (
    "UPDATE octavia.member SET operating_status = 'ONLINE'"
    " WHERE project_id = %s AND enabled = 1 AND operating_status IN ('NO_MONITOR', 'OFFLINE')"
)


@contextlib.contextmanager
def heartbeats(project: str) -> Iterator[None]:
    """Every member of a project's pools is seen to answer, some moments after it came.

    It is written where Octavia's health manager writes what amphorae tell it.
    """
    settings = settle(state_folder(), None)
    over = threading.Event()

    def beat() -> None:
        while not over.wait(_PAUSE):
            with database(settings) as connection, connection.cursor() as cursor:
                cursor.execute(_SEEN, (project,))
                connection.commit()

    heart = threading.Thread(target=beat, name="heartbeats", daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()
