"""Lists of access: rows alone. No cloud of ours keeps anything out by them, so what would is refused.

A VPC's list lets everything pass, and so does what takes its place; ``recorded`` keeps lists that do not, which then
stand for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from backend import errors
from backend.clock import Clock
from backend.domain.ids import new_digits
from backend.domain.network_findings import (
    AclUnenforced,
    DefaultAcl,
    EntryExists,
    EntryMissing,
    NetworkLimit,
    NetworkThingInUse,
    NetworkThingMissing,
    RouteElsewhere,
)
from backend.domain.networks import AclAssociation, NetworkAcl
from backend.domain.scope import Scope
from backend.domain.token import ClientToken
from backend.services import network_limits as limits
from backend.services.network_reader import NetworkReader
from backend.store import client_tokens
from backend.store import networks as rows
from backend.store.session import Connection, Store

Missing = tuple[str, str]


class NetworkAcls:
    """Every write may raise NetworkThingMissing, and NotOurs where the cloud has the thing otherwise."""

    def __init__(self, store: Store, clock: Clock, seen: NetworkReader, *, recorded: bool = False) -> None:
        self._store = store
        self._clock = clock
        self._seen = seen
        self._recorded = recorded

    def create(self, scope: Scope, vpc_id: str, token: ClientToken | None) -> NetworkAcl:
        """Make a list that is empty; of an earlier request of the token, that one's.

        Raises:
            NetworkLimit
            TokenReused
        """
        acl = NetworkAcl(new_digits(), vpc_id, False, self._clock.now())

        def work(conn: Connection) -> NetworkAcl | None:
            if token and (kept := client_tokens.find(conn, scope, token)):
                if kept.fingerprint != token.fingerprint:
                    raise errors.TokenReused(token.value)
                there = rows.ACLS.one(conn, scope, id=kept.result)
                if there is None:  # deleted since
                    raise NetworkThingMissing("network-acl", kept.result)
                return there
            if rows.lock(conn, scope, vpc_id) is None:
                return None
            if rows.ACLS.count(conn, scope, vpc_id=vpc_id) >= limits.ACLS_OF_VPC:
                raise NetworkLimit("network-acl", limits.ACLS_OF_VPC, vpc_id)
            rows.ACLS.add(conn, scope, acl)
            if token:
                client_tokens.add(conn, scope, token, acl.id, acl.created_at)
            return acl

        made = self._store.transact(work)
        if made is None:
            raise self._seen.refusal(scope, "vpc", vpc_id)
        return made

    def delete(self, scope: Scope, acl_id: str) -> None:
        """Raises NetworkThingInUse: subnets have it; DefaultAcl."""

        def work(conn: Connection) -> Missing | None:
            acl = self._acl(conn, scope, acl_id)
            if acl is None:
                return "network-acl", acl_id
            if acl.is_default:
                raise DefaultAcl(acl_id)
            if rows.ACL_ASSOCIATIONS.count(conn, scope, acl_id=acl_id):
                raise NetworkThingInUse("network-acl", acl_id)
            rows.ACLS.remove(conn, scope, id=acl_id)
            return None

        self._refuse(scope, self._store.transact(work))

    def put_entry(self, scope: Scope, acl_id: str, entry: Mapping[str, Any], *, replacing: bool) -> None:
        """Write an entry, in AWS's members.

        Raises:
            EntryExists, EntryMissing: its number is taken, or is not there to be replaced.
            AclUnenforced: it would keep something out, of subnets that have the list.
            NetworkLimit
        """
        number, egress = int(entry["RuleNumber"]), bool(entry["Egress"])

        def work(conn: Connection) -> Missing | None:
            acl = self._acl(conn, scope, acl_id)
            if acl is None:
                return "network-acl", acl_id
            if entry["RuleAction"] == "deny" and not self._recorded:
                raise AclUnenforced(acl_id)
            others = _without(acl, number, egress=egress)
            there = len(others) < len(acl.entries)
            if there and not replacing:
                raise EntryExists(number, egress)
            if replacing and not there:
                raise EntryMissing(number, egress, acl_id)
            if sum(each["Egress"] is egress for each in others) >= limits.ENTRIES_OF_ACL:
                raise NetworkLimit("network-acl-entry", limits.ENTRIES_OF_ACL, acl_id)
            written = replace(acl, entries=(*others, entry))
            if not self._recorded and not written.passes(egress=egress) and self._is_worn(conn, scope, acl_id):
                raise AclUnenforced(acl_id)
            rows.ACLS.change(conn, scope, acl_id, entries=written.entries)
            return None

        self._refuse(scope, self._store.transact(work))

    def delete_entry(self, scope: Scope, acl_id: str, number: int, *, egress: bool) -> None:
        """Raises EntryMissing."""

        def work(conn: Connection) -> Missing | None:
            acl = self._acl(conn, scope, acl_id)
            if acl is None:
                return "network-acl", acl_id
            others = _without(acl, number, egress=egress)
            if len(others) == len(acl.entries):
                raise EntryMissing(number, egress, acl_id)
            rows.ACLS.change(conn, scope, acl_id, entries=tuple(others))
            return None

        self._refuse(scope, self._store.transact(work))

    def replace_association(self, scope: Scope, association_id: str, acl_id: str) -> str:
        """Give a subnet another list; digits of the new association.

        Raises:
            AclUnenforced: the list keeps something out.
            RouteElsewhere: it belongs to another VPC.
        """

        def work(conn: Connection) -> Missing | str:
            acl = self._acl(conn, scope, acl_id)
            if acl is None:
                return "network-acl", acl_id
            there = rows.ACL_ASSOCIATIONS.one(conn, scope, id=association_id)
            if there is None:
                return "acl-association", association_id
            if there.vpc_id != acl.vpc_id:
                raise RouteElsewhere(acl_id, "acl-association", association_id, "network-acl")
            if not acl.is_default and not acl.passes_all and not self._recorded:
                raise AclUnenforced(acl_id)
            made = AclAssociation(new_digits(), acl.vpc_id, acl_id, there.subnet_id)
            rows.ACL_ASSOCIATIONS.remove(conn, scope, id=association_id)
            rows.ACL_ASSOCIATIONS.add(conn, scope, made)
            return made.id

        told = self._store.transact(work)
        if isinstance(told, tuple):
            raise self._seen.refusal(scope, *told)
        return told

    def _acl(self, conn: Connection, scope: Scope, acl_id: str) -> NetworkAcl | None:
        """The list as nobody else can change it now: its VPC's row is locked."""
        found = rows.ACLS.one(conn, scope, id=acl_id)
        if found is None or rows.lock(conn, scope, found.vpc_id) is None:
            return None
        return rows.ACLS.one(conn, scope, id=acl_id)

    @staticmethod
    def _is_worn(conn: Connection, scope: Scope, acl_id: str) -> bool:
        return rows.ACL_ASSOCIATIONS.count(conn, scope, acl_id=acl_id) > 0

    def _refuse(self, scope: Scope, missing: Missing | None) -> None:
        if missing is not None:
            raise self._seen.refusal(scope, *missing)


def _without(acl: NetworkAcl, number: int, *, egress: bool) -> Sequence[Mapping[str, Any]]:
    return [each for each in acl.entries if (each["RuleNumber"], each["Egress"]) != (number, egress)]
