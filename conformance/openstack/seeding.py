"""Fills the cloud with ``seeds``; what is there stays as it is."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from openstack.connection import Connection

from conformance.openstack import seeds
from conformance.openstack.cloud import connect
from conformance.openstack.configuration import SERVICE_USERS
from conformance.openstack.settings import PASSWORD, REGION, REGIONAL, REGIONS, Region, Settings

_DOMAIN = "default"
_ZONE_SECONDS = 60


class NotSeeded(Exception):
    """The services run, and yet the cloud is not what it should be."""


def write_clouds(settings: Settings) -> None:
    """clouds.yaml for openstacksdk and the openstack client (JSON is YAML)."""
    clouds = {user.name: _cloud(settings, user.name, {"project_name": user.project}) for user in seeds.USERS}
    service = seeds.SERVICE_USER
    clouds[service] = _cloud(settings, service, {"project_name": "service"})
    clouds[f"{service}-system"] = _cloud(settings, service, {"system_scope": "all"})
    settings.clouds.write_text(json.dumps({"clouds": clouds}, indent=2) + "\n")


def _cloud(settings: Settings, user: str, scope: Mapping[str, str]) -> dict[str, Any]:
    auth = {"auth_url": settings.url("keystone", "/v3"), "username": user, "password": PASSWORD, **scope}
    auth["user_domain_name"] = "Default"
    if "project_name" in scope:
        auth["project_domain_name"] = "Default"
    regions = [region.name for region in settings.several]
    where = {"region_name": REGION} if len(regions) == 1 else {"regions": regions}
    return {"auth": auth, **where, "identity_api_version": "3"}


def identity(settings: Settings) -> None:
    """Projects, users, roles, the catalog and EC2 credentials: all that Keystone holds."""
    with connect("admin", settings.state) as admin:
        _accounts(admin)
        _catalog(admin, settings)
        for user in seeds.USERS:
            if user.keys:
                _ec2_credential(settings, admin, user)


def _accounts(admin: Connection) -> None:
    keystone = admin.identity
    roles = {role.name: role for role in keystone.roles()}
    if "service" not in roles:
        roles["service"] = keystone.create_role(name="service")
    projects = {project.name: project for project in keystone.projects(domain_id=_DOMAIN)}
    for name in ("service", *seeds.PROJECTS):
        if name not in projects:
            projects[name] = keystone.create_project(name=name, domain_id=_DOMAIN)
    users = {user.name: user for user in keystone.users(domain_id=_DOMAIN)}
    for name in (*SERVICE_USERS, seeds.SERVICE_USER, *(user.name for user in seeds.USERS)):
        if name not in users:
            users[name] = keystone.create_user(name=name, password=PASSWORD, domain_id=_DOMAIN)
    for name in SERVICE_USERS:
        for role in ("service", "admin"):
            keystone.assign_project_role_to_user(projects["service"], users[name], roles[role])
    for user in seeds.USERS:
        keystone.assign_project_role_to_user(projects[user.project], users[user.name], roles[user.role])
    # Coppice's own user: it has EC2 signatures checked (service), reads their secrets (reader of the system), and acts
    # in every project of the domain (member, inherited).
    coppice = users[seeds.SERVICE_USER]
    keystone.assign_project_role_to_user(projects["service"], coppice, roles["service"])
    keystone.assign_system_role_to_user(coppice, roles["reader"], "all")
    keystone.assign_domain_role_to_user(_DOMAIN, coppice, roles["member"], inherited=True)


def _catalog(admin: Connection, settings: Settings) -> None:
    regions = {region.id for region in admin.identity.regions()}
    for region in settings.several:
        if region.name not in regions:
            admin.identity.create_region(id=region.name)
        for kind, (name, port, path) in _entries(region).items():
            endpoints(admin, kind, name, settings.url(port, path), region.name)


def _entries(region: Region) -> dict[str, tuple[str, str, str]]:
    """The catalog of a region; Keystone's own entry in the first one is made at its bootstrap."""
    if region == REGIONS[0]:
        return seeds.CATALOG
    found = {kind: seeds.CATALOG[kind] for kind in seeds.EVERYWHERE}
    entries = {
        kind: (name, region.called(port) if port in REGIONAL else port, path)
        for kind, (name, port, path) in found.items()
    }
    return {"identity": ("keystone", "keystone", "/v3"), **entries}


