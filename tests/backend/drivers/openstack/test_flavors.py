from __future__ import annotations

from dataclasses import replace

import pytest

from backend.drivers.errors import CloudUnavailable, FlavorNotFound
from backend.drivers.openstack.flavors import Flavors, offers
from backend.drivers.openstack.settings import OpenStackSettings
from backend.drivers.openstack.zones import Zones
from tests.backend.drivers.openstack.fake import Reply, refused
from tests.backend.drivers.openstack.samples import ZONES, flavor

SETTINGS = OpenStackSettings()
SMALL, MEDIUM, LARGE = flavor("m1.tiny", 1, 512), flavor("m1.medium", 2, 4096), flavor("m1.large", 4, 8192)


def answered(documents, settings=SETTINGS):
    return {offer.flavor.name: offer for offer in offers(documents, ("az1",), settings)}


def test_a_flavor_answers_to_its_own_name():
    found = answered([SMALL])["m1.tiny"]
    assert (found.flavor_id, found.flavor.vcpus, found.flavor.memory_mib) == ("f-m1.tiny", 1, 512)
    assert found.flavor.zones == ("az1",)
    assert found.flavor.architectures == ("x86_64", "i386")


def test_a_flavor_with_an_aws_type_s_name_is_that_type_with_its_own_figures():
    found = answered([flavor("t3.micro", 1, 900)])["t3.micro"]
    assert (found.flavor.vcpus, found.flavor.memory_mib, found.flavor.burstable) == (1, 900, True)


@pytest.mark.parametrize(
    ("aws", "given"),
    [("t3.micro", "f-m1.medium"), ("t3.large", "f-m1.large"), ("c5.large", "f-m1.medium"), ("t2.nano", "f-m1.tiny")],
)
def test_another_type_gets_the_smallest_flavor_that_is_enough(aws, given):
    found = answered([LARGE, SMALL, MEDIUM])[aws]
    assert found.flavor_id == given
    document = next(each for each in (SMALL, MEDIUM, LARGE) if each["id"] == given)
    assert (found.flavor.vcpus, found.flavor.memory_mib) == (document["vcpus"], document["ram"])


def test_a_flavor_of_many_cpus_and_little_memory_is_not_small():
    found = answered([flavor("vast", 2000, 2048), LARGE])["t3.micro"]
    assert found.flavor_id == "f-m1.large"


@pytest.mark.parametrize("aws", ["m5.4xlarge", "t4g.micro", "g4dn.xlarge", "p3dn.24xlarge", "m5.metal", "inf1.xlarge"])
def test_what_no_flavor_can_be_is_not_offered(aws):
    big = flavor("giant", 128, 2**20)
    assert aws not in answered([LARGE]) or aws == "m5.4xlarge"
    assert (aws in answered([LARGE, big])) is (aws == "m5.4xlarge")


def test_the_operator_s_mapping_goes_before_size_and_names_what_aws_has_not():
    settings = replace(SETTINGS, flavors={"t3.micro": "m1.large", "g4dn.xlarge": "m1.large", "our.own": "m1.tiny"})
    found = answered([SMALL, MEDIUM, LARGE], settings)
    assert found["t3.micro"].flavor_id == found["g4dn.xlarge"].flavor_id == "f-m1.large"
    assert (found["our.own"].flavor_id, found["our.own"].flavor.vcpus) == ("f-m1.tiny", 1)


def test_matching_by_size_can_be_switched_off():
    assert set(answered([LARGE], replace(SETTINGS, match_flavors=False))) == {"m1.large"}


def test_a_flavor_that_asks_for_devices_or_traits_is_never_matched_by_size():
    special = flavor("gpu", 4, 4096, extra_specs={"pci_passthrough:alias": "a100:1"})
    assert set(answered([special])) == {"gpu"}
    assert "t3.micro" in answered([flavor("fast", 2, 2048, extra_specs={"hw:cpu_policy": "dedicated"})])


def test_hosts_of_another_architecture_run_its_types():
    found = answered([MEDIUM], replace(SETTINGS, architectures=("arm64",)))
    assert found["t4g.micro"].flavor.architectures == ("arm64",)
    assert "t3.micro" not in found
    stated = flavor("arm", 2, 2048, extra_specs={"capabilities:cpu_arch": "aarch64"})
    assert answered([stated])["arm"].flavor.architectures == ("arm64",)


def test_types_are_asked_for_anew_when_one_is_missing(rest, services, clock, scope):
    services.on("GET", "/compute/v2.1/os-availability-zone", Reply(200, ZONES))
    services.on(
        "GET", ".*/flavors/detail", Reply(200, {"flavors": [SMALL]}), Reply(200, {"flavors": [SMALL, LARGE]}), refused()
    )
    flavors = Flavors(rest, clock, SETTINGS, Zones(rest, clock, SETTINGS))
    assert flavors.offer(scope, "m1.tiny").flavor_id == "f-m1.tiny"
    assert flavors.offer(scope, "m1.large").flavor_id == "f-m1.large"
    assert flavors.offer(scope, "m1.large").flavor.zones == ("az1", "az2")
    with pytest.raises(CloudUnavailable):
        flavors.offer(scope, "m1.huge")
    services.on("GET", ".*/flavors/detail", Reply(200, {"flavors": [SMALL]}))
    with pytest.raises(FlavorNotFound):
        flavors.offer(scope, "m1.huge")
    assert "m1.tiny" in [each.name for each in flavors.list(scope)]


def test_costs_are_the_operator_s_and_then_the_flavor_s_own():
    settings = replace(SETTINGS, costs={"t3.micro": "0.5", "t3.large": "much"})
    priced = {**MEDIUM, "extra_specs": {"coppice:cost": "2"}}
    found = answered([priced, LARGE], settings)
    assert (found["t3.micro"].flavor.cost, found["m1.medium"].flavor.cost) == (0.5, 2.0)
    assert (found["m1.large"].flavor.cost, found["t3.large"].flavor.cost) == (None, None)


def test_what_the_cloud_may_take_back_stands_in_for_nothing_else():
    cheap = flavor("m1.spot", 2, 4096)
    settings = replace(SETTINGS, spot_flavors={"t3.micro": "m1.spot"})
    assert answered([cheap, LARGE], settings)["t3.micro"].flavor_id == "f-m1.large"
    assert answered([cheap, LARGE])["t3.micro"].flavor_id == "f-m1.spot"
