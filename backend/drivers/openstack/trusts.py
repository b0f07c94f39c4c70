"""Keystone trusts: how an owner lets the service user act in their project, in their name, without an operator.

Nothing of a trust is a secret, and Keystone tells the service user which it was given: none is stored here.

Source: Keystone API, "OS-TRUST". A trust can be made with the owner's own login alone, not with a token that an access
key gave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from keystoneauth1 import identity
from keystoneauth1.identity.base import BaseIdentityPlugin

from backend.clock import Clock
from backend.drivers.errors import NotAuthorized
from backend.drivers.openstack.access import Access
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.kept import Kept
from backend.drivers.openstack.owner import Owner, instant_of, keystone_time
from backend.drivers.openstack.rest import IDENTITY, Rest

_TRUSTS: Final = "/OS-TRUST/trusts"
_MOST_TRIED: Final = 100
"""Trusts of a project: its members may give any number, and each that leads nowhere holds up who tries it."""


class Trusts:
    """The trusts that the service user was given: a way into projects.

    Args:
        rest: asks Keystone with the token of the service user's own project.
    """

    def __init__(self, rest: Rest, access: Access, clock: Clock, age: timedelta) -> None:
        self._rest = rest
        self._access = access
        self._clock = clock
        self._age = age
        self._kept: Kept[str, Sequence[Mapping[str, Any]]] = Kept(clock, self._ask)

    def find(self, project_id: str) -> Sequence[str]:
        """Those of a project that have not expired, in the order of their ids.

        Raises:
            NotAuthorized: there are none but expired ones.
            CloudUnavailable: Keystone could not be asked.
        """
        now = self._clock.now()
        found = [trust for trust in self._kept.get("", self._age) if trust["project_id"] == project_id]
        live = sorted(trust["id"] for trust in found if not _expired(trust, now))
        if found and not live:
            raise NotAuthorized(f"expired at {max(str(trust['expires_at']) for trust in found)}")
        return live

    def logins(self, project_id: str) -> Iterator[BaseIdentityPlugin]:
        """See ``ways.Way``."""
        for trust_id in self.find(project_id)[:_MOST_TRIED]:
            yield identity.V3Password(**self._access.entry.user, trust_id=trust_id)

    def _ask(self, _: str) -> Sequence[Mapping[str, Any]]:
        with told():
            asked = {"trustee_user_id": self._access.own_user_id()}
            return list(self._rest.listing(None, IDENTITY, _TRUSTS, "trusts", asked))


def _expired(trust: Mapping[str, Any], now: datetime) -> bool:
    expires = instant_of(trust.get("expires_at"))
    return expires is not None and expires <= now


class Grant(Owner):
    """An owner's side of it: trusts are made and taken back with the owner's own login."""

    def give(self, trustee_id: str, role: str = "member", expires_at: datetime | None = None) -> str:
        """Let a user act in the project in the owner's name; the id of the trust that says so.

        Safe to repeat. One with another role or another end takes the place of those before.

        Raises:
            Misconfigured: Keystone refuses; it keeps one of an end for ever, be it taken back or of another role.
        """
        known = self._theirs(trustee_id)
        until = keystone_time(expires_at)
        held = [trust for trust in known if keystone_time(instant_of(trust.get("expires_at"))) == until]
        for trust in held:
            if self._roles(trust["id"]) == [role]:
                return str(trust["id"])
        wanted = {
            "trustor_user_id": self.user_id,
            "trustee_user_id": trustee_id,
            "project_id": self.project_id,
            "impersonation": True,
            "roles": [{"name": role}],
            **({"expires_at": until} if until else {}),
        }
        made = self.call("POST", _TRUSTS, {"trust": wanted})
        self._end(known)
        return str(made["trust"]["id"])

    def take_back(self, trustee_id: str) -> Sequence[str]:
        """End what the user was given; the ids of the trusts that were."""
        return self._end(self._theirs(trustee_id))

    def _end(self, trusts: Sequence[Mapping[str, Any]]) -> list[str]:
        for trust in trusts:
            self.call("DELETE", f"{_TRUSTS}/{trust['id']}")
        return [str(trust["id"]) for trust in trusts]

    def _theirs(self, trustee_id: str) -> list[Mapping[str, Any]]:
        found = self.call("GET", f"{_TRUSTS}?trustor_user_id={self.user_id}")["trusts"]
        wanted = (trustee_id, self.project_id)
        return [trust for trust in found if (trust["trustee_user_id"], trust["project_id"]) == wanted]

    def _roles(self, trust_id: str) -> list[str]:
        """The roles that a trust gives: the listing leaves them out."""
        found = self.call("GET", f"{_TRUSTS}/{trust_id}")["trust"]
        return [str(role["name"]) for role in found["roles"]]
