"""What the cloud has of prefix lists: a list is made there when the first rule names it, and follows its changes.

Two requests never make the same: one claims it in its row, and what the other wanted is left to the engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from backend import errors
from backend.clock import Clock
from backend.domain.prefix_list_findings import ListsUnsupported
from backend.domain.prefix_lists import PrefixList, Twin
from backend.domain.scope import Scope
from backend.domain.security_groups import GIVEN_UP
from backend.drivers.cloud import Cloud
from backend.drivers.group_making import ListPeer, peers_of
from backend.drivers.list_making import ListMaking
from backend.services.catalog import asking
from backend.store import prefix_lists as rows
from backend.store.session import Store


class ListTwins:
    """Every call may raise CloudNotReached, NotPermitted, CloudRefused, OutcomeUnclear."""

    def __init__(self, store: Store, cloud: Cloud, clock: Clock) -> None:
        self._store = store
        self._cloud = cloud
        self._clock = clock

    def check(self, scope: Scope) -> None:
        """Whether rules may name lists. Raises ListsUnsupported."""
        with asking():
            self.making.check_lists(scope)

    def ready(self, scope: Scope, lists: Iterable[PrefixList]) -> dict[str, ListPeer]:
        """Have the cloud know lists that rules are about to name, and tell as what, by what the rules call them.

        What somebody else is at is left out: an engine goes on with it, and with the groups that name it.

        Raises:
            ListsUnsupported
            QuotaExceeded
        """
        wanted = {each.id: each for each in lists}
        tokens = {each.id: str(uuid4()) for each in wanted.values() if each.twin is Twin.NONE}
        if tokens:
            until = self._clock.now() + GIVEN_UP
            for each in self._store.transact(lambda conn: rows.claim_twins(conn, scope, tokens, until)):
                self._make(scope, each)
        with self._store.read() as conn:
            return peers_of(rows.LISTS.of(conn, scope, wanted).values())

    def _make(self, scope: Scope, claimed: PrefixList) -> None:
        try:
            with self._store.read() as conn:
                cidrs = rows.cidrs_of(conn, scope, claimed)
            with asking():
                cloud_id = self.making.create_list(scope, str(claimed.token), claimed.name, cidrs)
        except errors.OutcomeUnclear:  # it may be there: the engine finds it by its token, or makes it
            raise
        except errors.Finding:
            self._store.transact(lambda conn: rows.set_twin(conn, scope, claimed, twin=Twin.NONE, token=None))
            raise
        self._store.transact(lambda conn: rows.set_twin(conn, scope, claimed, twin=Twin.THERE, cloud_id=cloud_id))

    @property
    def making(self) -> ListMaking:
        """Raises ListsUnsupported."""
        making = self._cloud.lists
        if making is None:
            raise ListsUnsupported
        return making
