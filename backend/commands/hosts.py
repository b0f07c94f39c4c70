"""A host is drained before it is worked on: groups replace the servers that are on it, as they are able to."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Final

from backend.commands import CannotDo, opening
from backend.commands.line import Command, Rows, Told, Troubles
from backend.domain.node import KEPT, KEPT_WARM, PARKED, PARKING, WARM, WARMING, NodeState
from backend.domain.scope import Scope
from backend.drivers.compute import Compute
from backend.drivers.errors import CloudError
from backend.store import clusters, events, hosts
from backend.store.session import Store

_LONGEST: Final = 255
_STAYS: Final[Mapping[str, frozenset[NodeState]]] = {
    "standby": PARKING | PARKED,
    "warm pool": WARMING | WARM,
    "retained": KEPT | KEPT_WARM,
}
"""Who serves nobody has no successor: an operator moves them by hand, or has them ended."""


def drained(store: Store, compute: Compute, host: str, region: str | None, now: datetime) -> Rows:
    """Have what groups have on a host replaced: a row for each group and what comes of its nodes there.

    Troubles where a project could not be asked.
    Servers that come up there later are not meant: whoever drains a host lets Nova put none there before.
    """
    with store.read() as conn:
        scopes = [each for each in events.watched_everywhere(conn) if region in {None, each.region}]
    rows: list[dict[str, object]] = []
    faults = False
    for scope in scopes:
        try:
            found = compute.on_host(scope, host)
        except CloudError as error:
            faults = True
            rows.append(_row(scope, "-", 0, f"could not be asked: {error}"))
            continue
        marked = store.transact(partial(hosts.drain, scope=scope, server_ids=found, host=host, now=now))
        rows += _rows(store, Counter((each.cluster_id, _fate(each.state)) for each in marked))
    return Troubles(rows) if faults else rows


def kept(store: Store, host: str, region: str | None, now: datetime) -> Rows:
    """Take it back: what was not replaced yet stays. A row for each group."""
    marked = store.transact(partial(hosts.keep, region=region, host=host, now=now))
    return _rows(store, Counter((each.cluster_id, "stay") for each in marked))


def _fate(state: str) -> str:
    """What comes of a node in that state whose host is drained."""
    return next((f"stays ({why})" for why, states in _STAYS.items() if state in states), "replaced, new ones first")


def _rows(store: Store, numbers: Mapping[tuple[str, str], int]) -> list[dict[str, object]]:
    """A row for each group and what comes of its nodes, with how many."""
    with store.read() as conn:
        found = [(clusters.get_by_id(conn, id_), what, each) for (id_, what), each in sorted(numbers.items())]
    return [_row(Scope(each.project_id, each.region), each.name, number, what) for each, what, number in found if each]


def _row(scope: Scope, group: str, number: int, what: str) -> dict[str, object]:
    return {"project": scope.project_id, "region": scope.region, "group": group, "instances": number, "what": what}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", help="as Nova names its compute service (openstack compute service list)")
    parser.add_argument("--region", help="only in this region, by the cloud's name")
    parser.add_argument("--undo", action="store_true", help="what was not replaced yet stays")


def _drain(asked: argparse.Namespace) -> Told:
    if not 0 < len(asked.host) <= _LONGEST:
        raise CannotDo(f"a host's name has at most {_LONGEST} characters")
    chosen = opening.settings()
    if asked.region is not None:
        opening.cloud_region(chosen, asked.region)
    store = opening.ready_store(chosen)
    with store.read() as conn:
        now = store.lease_now(conn)
    if asked.undo:
        found = kept(store, asked.host, asked.region, now)
    else:
        found = drained(store, opening.cloud_of(chosen, store).compute, asked.host, asked.region, now)
    return found or ("No group has an instance there." if asked.output == "table" else [])


COMMANDS: Final = (Command("drain", "have groups replace what they have on a host", _drain, _arguments),)