def endpoints(admin: Connection, kind: str, name: str, url: str, region: str = REGION) -> None:
    """A service of the catalog, with its endpoints in a region."""
    keystone = admin.identity
    service = next(iter(keystone.services(type=kind)), None) or keystone.create_service(type=kind, name=name)
    told = {one.interface for one in keystone.endpoints(service_id=service.id) if one.region_id == region}
    for interface in ("public", "internal", "admin"):
        if interface not in told:
            keystone.create_endpoint(service_id=service.id, interface=interface, url=url, region_id=region)


def forget_endpoints(admin: Connection, kind: str) -> None:
    """Take a service out of the catalog: nobody is to ask what does not run."""
    for service in admin.identity.services(type=kind):
        for endpoint in admin.identity.endpoints(service_id=service.id):
            admin.identity.delete_endpoint(endpoint)


def service_user(admin: Connection, name: str) -> None:
    """The user of a service that came later than ``identity``."""
    keystone = admin.identity
    user = keystone.find_user(name, domain_id=_DOMAIN) or keystone.create_user(
        name=name, password=PASSWORD, domain_id=_DOMAIN
    )
    project = keystone.find_project("service", domain_id=_DOMAIN)
    for role in ("service", "admin"):
        keystone.assign_project_role_to_user(project, user, keystone.find_role(role))


def _ec2_credential(settings: Settings, admin: Connection, user: seeds.User) -> None:
    """A credential of the user, and the file that tells it. The admin makes it: a reader may not make its own."""
    holder = admin.identity.find_user(user.name, domain_id=_DOMAIN).id
    project = admin.identity.find_project(user.project, domain_id=_DOMAIN).id
    path = f"/users/{holder}/credentials/OS-EC2"
    known = _json(admin.identity.get(path))["credentials"]
    file = settings.ec2_file(user.name)
    if file.exists() and any(one["access"] in file.read_text() for one in known):
        return
    credential = _json(admin.identity.post(path, json={"tenant_id": project}))["credential"]
    file.touch(mode=0o600)
    file.write_text(
        f"# The AWS keys of the user {user.name} in the project {user.project}.\n"
        f"export AWS_ACCESS_KEY_ID={credential['access']}\n"
        f"export AWS_SECRET_ACCESS_KEY={credential['secret']}\n"
        f"export OS_PROJECT_ID={project}\n"
    )


def _json(answer: Any) -> dict[str, Any]:
    if not answer.ok:
        raise NotSeeded(f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:300]}")
    return answer.json()


def cloud(settings: Settings) -> None:
    """Zones, flavors, images, networks and keys: all that the other services hold."""
    for region in settings.several:
        _region(settings, region)


def _region(settings: Settings, region: Region) -> None:
    with connect("admin", settings.state, region.name) as admin:
        zones(admin, region.zones)
        flavors(admin, seeds.FLAVORS)
        if region == REGIONS[0]:
            _images(admin)
        external = _external_network(admin)
    for project in dict.fromkeys(network.project for network in seeds.NETWORKS):
        with connect(project, settings.state, region.name) as connection:
            _networks(connection, project, external)
            _security_groups(connection, project)
            if project in seeds.KEY_OWNERS and not connection.compute.find_keypair(seeds.KEY_NAME):
                connection.compute.create_keypair(name=seeds.KEY_NAME, public_key=seeds.KEY)


def zones(admin: Connection, names: Sequence[str]) -> None:
    """An aggregate for each zone, with its one host; servers may name a zone once Nova tells it."""
    aggregates = {aggregate.name: aggregate for aggregate in admin.compute.aggregates()}
    for zone in names:
        aggregate = aggregates.get(zone) or admin.compute.create_aggregate(name=zone, availability_zone=zone)
        if f"cpu-{zone}" not in (aggregate.hosts or []):
            admin.compute.add_host_to_aggregate(aggregate, f"cpu-{zone}")
    deadline = time.monotonic() + _ZONE_SECONDS
    while not set(names) <= {zone.name for zone in admin.compute.availability_zones() if zone.state["available"]}:
        if time.monotonic() > deadline:
            raise NotSeeded(f"Nova does not tell the zones {', '.join(names)} as available")
        time.sleep(0.5)


def flavors(admin: Connection, several: Sequence[seeds.Flavor]) -> None:
    known = {flavor.name for flavor in admin.compute.flavors()}
    for flavor in several:
        if flavor.name not in known:
            admin.compute.create_flavor(name=flavor.name, vcpus=flavor.vcpus, ram=flavor.ram, disk=flavor.disk)


