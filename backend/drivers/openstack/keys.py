"""Nova's key pairs: they belong to the user whom the driver acts as; by a trust that is the owner.

Key pairs that Coppice keeps are made here when a launch first needs them, for the user who launches, under a name that
tells the key: whoever has that name there has that key.
"""

from __future__ import annotations

import hashlib
import re
import threading
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
from backend.drivers.openstack.refusals import of_any
from backend.drivers.openstack.rest import COMPUTE, Declined, Rest

_NAMESPACE: Final = uuid.UUID("7c0f4a52-0d0b-5e2c-8e55-0c5d0b7d7a11")
_DAY: Final = timedelta(days=1)
_OWN: Final = re.compile(r"coppice-[0-9a-f]{32}")
_MOST: Final = 10_000
"""Keys that are known to be there; of more the one that was put first is put again."""


def own_name(public_key: str) -> str:
    """What Nova has a key by that Coppice keeps."""
    return f"coppice-{hashlib.sha256(public_key.encode()).hexdigest()[:32]}"


class KeyPairs:
    def __init__(self, rest: Rest, clock: Clock) -> None:
        self._rest = rest
        self._created: Kept[tuple[Scope, str, str], datetime | None] = Kept(clock, self._ask_created)
        self._there: dict[tuple[Scope, str], None] = {}
        self._lock = threading.Lock()

    def put(self, scope: Scope, public_key: str) -> None:
        """See that Nova has a key that Coppice keeps, under ``own_name``; seldom asked twice, until it is missed.

        Raises:
            Refused, CloudError
        """
        name = own_name(public_key)
        if (scope, name) in self._there:
            return
        asked = {"keypair": {"name": name, "public_key": public_key}}
        try:
            self._rest.write(scope, COMPUTE, "POST", "/os-keypairs", asked, repeat=True)
        except Declined as declined:
            if declined.status != 409:
                raise of_any(declined) from declined
        with self._lock:
            self._there[scope, name] = None
            while len(self._there) > _MOST:
                del self._there[next(iter(self._there))]

    def missed(self, scope: Scope, public_key: str) -> None:
        """Nova said that it has not got it."""
        with self._lock:
            self._there.pop((scope, own_name(public_key)), None)

    def delete(self, scope: Scope, name: str) -> None:
        try:
            self._rest.write(scope, COMPUTE, "DELETE", f"/os-keypairs/{quote(name, safe='')}", repeat=True)
        except Declined as declined:
            if declined.status != 404:
                raise of_any(declined) from declined

    def list(self, scope: Scope) -> Sequence[KeyPair]:
        """The key pairs that others made, by name. Nova gives them no id: it is made of name and fingerprint."""
        with told():
            documents = list(self._rest.listing(scope, COMPUTE, "/os-keypairs", "keypairs"))
        others = [each["keypair"] for each in documents if not _OWN.fullmatch(each["keypair"]["name"])]
        found = [self._pair(scope, document) for document in others]
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
