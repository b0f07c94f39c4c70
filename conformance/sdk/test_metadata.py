"""The metadata service beside the server: SDKs and scripts read what they read on EC2."""

from __future__ import annotations

import json

import pytest
from botocore.utils import InstanceMetadataRegionFetcher

from conformance.fleet import Fleet
from conformance.metadata import companion
from conformance.product import Product


@pytest.mark.embedded("there guests are told through Neutron's agents: openstack_lane")
def test_a_member_of_a_group_reads_who_it_is(product: Product, fleet: Fleet) -> None:
    name = fleet.create(1)
    (member,) = fleet.ids(name)
    with companion(product) as service:
        base = f"/{member}/latest"
        status, token = service.ask(f"{base}/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        assert status == 200
        by_token = {"X-aws-ec2-metadata-token": token}
        assert service.ask(f"{base}/meta-data/instance-id", headers=by_token) == (200, member)
        target = f"{base}/meta-data/autoscaling/target-lifecycle-state"
        assert service.ask(target, headers=by_token) == (200, "InService")
        document = json.loads(service.ask(f"{base}/dynamic/instance-identity/document", headers=by_token)[1])
        assert document["instanceId"] == member
        config = {"ec2_metadata_service_endpoint": f"http://127.0.0.1:{service.port}/{member}/"}
        assert InstanceMetadataRegionFetcher(config=config).retrieve_region() == product.access.region