def _images(admin: Connection) -> None:
    known = {image.name: image for image in admin.image.images()}
    for image in seeds.IMAGES:
        made = known.get(image.name)
        if made is None or made.status == "queued":
            made = _image(admin, image)
        # What the creation answered is of before the upload.
        if not image.active and admin.image.get_image(made.id).status == "active":
            admin.image.deactivate_image(made)


def _image(admin: Connection, image: seeds.Image) -> Any:
    properties: dict[str, Any] = {
        "os_type": image.system,
        "os_distro": image.distribution,
        "os_version": image.version,
        "architecture": image.architecture,
        **image.properties,
    }
    if image.project:
        properties["owner"] = admin.identity.find_project(image.project, domain_id=_DOMAIN).id
    return admin.image.create_image(
        image.name,
        data=io.BytesIO(bytes(65536)),
        disk_format="raw",
        container_format="bare",
        visibility="private" if image.project else "public",
        allow_duplicates=True,
        min_disk=image.min_disk,
        **properties,
    )


def _external_network(admin: Connection) -> str:
    name, cidr = seeds.EXTERNAL
    known = admin.network.find_network(name)
    if known:
        return known.id
    made = admin.network.create_network(
        name=name, is_router_external=True, provider_network_type="flat", provider_physical_network=name
    )
    admin.network.create_subnet(network_id=made.id, name=name, ip_version=4, cidr=cidr, is_dhcp_enabled=False)
    return made.id


def _networks(connection: Connection, project: str, external: str) -> None:
    neutron = connection.network
    mine = {"project_id": connection.current_project_id}
    networks = {network.name: network for network in neutron.networks(**mine)}
    subnets = {subnet.name: subnet for subnet in neutron.subnets(**mine)}
    for network in seeds.NETWORKS:
        if network.project != project:
            continue
        made = networks.get(network.name) or neutron.create_network(name=network.name)
        _tag(connection, made, "default" if network.default else None)
        for subnet in network.subnets:
            if subnet.name not in subnets:
                subnets[subnet.name] = neutron.create_subnet(
                    network_id=made.id, name=subnet.name, ip_version=4, cidr=subnet.cidr
                )
            _tag(connection, subnets[subnet.name], f"zone={subnet.zone}" if subnet.zone else None)
        if network.routed:
            _route(connection, external, [subnets[subnet.name].id for subnet in network.subnets])


def _tag(connection: Connection, resource: Any, tag: str | None) -> None:
    if tag and tag not in resource.tags:
        connection.network.set_tags(resource, [tag])


def _route(connection: Connection, external: str, subnets: Sequence[str]) -> None:
    """A router between the external network and the subnets."""
    neutron = connection.network
    router = neutron.find_router("router") or neutron.create_router(
        name="router", external_gateway_info={"network_id": external}
    )
    joined = {ip["subnet_id"] for port in neutron.ports(device_id=router.id) for ip in port.fixed_ips}
    for subnet in subnets:
        if subnet not in joined:
            neutron.add_interface_to_router(router, subnet=subnet)


def _security_groups(connection: Connection, project: str) -> None:
    neutron = connection.network
    # Neutron makes a project's `default` when it is first asked for its groups.
    known = {group.name for group in neutron.security_groups(project_id=connection.current_project_id)}
    for group in seeds.SECURITY_GROUPS:
        if group.project != project or group.name in known:
            continue
        made = neutron.create_security_group(name=group.name, description="HTTP and HTTPS from everywhere")
        for port in group.ports:
            neutron.create_security_group_rule(
                security_group_id=made.id,
                direction="ingress",
                ether_type="IPv4",
                protocol="tcp",
                port_range_min=port,
                port_range_max=port,
                remote_ip_prefix="0.0.0.0/0",
            )


def report(settings: Settings) -> str:
    """How to use the cloud, in words."""
    regions = " and ".join(region.name for region in settings.several)
    lines = [
        "",
        f"Keystone: {settings.url('keystone', '/v3')}, region {regions}, every password is `{PASSWORD}`.",
        f"As {', '.join(user.name for user in seeds.USERS)} or {seeds.SERVICE_USER} (Coppice's own user):",
        f"  export OS_CLIENT_CONFIG_FILE={settings.clouds} OS_CLOUD=demo",
        f"  {settings.program('openstack')} server list",
        "AWS keys:",
    ]
    for user in seeds.USERS:
        if user.keys:
            lines.append(f"  {user.name} ({user.role} of {user.project}), in {settings.ec2_file(user.name)}")
            told = settings.ec2_file(user.name).read_text().splitlines()
            lines += [f"    {line.removeprefix('export ')}" for line in told if "AWS_" in line]
    return "\n".join(lines)
