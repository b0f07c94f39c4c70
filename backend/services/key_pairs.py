"""Key pairs: kept here by their public halves; the cloud has its own beside them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from uuid import uuid4

from backend import errors
from backend.clock import Clock
from backend.domain import key_material, key_pair_findings
from backend.domain.key_pairs import KeptKeyPair
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog, KeptKeys
from backend.drivers.cloud import Cloud
from backend.drivers.compute import KeyPair
from backend.drivers.errors import CloudUnavailable
from backend.services.catalog import asking
from backend.store import counting
from backend.store.key_pairs import KEY_PAIRS
from backend.store.session import Store

LIMIT: Final = 5000
"""Of a project in a region. Source: AWS General Reference, "Amazon EC2 endpoints and quotas"."""
_LONGEST: Final = 4096
_NOUN: Final = "key_pairs"


def kept_by(store: Store) -> KeptKeys:
    """What a catalog tells beside the cloud's own key pairs."""

    def kept(scope: Scope) -> Sequence[KeyPair]:
        try:
            with store.read() as conn:
                found = KEY_PAIRS.all(conn, scope)
        except errors.StoreUnavailable as error:
            raise CloudUnavailable(str(error)) from error
        return [_pair(each) for each in found]

    return kept


class KeyPairs:
    """Every call may raise CloudNotReached or NotPermitted."""

    def __init__(self, store: Store, cloud: Cloud, catalog: Catalog, clock: Clock) -> None:
        self._store = store
        self._cloud = cloud
        self._catalog = catalog
        self._clock = clock

    def create(self, scope: Scope, name: str, kind: str) -> tuple[KeyPair, str]:
        """Make a key pair; with its private key in PEM, which is told this once and kept nowhere.

        Raises:
            KeyPairExists
            LimitExceeded
        """
        self._refuse_taken(scope, name)
        made = key_material.generate(kind)
        return self._keep(scope, name, made), made.private_key

    def import_(self, scope: Scope, name: str, public_key: str) -> KeyPair:
        """Keep a public key.

        Raises:
            KeyPairNotPublic
            KeyPairExists
            LimitExceeded
        """
        try:
            parsed = key_material.parse(public_key)
        except ValueError as error:
            raise key_pair_findings.KeyPairNotPublic from error
        if len(parsed.public_key) > _LONGEST:
            raise key_pair_findings.KeyPairNotPublic
        self._refuse_taken(scope, name)
        return self._keep(scope, name, parsed)

    def delete(self, scope: Scope, name: str) -> None:
        """Forget a key pair that is kept; where none of that name is, delete the cloud's own. Safe to repeat.

        A pair that somebody made at the cloud beside one that is kept was not what the caller was told of, and stays.
        """

        def work(conn: Any) -> int:
            return KEY_PAIRS.remove(conn, scope, name=name)

        if self._store.transact(work) or self._cloud.keys is None:
            return
        with asking():
            self._cloud.keys.delete_key_pair(scope, name)
        self._catalog.drop(_NOUN, scope)

    def _refuse_taken(self, scope: Scope, name: str) -> None:
        with asking():
            if any(pair.name == name for pair in self._catalog.key_pairs(scope)):
                raise key_pair_findings.KeyPairExists(name)

    def _keep(self, scope: Scope, name: str, key: key_material.Key) -> KeyPair:
        made = KeptKeyPair(uuid4().hex[:17], name, key.kind, key.fingerprint, key.public_key, self._clock.now())

        def work(conn: Any) -> None:
            if KEY_PAIRS.one(conn, scope, name=name) is not None:
                raise key_pair_findings.KeyPairExists(name)
            counting.check(conn, scope, _NOUN, LIMIT, partial(KEY_PAIRS.count, conn, scope))
            KEY_PAIRS.add(conn, scope, made)

        self._store.transact(work)
        return _pair(made)


def _pair(kept: KeptKeyPair) -> KeyPair:
    return KeyPair(kept.id, kept.name, kept.fingerprint, kept.kind, kept.created_at, kept.public_key, kept=True)
