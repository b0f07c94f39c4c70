"""Servers changed while they are there: switches, groups, type, user data; and what they wrote to their consoles."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from backend import errors
from backend.domain import launch_findings, security_group_findings, server_findings
from backend.domain.node import ENDED_STATUSES, ServerStatus
from backend.domain.scope import Scope
from backend.drivers import errors as cloud_errors
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.drivers.server_changing import ServerChanging
from backend.services.catalog import asking
from backend.services.cloud_errors import finding_of


class ServerChanges:
    """Every call may raise CloudNotReached, NotPermitted, CloudRefused, ServerUnknown; the writes OutcomeUnclear too.

    LaunchUnsupported tells what the cloud cannot change.
    """

    def __init__(self, cloud: Cloud, catalog: Catalog) -> None:
        self._cloud = cloud
        self._catalog = catalog

    def set(self, scope: Scope, server: Server, **options: Any) -> None:
        """Turn switches: fields of ServerOptions; the others stay. Raises ServerConflict where it is ended."""
        _check_there(server)
        with self._changing(server) as changing:
            changing.set_options(scope, server.id, options)

    def regroup(self, scope: Scope, server: Server, groups: Sequence[str]) -> None:
        """Put it into these security groups (short ids) and no others.

        Raises:
            SecurityGroupNotFound: there is none, or it is of another network.
            ServerConflict: the server is ended.
        """
        _check_there(server)
        chosen: list[str] = []
        with asking():
            for short in dict.fromkeys(groups):
                group = self._catalog.security_group(scope, short)
                if group is None or not (group.everywhere or server.network_id in {None, group.network_id}):
                    raise security_group_findings.SecurityGroupNotFound(short)
                chosen.append(group.id)
        with self._changing(server) as changing:
            changing.set_groups(scope, server.id, chosen)

    def retype(self, scope: Scope, server: Server, instance_type: str) -> None:
        """Give a stopped server another type.

        Raises:
            ServerConflict: it is not stopped.
            TypeNotFound, TypeNotSupported, QuotaExceeded, NoCapacity
        """
        _check_stopped(server)
        with asking():
            flavor = self._catalog.flavor(scope, instance_type)
            images = {image.id: image for image in self._catalog.images(scope)}
        if flavor is None:
            raise launch_findings.TypeNotFound(instance_type)
        image = images.get(server.image_id or "")
        if image is not None and image.architecture not in flavor.architectures:
            raise launch_findings.TypeNotSupported(instance_type, image.architecture, image.short_id)
        with self._changing(server, instance_type) as changing:
            changing.set_flavor(scope, server.id, instance_type)

    def set_user_data(self, scope: Scope, server: Server, user_data: str | None) -> None:
        """Give a stopped server other user data (base64). Raises ServerConflict."""
        _check_stopped(server)
        with self._changing(server) as changing:
            changing.set_user_data(scope, server.id, user_data)

    def console(self, scope: Scope, server: Server) -> str:
        """The end of what it wrote to its console; nothing once it is ended."""
        if server.status in ENDED_STATUSES:
            return ""
        with self._changing(server) as changing:
            return changing.console(scope, server.id)

    @contextmanager
    def _changing(self, server: Server, instance_type: str = "") -> Iterator[ServerChanging]:
        changing = self._cloud.changing
        if changing is None:
            raise errors.CloudRefused("servers of this cloud cannot be changed")
        try:
            yield changing
        except cloud_errors.ServerStateConflict:
            raise server_findings.ServerConflict(server.short_id, str(server.status)) from None
        except cloud_errors.ServerNotFound:
            raise server_findings.ServerUnknown(server.short_id) from None
        except cloud_errors.CloudError as error:
            raise finding_of(error, type=instance_type or server.flavor, zone=server.zone) from error


def protected(servers: Collection[Server], *, against_stop: bool = False) -> Server | None:
    """The first server that its owner's requests may not end (or stop), None where all may be."""
    for server in servers:
        kept = server.options.kept_running
        if server.status not in ENDED_STATUSES and (kept or (server.options.protected and not against_stop)):
            return server
    return None


def _check_there(server: Server) -> None:
    if server.status in ENDED_STATUSES:
        raise server_findings.ServerConflict(server.short_id, str(server.status))


def _check_stopped(server: Server) -> None:
    if server.status is not ServerStatus.STOPPED:
        raise server_findings.ServerConflict(server.short_id, str(server.status))
