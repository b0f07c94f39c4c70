from __future__ import annotations

import pytest

from backend.domain.scope import Scope
from backend.drivers.simulated import SimulatedSettings
from backend.drivers.simulated.layout import default_network, default_security_group, default_subnets, zones


@pytest.mark.parametrize(
    ("region", "zone_id"),
    [
        ("us-east-1", "use1-az1"),
        ("us-west-2", "usw2-az1"),
        ("eu-central-1", "euc1-az1"),
        ("ap-southeast-2", "apse2-az1"),
        ("ap-northeast-1", "apne1-az1"),
        ("us-gov-west-1", "usgw1-az1"),
        ("cn-northwest-1", "cnnw1-az1"),
    ],
)
def test_zone_ids_are_aws_s(region, zone_id):
    settings = SimulatedSettings(regions=(region,), zones_per_region=2)
    assert [zone.name for zone in zones(region, settings)] == [f"{region}a", f"{region}b"]
    assert zones(region, settings)[0].zone_id == zone_id
    assert zones("mars-north-1", settings) == ()


def test_the_default_network_is_aws_s_and_each_project_s_own():
    settings = SimulatedSettings()
    scope, other = Scope("a", "us-east-1"), Scope("b", "us-east-1")
    network = default_network(scope, settings)
    assert (network.cidr, network.default) == ("172.31.0.0/16", True)
    subnets = default_subnets(scope, settings)
    assert [subnet.cidr for subnet in subnets] == ["172.31.0.0/20", "172.31.16.0/20", "172.31.32.0/20"]
    assert all(subnet.free_addresses == 4091 and subnet.public_by_default for subnet in subnets)
    ids = {s.id for s in (*subnets, *default_subnets(other, settings))}
    assert len(ids) == 6
    assert default_network(other, settings).id != network.id


def test_the_default_security_group_has_aws_s_rules():
    group = default_security_group(Scope("a", "us-east-1"), SimulatedSettings())
    inwards, outwards = group.rules
    assert (group.name, group.description) == ("default", "default VPC security group")
    assert (inwards.ingress, inwards.protocol, inwards.group_id, inwards.cidr) == (True, "-1", group.id, None)
    assert (outwards.ingress, outwards.protocol, outwards.cidr) == (False, "-1", "0.0.0.0/0")
