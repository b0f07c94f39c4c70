"""Who asks Barbican for keys: the service user, in its own project."""

from __future__ import annotations

from backend.drivers.castellan_keys import Login
from backend.drivers.openstack.access import Entry
from backend.drivers.openstack.settings import OpenStackSettings


def login_of(settings: OpenStackSettings) -> Login:
    """The login of the entry of clouds.yaml. Raises Misconfigured."""
    entry = Entry.read(settings)
    return Login({**entry.user, **entry.project}, entry.region, entry.interface, entry.verify)
