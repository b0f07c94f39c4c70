"""An archive in a container of Swift, in the service user's own project: an object a sheaf.

Source: OpenStack Object Storage API v1, "Create or replace object".
"""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import quote

import requests
from keystoneauth1 import exceptions as keystone_errors

from backend.clock import Clock
from backend.drivers.archives import NotArchived, Sheaf
from backend.drivers.errors import CloudError
from backend.drivers.exchanges import Exchanges, unrecorded
from backend.drivers.openstack.access import Access, Entry
from backend.drivers.openstack.exchange import Asked, Asking
from backend.drivers.openstack.settings import OpenStackSettings

OBJECTS: Final = "object-store"
_LONGEST_WORDS: Final = 200


class SwiftArchive:
    """Keeps sheaves as objects of one container, which is made when there is none.

    Args:
        container: its name.
    """

    def __init__(self, access: Access, container: str) -> None:
        self._access = access
        self._container = quote(container, safe="")

    def keep(self, sheaf: Sheaf) -> None:
        path = f"{self._container}/{quote(sheaf.name)}"
        # Swift refuses what did not come whole.
        headers = {
            "Content-Type": "application/x-ndjson",
            "ETag": hashlib.md5(sheaf.content, usedforsecurity=False).hexdigest(),
        }
        try:
            answer = self._put(path, sheaf.content, headers)
            if answer.status_code == requests.codes.not_found:
                self._accepted(self._put(self._container, b"", {}))
                answer = self._put(path, sheaf.content, headers)
            self._accepted(answer)
        except (keystone_errors.ClientException, CloudError, requests.RequestException) as error:
            raise NotArchived(f"Swift could not be asked: {error}") from error

    def _put(self, path: str, content: bytes, headers: dict[str, str]) -> requests.Response:
        access = self._access
        plugin = access.own("project")
        url = access.endpoint(plugin, OBJECTS, access.entry.region)
        if url is None:
            raise NotArchived(f"the cloud's catalog has no {OBJECTS} in {access.entry.region}")
        with Asking(Asked(OBJECTS, path)):
            answer: requests.Response = access.session.put(
                f"{url.rstrip('/')}/{path}",
                auth=plugin,
                data=content,
                headers=headers,
                raise_exc=False,
                hooks={"response": [access.recorder(OBJECTS)]},
            )
        return answer

    def _accepted(self, answer: requests.Response) -> None:
        if not answer.ok:
            words = " ".join(answer.text.split())[:_LONGEST_WORDS]
            raise NotArchived(f"Swift answered {answer.status_code}: {words}")


def open_archive(
    settings: OpenStackSettings,
    container: str,
    clock: Clock,
    transport: requests.adapters.BaseAdapter | None = None,
    *,
    record: Exchanges = unrecorded,
) -> SwiftArchive:
    """The archive in that container. Nothing is asked yet. Raises Misconfigured."""
    return SwiftArchive(Access(settings, Entry.read(settings), clock, None, transport, record=record), container)
