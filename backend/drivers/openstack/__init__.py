"""An OpenStack cloud: Nova, Neutron and Glance behind the ports, Keystone for who acts and who asks."""

from backend.drivers.openstack.access import Delegation, Delegations, Misconfigured
from backend.drivers.openstack.cloud import cloud_regions, open_cloud, open_keys
from backend.drivers.openstack.settings import OpenStackSettings

__all__ = [
    "Delegation",
    "Delegations",
    "Misconfigured",
    "OpenStackSettings",
    "cloud_regions",
    "open_cloud",
    "open_keys",
]
