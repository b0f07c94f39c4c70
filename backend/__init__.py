"""A cluster-and-policy engine: desired state in SQL, a cloud driven towards it. Knows no wire form of anyone.

``Backend`` is what the translators are handed: the services by noun.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backend.clock import Clock
    from backend.domain.names import Names
    from backend.domain.queues import QueueLimits
    from backend.drivers.cloud import Cloud
    from backend.engine.explaining import Explanations
    from backend.engine.settings import EngineSettings
    from backend.services.account_settings import AccountSettings
    from backend.services.activities import Activities
    from backend.services.addresses import Addresses
    from backend.services.alarms import Alarms
    from backend.services.balancers import LoadBalancers
    from backend.services.catalog import CatalogService
    from backend.services.classic import ClassicBalancers
    from backend.services.clusters import Clusters
    from backend.services.configurations import Configurations
    from backend.services.dashboards import Dashboards
    from backend.services.dhcp_options import DhcpOptionSets
    from backend.services.direct_launches import DirectLaunches
    from backend.services.events import Events
    from backend.services.hooks import Hooks
    from backend.services.identity_providers import IdentityProviders
    from backend.services.images import Images
    from backend.services.instance_profiles import InstanceProfiles
    from backend.services.interfaces import Interfaces
    from backend.services.key_pairs import KeyPairs
    from backend.services.listeners import Listeners
    from backend.services.managed_policies import ManagedPolicies
    from backend.services.metrics import Metrics
    from backend.services.nat_gateways import NatGateways
    from backend.services.network_acls import NetworkAcls
    from backend.services.networks import Networks
    from backend.services.nodes import Nodes
    from backend.services.notifications import Notifications
    from backend.services.parameters import Parameters
    from backend.services.prefix_lists import PrefixLists
    from backend.services.queues import Queues
    from backend.services.receivers import Receivers
    from backend.services.refreshes import Refreshes
    from backend.services.resource_tags import ResourceTags
    from backend.services.roles import Roles
    from backend.services.routing import Routing
    from backend.services.scaling_policies import ScalingPolicies
    from backend.services.schedules import Schedules
    from backend.services.security_groups import SecurityGroups
    from backend.services.server_certificates import ServerCertificates
    from backend.services.server_changes import ServerChanges
    from backend.services.server_groups import ServerGroups
    from backend.services.servers import Servers
    from backend.services.sessions import Sessions
    from backend.services.tags import Tags
    from backend.services.target_groups import TargetGroups
    from backend.services.templates import Templates
    from backend.services.topics import Topics
    from backend.services.traffic import Traffic
    from backend.services.volumes import Volumes
    from backend.services.warm_pools import WarmPools
    from backend.store.outlets import Outlets
    from backend.store.secrets import Seal
    from backend.store.session import Store


@dataclass(frozen=True)
class Backend:
    """The services by noun. Every call takes a Scope first and may raise a Finding (backend.errors)."""

    clusters: Clusters
    nodes: Nodes
    configurations: Configurations
    tags: Tags
    activities: Activities
    servers: Servers
    templates: Templates
    catalog: CatalogService
    resource_tags: ResourceTags
    server_groups: ServerGroups
    traffic: Traffic
    sessions: Sessions
    images: Images
    server_changes: ServerChanges
    roles: Roles
    managed_policies: ManagedPolicies
    instance_profiles: InstanceProfiles
    volumes: Volumes
    security_groups: SecurityGroups
    prefix_lists: PrefixLists
    key_pairs: KeyPairs
    networks: Networks
    routing: Routing
    network_acls: NetworkAcls
    dhcp_options: DhcpOptionSets
    balancers: LoadBalancers
    target_groups: TargetGroups
    listeners: Listeners
    parameters: Parameters
    server_certificates: ServerCertificates
    identity_providers: IdentityProviders
    names: Names
    classic_balancers: ClassicBalancers
    addresses: Addresses
    interfaces: Interfaces
    nat_gateways: NatGateways
    schedules: Schedules
    queues: Queues
    topics: Topics
    hooks: Hooks
    notifications: Notifications
    events: Events
    account_settings: AccountSettings
    scaling_policies: ScalingPolicies
    alarms: Alarms
    metrics: Metrics
    direct_launches: DirectLaunches
    warm_pools: WarmPools
    dashboards: Dashboards
    refreshes: Refreshes
    receivers: Receivers
    explanations: Explanations

    @classmethod
    def build(  # noqa: PLR0915 - a line or two for each noun
        cls,
        store: Store,
        cloud: Cloud,
        clock: Clock,
        *,
        engine: EngineSettings | None = None,
        sessions: Sessions | None = None,
        seal: Seal | None = None,
        public_images: Mapping[str, str] | None = None,
        names: Names | None = None,
        record_acls: bool = False,
        queue_limits: QueueLimits | None = None,
        outlets: Outlets | None = None,
    ) -> Backend:
        """The services over a store and a cloud, with one catalog between them.

        Args:
            engine: how engines go about it; None: as usual.
            sessions: temporary keys; None: there are none.
            seal: closes secrets of callers (secure parameters, private keys); None: they are refused.
            names: domains of servers' and balancers' DNS names; None takes AWS's.
            public_images: names of public parameters -> names of their images, over the usual ones.
            outlets: what takes messages; None: nothing does, and no target is accepted.
            record_acls: network ACLs that would keep something out are kept, though nothing enforces them.
            queue_limits: what a project may have in queues; None: as much as usual.
        """
        # Imported here so that naming backend.errors or backend.domain does not load the whole store.
        from backend.domain.names import Names
        from backend.domain.queues import QueueLimits
        from backend.drivers.catalog import Catalog
        from backend.drivers.housing import housed
        from backend.engine.explaining import Explanations
        from backend.engine.settings import EngineSettings
        from backend.services.account_settings import AccountSettings
        from backend.services.activities import Activities
        from backend.services.addresses import Addresses
        from backend.services.alarms import Alarms
        from backend.services.attachments import Attachments
        from backend.services.balancers import BalancersIn, LoadBalancers
        from backend.services.catalog import CatalogService
        from backend.services.classic import ClassicBalancers
        from backend.services.clusters import Clusters
        from backend.services.configurations import Configurations
        from backend.services.dashboards import Dashboards
        from backend.services.dhcp_options import DhcpOptionSets
        from backend.services.direct_launches import DirectLaunches
        from backend.services.events import Events
        from backend.services.hooks import Hooks
        from backend.services.identity_providers import IdentityProviders
        from backend.services.images import Images
        from backend.services.instance_profiles import InstanceProfiles
        from backend.services.interfaces import Interfaces, InterfacesIn
        from backend.services.key_pairs import KeyPairs, kept_by
        from backend.services.listeners import Listeners
        from backend.services.managed_policies import ManagedPolicies
        from backend.services.mapped_addresses import MappedAddresses
        from backend.services.metrics import Metrics
        from backend.services.nat_gateways import NatGateways
        from backend.services.network_acls import NetworkAcls
        from backend.services.networks import AllIn, Networks, PortsIn, public_in
        from backend.services.nodes import Nodes
        from backend.services.notifications import Notifications
        from backend.services.parameters import Parameters
        from backend.services.prefix_lists import PrefixLists
        from backend.services.queues import Queues
        from backend.services.receivers import Receivers
        from backend.services.refreshes import Refreshes
        from backend.services.resource_tags import ResourceTags
        from backend.services.roles import Roles
        from backend.services.routing import Routing
        from backend.services.scaling_policies import ScalingPolicies
        from backend.services.schedules import Schedules
        from backend.services.security_groups import SecurityGroups
        from backend.services.server_certificates import ServerCertificates
        from backend.services.server_changes import ServerChanges
        from backend.services.server_groups import ServerGroups
        from backend.services.servers import Servers
        from backend.services.sessions import Sessions
        from backend.services.tags import Tags
        from backend.services.target_groups import TargetGroups
        from backend.services.telling import Publisher
        from backend.services.templates import Templates
        from backend.services.topics import Topics
        from backend.services.traffic import Traffic
        from backend.services.volumes import Volumes
        from backend.services.warm_pools import WarmPools
        from backend.store.homes import StoredHomes
        from backend.store.outlets import Outlets
        from backend.store.rooms import Rooms
        from backend.store.secrets import Seal

        settings = engine or EngineSettings()
        cloud = housed(cloud, StoredHomes(store))
        catalog = Catalog(
            cloud, clock, kept_keys=kept_by(store), public_subnets=public_in(store), aliases=public_images
        )
        security_groups = SecurityGroups(store, cloud, catalog, clock)
        occupants = AllIn(BalancersIn(store), InterfacesIn(store), PortsIn(cloud))
        networks = Networks(store, cloud, catalog, clock, security_groups, occupants)
        attachments = Attachments(store, cloud, clock)
        interfaces = Interfaces(store, cloud, catalog, clock, security_groups, attachments)
        sealing = seal or Seal(())
        taking = outlets or Outlets()
        trial = Publisher(store, clock, taking)
        rooms = Rooms(clock, queue_limits or QueueLimits())
        hooks = Hooks(store, clock, trial, everywhere=taking.everywhere)
        every = LoadBalancers(store, cloud, catalog, clock, names)
        return cls(
            clusters=Clusters(store, cloud, catalog, clock, hooks, everywhere=taking.everywhere),
            hooks=hooks,
            warm_pools=WarmPools(store, clock),
            nodes=Nodes(store, cloud, catalog, clock),
            configurations=Configurations(store, cloud, catalog, clock),
            tags=Tags(store, clock),
            activities=Activities(store),
            servers=Servers(store, cloud, catalog, clock, attachments),
            templates=Templates(store, clock),
            catalog=CatalogService(catalog),
            resource_tags=ResourceTags(store),
            server_groups=ServerGroups(cloud, catalog),
            traffic=Traffic(store, cloud, catalog, clock, settings.deregistration),
            sessions=sessions or Sessions(store, clock),
            images=Images(cloud, catalog),
            server_changes=ServerChanges(cloud, catalog),
            roles=Roles(store, clock),
            managed_policies=ManagedPolicies(store, clock),
            identity_providers=IdentityProviders(store, clock),
            server_certificates=ServerCertificates(store, clock, sealing),
            parameters=Parameters(store, catalog, clock, sealing),
            instance_profiles=InstanceProfiles(store, cloud, clock),
            volumes=Volumes(store, cloud, clock),
            security_groups=security_groups,
            prefix_lists=PrefixLists(store, cloud, catalog, clock),
            key_pairs=KeyPairs(store, cloud, catalog, clock),
            networks=networks,
            routing=Routing(store, clock, networks.seen, MappedAddresses(store, cloud)),
            network_acls=NetworkAcls(store, clock, networks.seen, recorded=record_acls),
            dhcp_options=DhcpOptionSets(store, clock),
            names=names or Names(),
            balancers=every,
            target_groups=TargetGroups(store, cloud, catalog, clock),
            listeners=Listeners(store, cloud, clock),
            classic_balancers=ClassicBalancers(store, cloud, clock, every),
            addresses=Addresses(store, cloud, clock),
            interfaces=interfaces,
            nat_gateways=NatGateways(store, clock, interfaces),
            schedules=Schedules(store, clock),
            queues=Queues(store, clock, queue_limits, rooms),
            notifications=Notifications(store, trial),
            events=Events(store, clock, taking),
            account_settings=AccountSettings(store),
            direct_launches=DirectLaunches(store, catalog, clock),
            scaling_policies=ScalingPolicies(store, clock, taking),
            alarms=Alarms(store, clock, taking),
            refreshes=Refreshes(store, catalog, clock, everywhere=taking.everywhere),
            receivers=Receivers(store, clock, Nodes(store, cloud, catalog, clock)),
            metrics=Metrics(store, clock),
            dashboards=Dashboards(store, clock),
            topics=Topics(store, clock, queue_limits, rooms, taking.most_waiting),
            explanations=Explanations(store, clock, settings),
        )
