"""Application credentials: how an owner lets the engine act in their project without a trust, in their own name.

Keystone tells the secret of one only when it is made: whoever uses it has to keep it.

Source: Keystone API, "Application Credentials". One can be made with the owner's own login alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from backend.clock import Clock
from backend.domain.delegation import Delegation
from backend.drivers.openstack.owner import Gone, Owner, keystone_time

DESCRIPTION: Final = (
    "Lets Coppice (Auto Scaling) start, watch and end servers in this project in your name. Deleted: Coppice stops."
)


class Keeper(Protocol):
    """Where they are kept."""

    def ids(self, project_id: str, user_id: str) -> list[str]:
        """Those that a user handed over for a project."""

    def put(self, delegation: Delegation) -> None:
        """Keep one."""

    def drop(self, credential_ids: Sequence[str]) -> None:
        """Forget some."""


class HandOver:
    """An owner's side of it: they are made and taken back with the owner's own login."""

    def __init__(self, owner: Owner, keeper: Keeper, clock: Clock) -> None:
        self.owner = owner
        self.keeper = keeper
        self._clock = clock
        self._path = f"/users/{owner.user_id}/application_credentials"

    def give(self, role: str = "member", expires_at: datetime | None = None) -> str:
        """Make one with that role alone and hand it over, in the place of those before; its id.

        Raises:
            Misconfigured: Keystone refuses.
            SecretUnreadable, DelegationsUnanswered: it could not be kept; none is left behind at Keystone.
        """
        before = self.keeper.ids(self.owner.project_id, self.owner.user_id)
        wanted = {
            "name": f"coppice-{secrets.token_hex(4)}",
            "description": DESCRIPTION,
            "roles": [{"name": role}],
            "unrestricted": False,
            "expires_at": keystone_time(expires_at),
        }
        made = self.owner.call("POST", self._path, {"application_credential": wanted})["application_credential"]
        delegation = Delegation(
            credential_id=str(made["id"]),
            project_id=self.owner.project_id,
            user_id=self.owner.user_id,
            role=role,
            created_at=self._clock.now(),
            expires_at=expires_at,
            secret=str(made["secret"]),
        )
        try:
            self.keeper.put(delegation)
        except BaseException:
            self._delete(delegation.credential_id)
            raise
        self._end(before)
        return delegation.credential_id

    def take_back(self) -> Sequence[str]:
        """End those that the owner handed over for the project, here and at Keystone; their ids. Raises as ``give``."""
        return self._end(self.keeper.ids(self.owner.project_id, self.owner.user_id))

    def _end(self, credential_ids: Sequence[str]) -> Sequence[str]:
        for credential_id in credential_ids:
            self._delete(credential_id)
            self.keeper.drop([credential_id])
        return credential_ids

    def _delete(self, credential_id: str) -> None:
        try:
            self.owner.call("DELETE", f"{self._path}/{credential_id}")
        except Gone:
            return  # the owner was quicker
