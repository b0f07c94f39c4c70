"""Keystone trusts: how an owner lets the service user act in their project, in their name, without an operator.

Nothing of a trust is a secret, and Keystone tells the service user which it was given: none is stored here.

Source: Keystone API, "OS-TRUST". A trust can be made with the owner's own login alone, not with a token that an access
key gave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import requests
from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1 import identity

from backend.clock import Clock
from backend.drivers.openstack.access import Access, Entry, Misconfigured, open_session
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.kept import Kept
from backend.drivers.openstack.rest import IDENTITY, Rest
from backend.drivers.openstack.settings import OpenStackSettings

_TRUSTS: Final = "/OS-TRUST/trusts"


class Trusts:
    """The trusts that the service user was given.

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
            CloudUnavailable: Keystone could not be asked.
        """
        now = self._clock.now()
        found = [
            trust["id"]
            for trust in self._kept.get("", self._age)
            if trust["project_id"] == project_id and not _expired(trust, now)
        ]
        return sorted(found)

    def _ask(self, _: str) -> Sequence[Mapping[str, Any]]:
        with told():
            asked = {"trustee_user_id": self._access.own_user_id()}
            return list(self._rest.listing(None, IDENTITY, _TRUSTS, "trusts", asked))


def _expired(trust: Mapping[str, Any], now: datetime) -> bool:
    text = trust.get("expires_at")
    if not text:
        return False
    expires = datetime.fromisoformat(text)
    return (expires if expires.tzinfo else expires.replace(tzinfo=UTC)) <= now


class Grant:
    """An owner's side of it: trusts are made and taken back with the owner's own login.

    Args:
        settings: its ``cloud`` names the owner's entry of clouds.yaml.

    Raises:
        Misconfigured: there is no such entry, or Keystone refuses it.
    """

    def __init__(self, settings: OpenStackSettings, transport: requests.adapters.BaseAdapter | None = None) -> None:
        entry = Entry.read(settings)
        self._session = open_session(settings, entry, transport)
        self._plugin = identity.V3Password(**entry.user, **entry.project)
        self._url = f"{str(entry.user['auth_url']).rstrip('/').removesuffix('/v3')}/v3{_TRUSTS}"
        try:
            known = self._plugin.get_access(self._session)
        except keystone_errors.ClientException as error:
            raise Misconfigured(f"Keystone refuses the entry {settings.cloud}: {error}") from error
        if known.project_id is None:
            raise Misconfigured(f"the entry {settings.cloud} names no project")
        self.user_id, self.project_id = str(known.user_id), str(known.project_id)

    def give(self, trustee_id: str, role: str = "member") -> str:
        """Let a user act in the project in the owner's name; the id of the trust that says so. Safe to repeat."""
        known = self._theirs(trustee_id)
        if known:
            return known[0]
        trust = {
            "trustor_user_id": self.user_id,
            "trustee_user_id": trustee_id,
            "project_id": self.project_id,
            "impersonation": True,
            "roles": [{"name": role}],
        }
        made = self._call("POST", self._url, {"trust": trust})
        return str(made["trust"]["id"])

    def take_back(self, trustee_id: str) -> Sequence[str]:
        """End what the user was given; the ids of the trusts that were."""
        known = self._theirs(trustee_id)
        for trust_id in known:
            self._call("DELETE", f"{self._url}/{trust_id}")
        return known

    def _theirs(self, trustee_id: str) -> list[str]:
        found = self._call("GET", f"{self._url}?trustor_user_id={self.user_id}")["trusts"]
        wanted = (trustee_id, self.project_id)
        return [trust["id"] for trust in found if (trust["trustee_user_id"], trust["project_id"]) == wanted]

    def _call(self, method: str, url: str, body: Any = None) -> Any:
        extra = {} if body is None else {"json": body}
        try:
            answer = self._session.request(url, method, auth=self._plugin, **extra)
        except keystone_errors.ClientException as error:
            raise Misconfigured(f"Keystone refuses: {error}") from error
        return answer.json() if answer.content else None


def owner_settings(settings: OpenStackSettings, cloud: str, clouds_file: str) -> OpenStackSettings:
    """The same cloud, with the owner's login in place of the service user's."""
    return replace(settings, cloud=cloud, clouds_file=clouds_file)
