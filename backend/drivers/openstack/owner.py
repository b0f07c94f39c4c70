"""An owner at Keystone, with a login of their own: who may hand over what is theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import requests
from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1 import identity

from backend.drivers.errors import Misconfigured
from backend.drivers.openstack.access import Entry, is_keystones, open_session
from backend.drivers.openstack.settings import OpenStackSettings


class Owner:
    """An owner, logged in on a project.

    Args:
        settings: its ``cloud`` names the owner's entry of clouds.yaml.

    Raises:
        Misconfigured: there is no such entry, or Keystone refuses it.
    """

    def __init__(self, settings: OpenStackSettings, transport: requests.adapters.BaseAdapter | None = None) -> None:
        entry = Entry.read(settings)
        self._session = open_session(settings, entry, transport)
        self._plugin = identity.V3Password(**entry.user, **entry.project)
        self._base = f"{str(entry.user['auth_url']).rstrip('/').removesuffix('/v3')}/v3"
        try:
            known = self._plugin.get_access(self._session)
        except keystone_errors.ClientException as error:
            raise Misconfigured(f"Keystone refuses the entry {settings.cloud}: {error}") from error
        if known.project_id is None:
            raise Misconfigured(f"the entry {settings.cloud} names no project")
        self.user_id, self.project_id = str(known.user_id), str(known.project_id)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Keystone's answer, None where it has no body.

        Raises:
            Gone: there is no such thing (any more).
            Misconfigured: Keystone refuses, or cannot be asked; its words.
        """
        extra = {} if body is None else {"json": body}
        try:
            answer = self._session.request(self._base + path, method, auth=self._plugin, **extra)
        except keystone_errors.NotFound as error:
            # A proxy's 404 ends nothing: the secret that is forgotten for it would go on to lead in.
            raise (Gone if is_keystones(error) else Misconfigured)(f"Keystone refuses: {error}") from error
        except keystone_errors.Conflict as error:
            raise Misconfigured(f"Keystone refuses: {error}. There was one of this very end: name another.") from error
        except keystone_errors.ClientException as error:
            raise Misconfigured(f"Keystone refuses: {error}") from error
        return answer.json() if answer.content else None


class Gone(Misconfigured):
    """Keystone does not know it."""


def owner_settings(settings: OpenStackSettings, cloud: str, clouds_file: str) -> OpenStackSettings:
    """The same cloud, with the owner's login in place of the service user's."""
    return replace(settings, cloud=cloud, clouds_file=clouds_file)


def keystone_time(at: datetime | None) -> str | None:
    """An instant as Keystone writes it: it keeps whole seconds."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def instant_of(text: str | None) -> datetime | None:
    """Keystone's instant; some of them lack the zone, which is UTC."""
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
