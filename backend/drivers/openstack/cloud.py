"""The OpenStack cloud as a whole: its ports over one set of sessions."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

import requests

from backend.clock import Clock
from backend.drivers import endings
from backend.drivers.certificates import Certificates, NoCertificates
from backend.drivers.cloud import Cloud
from backend.drivers.delegations import Delegations, NoDelegations
from backend.drivers.endings import Ended
from backend.drivers.exchanges import Exchanges, unrecorded
from backend.drivers.installation import Installation, nobody
from backend.drivers.openstack.access import Access, Entry
from backend.drivers.openstack.address_groups import AddressGroups
from backend.drivers.openstack.addresses import Addresses
from backend.drivers.openstack.balancer_statistics import BalancerStatistics
from backend.drivers.openstack.balancers import OpenStackBalancers
from backend.drivers.openstack.balancing import OpenStackBalancing
from backend.drivers.openstack.certificate_secrets import CertificateSecrets
from backend.drivers.openstack.compute import OpenStackCompute
from backend.drivers.openstack.credentials import KeystoneKeys
from backend.drivers.openstack.diagnostics import Diagnostics
from backend.drivers.openstack.ec2_way import Ec2Way
from backend.drivers.openstack.gnocchi import Gnocchi
from backend.drivers.openstack.images import OpenStackImages
from backend.drivers.openstack.network import OpenStackNetworking
from backend.drivers.openstack.network_making import OpenStackNetworkMaking
from backend.drivers.openstack.patience import Patience, Within
from backend.drivers.openstack.rest import Rest
from backend.drivers.openstack.security_groups import SecurityGroups
from backend.drivers.openstack.server_changes import OpenStackServerChanging
from backend.drivers.openstack.settings import OpenStackSettings
from backend.drivers.openstack.transport import BriefAdapter
from backend.drivers.openstack.trusts import Trusts
from backend.drivers.openstack.volumes import OpenStackVolumes
from backend.drivers.openstack.ways import ApplicationCredentialWay, Way
from backend.drivers.openstack.zaqar import ZaqarSink
from backend.drivers.openstack.zones import Zones
from backend.drivers.spot import Spot
from backend.tracing import UNTRACED, Traces

_MEASURED: Final = 8.0
"""Seconds for an answer to what is measured: it is asked for each minute."""
_COUNTED: Final = 4.0
"""The same of one question among many: each that is not answered costs the others so much of their minute."""
_MOST_MEASURED: Final = 4 * 1024 * 1024
"""Bytes of one."""


def open_cloud(
    settings: OpenStackSettings,
    clock: Clock,
    transport: requests.adapters.BaseAdapter | None = None,
    *,
    record: Exchanges = unrecorded,
    delegations: Delegations | None = None,
    certificates: Certificates | None = None,
    patience: Patience | None = None,
    installation: Installation = nobody,
    ended: Ended = endings.nobody,
    traces: Traces = UNTRACED,
) -> Cloud:
    """The cloud's ports. Nothing is asked of it yet.

    Args:
        transport: carries the requests; by default over the network with the settings' times. With one of a test's own
            nothing runs beside the calls.
        record: is told every request.
        delegations: what owners handed over; nothing by default.
        certificates: what listeners speak TLS with; none by default.
        patience: how long is waited for answers; by default as long as the settings say for connections.
        installation: what is made carries it, see Cloud.
        ended: whose rights Keystone told to have ended; nobody's by default.
        traces: keep a span of each request.

    Raises:
        Misconfigured: clouds.yaml has no usable entry.
    """
    entry = Entry.read(settings)
    own = Access(settings, entry, clock, None, transport, record=record, traces=traces)
    ways = _ways(settings, own, clock, delegations or NoDelegations(), patience)
    access = Access(settings, entry, clock, ways, transport, record=record, ended=ended, traces=traces)
    rest = Rest(access, clock, patience=patience)
    shortly = transport or BriefAdapter(clock, _MEASURED, _MOST_MEASURED, settings.connections)
    measured = Access(settings, entry, clock, ways, shortly, record=record, traces=traces)
    brief, briefest = (Rest(measured, clock, patience=Within(seconds)) for seconds in (_MEASURED, _COUNTED))
    zones = Zones(rest, clock, settings)
    images = OpenStackImages(rest, clock, settings)
    networking = OpenStackNetworking(rest, clock, settings, zones)
    background = ThreadPoolExecutor(1, thread_name_prefix="ports") if transport is None else None
    compute = OpenStackCompute(
        rest,
        clock,
        settings,
        zones=zones,
        images=images,
        networking=networking,
        background=background,
        installation=installation,
    )
    balancing = OpenStackBalancing(rest, clock, settings, networking, installation)
    secrets = CertificateSecrets(rest, brief, certificates or NoCertificates(), installation)
    addresses = Addresses(rest, clock, settings, networking, installation)
    return Cloud(
        addresses=addresses,
        interfaces=addresses,
        compute=compute,
        images=images,
        network=networking,
        network_making=OpenStackNetworkMaking(rest, settings, installation),
        balancing=balancing,
        installation=installation,
        changing=OpenStackServerChanging(rest),
        groups=SecurityGroups(rest, installation),
        lists=AddressGroups(rest, clock, installation, heeded=settings.address_groups),
        keys=compute,
        volumes=OpenStackVolumes(rest, clock, settings, zones),
        imaging=images,
        balancer_making=OpenStackBalancers(rest, settings, networking, secrets, installation),
        spot=Spot(settings.spot),
        queues=ZaqarSink(rest),
        sources=(Gnocchi(brief), Diagnostics(briefest, clock), BalancerStatistics(briefest, clock)),
    )


def _ways(
    settings: OpenStackSettings, own: Access, clock: Clock, delegations: Delegations, patience: Patience | None
) -> Mapping[str, Way]:
    """The ways into projects that the service user needs others for.

    Args:
        own: asks as the service user itself.
    """
    age = timedelta(seconds=settings.key_seconds)
    service = Rest(own, clock, "project", patience)
    return {
        "trust": Trusts(service, own, clock, age),
        "application_credential": ApplicationCredentialWay(own.entry.user, delegations, clock, age),
        "ec2": Ec2Way(Rest(own, clock, settings.identity_scope, patience), service, clock, settings.ec2_role),
    }


def service_user_id(
    settings: OpenStackSettings, clock: Clock, transport: requests.adapters.BaseAdapter | None = None
) -> str:
    """Keystone's id of the service user. Raises Misconfigured, CloudUnavailable."""
    return Access(settings, Entry.read(settings), clock, None, transport).own_user_id()


def open_keys(
    settings: OpenStackSettings,
    clock: Clock,
    transport: requests.adapters.BaseAdapter | None = None,
    *,
    record: Exchanges = unrecorded,
    patience: Patience | None = None,
    ended: Ended = endings.nobody,
    traces: Traces = UNTRACED,
) -> KeystoneKeys:
    """Keystone's EC2 credentials, as the service user reads them or has them checked. Raises Misconfigured."""
    access = Access(settings, Entry.read(settings), clock, None, transport, record=record, traces=traces)
    reader = Rest(access, clock, settings.identity_scope, patience)
    return KeystoneKeys(reader, Rest(access, clock, "project", patience), clock, settings, ended)


def cloud_regions(settings: OpenStackSettings, default: str) -> dict[str, str]:
    """The cloud's region of every region name that a client may sign for: AWS's names, and the cloud's own.

    Args:
        default: the AWS name of the cloud's only region, where the settings name none.

    Raises:
        Misconfigured: the settings name none, and clouds.yaml has no usable entry.
    """
    named = dict(settings.regions) or {default: Entry.read(settings).region}
    return {**{region: region for region in named.values()}, **named}
