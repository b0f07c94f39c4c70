"""Nova's key pairs: they belong to the user whom the driver acts as; by a trust that is the owner."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.compute import KeyPair
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.kept import Kept
from backend.drivers.openstack.rest import COMPUTE, Declined, Rest

_NAMESPACE: Final = uuid.UUID("7c0f4a52-0d0b-5e2c-8e55-0c5d0b7d7a11")
_DAY: Final = timedelta(days=1)


class KeyPairs:
    def __init__(self, rest: Rest, clock: Clock) -> None:
        self._rest = rest
        self._created: Kept[tuple[Scope, str, str], datetime | None] = Kept(clock, self._ask_created)

    def list(self, scope: Scope) -> Sequence[KeyPair]:
        """The key pairs, by name. Nova gives them no id of their own: it is made of name and fingerprint."""
        with told():
            documents = list(self._rest.listing(scope, COMPUTE, "/os-keypairs", "keypairs"))
        found = [self._pair(scope, document["keypair"]) for document in documents]
        return sorted((pair for pair in found if pair is not None), key=lambda pair: pair.name)

    def _pair(self, scope: Scope, document: Mapping[str, Any]) -> KeyPair | None:
        name, fingerprint = document["name"], document["fingerprint"]
        created_at = self._created.get((scope, name, fingerprint), _DAY)
        if created_at is None:
            return None
        return KeyPair(
            id=str(uuid.uuid5(_NAMESPACE, f"{scope.project_id}/{name}/{fingerprint}")),
            name=name,
            fingerprint=fingerprint,
            type="ed25519" if document.get("public_key", "").startswith("ssh-ed25519") else "rsa",
            created_at=created_at,
            public_key=document.get("public_key"),
        )

    def _ask_created(self, key: tuple[Scope, str, str]) -> datetime | None:
        """When a pair was made, which a listing does not tell; None where it is gone meanwhile."""
        scope, name, _ = key
        try:
            document = self._rest.item(scope, COMPUTE, f"/os-keypairs/{quote(name, safe='')}", "keypair")
        except Declined as declined:
            if declined.status == 404:
                return None
            with told():
                raise
        created = datetime.fromisoformat(document["created_at"])
        return created if created.tzinfo else created.replace(tzinfo=UTC)
