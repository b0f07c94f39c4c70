"""What the contracts of every cloud driver stand on: a cloud, two projects, and servers that go with the test.

A driver's test module subclasses the contracts and gives the fixtures that raise NotImplementedError here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from backend.domain.node import ServerStatus
from backend.domain.scope import Scope
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server, ServerRequest
from backend.drivers.errors import (
    ServerNotFound,
)

Until = Callable[[Callable[[], bool]], None]
NOWHERE = "00000000-0000-4000-8000-000000000000"
LAUNCH = "77777777-7777-4777-8777-777777777777"
OTHER_LAUNCH = "88888888-8888-4888-8888-888888888888"


class InProjects:
    @pytest.fixture
    def scope(self) -> Scope:
        """A project in which things may be made; what is in it is not touched."""
        raise NotImplementedError

    @pytest.fixture
    def other_scope(self) -> Scope:
        """Another project of the same region."""
        raise NotImplementedError


class OnACloud(InProjects):
    @pytest.fixture
    def cloud(self) -> Cloud:
        raise NotImplementedError

    @pytest.fixture
    def until(self) -> Until:
        """Lets time pass until the condition holds; fails when it does not come to hold."""
        raise NotImplementedError

    @pytest.fixture
    def request_(self, cloud: Cloud, scope: Scope) -> ServerRequest:
        """The smallest server the cloud can make."""
        images = [image for image in cloud.images.list(scope) if image.active and image.architecture == "x86_64"]
        image = min(images, key=lambda image: image.size_gib)
        flavors = [flavor for flavor in cloud.compute.flavors(scope) if "x86_64" in flavor.architectures]
        flavor = min(flavors, key=lambda flavor: (flavor.memory_mib, flavor.vcpus))
        zone = next(zone.name for zone in cloud.compute.zones(scope) if zone.available and zone.name in flavor.zones)
        return ServerRequest(
            name="contract", image_id=image.id, flavor=flavor.name, zone=zone, subnet_id=None, launch_id=LAUNCH
        )

    @pytest.fixture
    def make(
        self, cloud: Cloud, scope: Scope, request_: ServerRequest, until: Until
    ) -> Iterator[Callable[..., Sequence[Server]]]:
        made: list[str] = []

        def make(count: int = 1, *, active: bool = True, **changes: object) -> Sequence[Server]:
            servers = cloud.compute.create(scope, replace(request_, **changes), count)
            made.extend(server.id for server in servers)
            if not active:
                return servers
            until(lambda: all(cloud.compute.get(scope, s.id).status is ServerStatus.ACTIVE for s in servers))
            return [cloud.compute.get(scope, server.id) for server in servers]

        yield make
        for server_id in made:
            try:
                cloud.compute.delete(scope, server_id)
            except ServerNotFound:
                continue

    @staticmethod
    def gone(cloud: Cloud, scope: Scope, server_id: str) -> bool:
        try:
            cloud.compute.get(scope, server_id)
        except ServerNotFound:
            return True
        return False
