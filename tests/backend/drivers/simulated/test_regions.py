from __future__ import annotations

import pytest
from botocore.loaders import Loader

from backend.domain.scope import Scope
from backend.drivers.compute import GroupPolicy
from backend.drivers.errors import CloudUnavailable, RegionNotOpened
from backend.drivers.images import NewImage
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings, regions
from backend.drivers.simulated.regions import AnyRegion, Footings
from backend.drivers.simulated.settable import CannotSet
from backend.drivers.simulated.state import State
from translators.ec2 import region_names

PLACES = ("north", "south", "west", "central", "northeast")
ANY = SimulatedSettings(any_region=True, seed=1)


def _known_to_botocore():
    for partition in Loader().load_data("partitions")["partitions"]:
        yield from (name for name in partition["regions"] if not name.endswith("-global"))


def test_every_region_that_clients_know_is_there():
    assert [name for name in _known_to_botocore() if not regions.has(ANY, name)] == []
    assert regions.has(ANY, "eu-northwest-4"), "one that AWS may open"


@pytest.mark.parametrize(
    "name",
    ["", "us-east", "us-east-0", "us-east-10", "us-easter-1", "US-EAST-1", "us-east-1a", "us-east-1\n", "xx-east-1"],
)
def test_what_is_no_name_of_a_region_is_none(name):
    assert not regions.has(ANY, name)
    assert name not in AnyRegion(ANY)


def test_those_that_are_told_are_all_there_and_have_long_names():
    told = AnyRegion(SimulatedSettings(regions=("here-1",), any_region=True))
    assert set(told) == {*regions.TOLD, "here-1"}
    assert set(regions.TOLD) == set(region_names.LONG)
    assert all(told[name] == name for name in told)
    assert [*AnyRegion(SimulatedSettings())] == ["us-east-1"]
    assert "eu-west-1" not in AnyRegion(SimulatedSettings())


def test_each_region_has_its_own_network_zones_and_servers(clock, launch, scope):
    def opened():
        return SimulatedCloud.open(None, clock, ANY)

    simulated, again = opened(), opened()
    there = Scope(scope.project_id, "eu-west-1")
    assert [zone.name for zone in simulated.cloud.compute.zones(there)] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    here_networks, networks = (simulated.cloud.network.networks(each) for each in (scope, there))
    assert here_networks[0].id != networks[0].id
    assert networks == again.cloud.network.networks(there), "made anew it is the same"
    simulated.cloud.compute.create(scope, launch, 1)
    assert simulated.cloud.compute.list(there) == []
    with pytest.raises(CloudUnavailable):
        simulated.cloud.compute.zones(Scope(scope.project_id, "nowhere"))


def test_an_account_is_in_a_bounded_number_of_regions_whatever_others_do():
    state = State(None)
    for process in (Footings(state, 2), Footings(state, 2)):
        process.admit(Scope("one", "us-east-1"))
        process.admit(Scope("one", "eu-west-1"))
        process.admit(Scope("one", "eu-west-1"))
        with pytest.raises(RegionNotOpened, match="in 2 regions"):
            process.admit(Scope("one", "eu-west-2"))
        process.admit(Scope("another", "eu-west-2"))
    state.close()


def test_to_look_around_takes_no_region_up(clock, launch, scope):
    simulated = SimulatedCloud.open(None, clock, ANY)
    compute, making = simulated.cloud.compute, simulated.cloud.making

    def elsewhere(number):
        return Scope(
            scope.project_id, f"{'us' if number < 40 else 'eu'}-{PLACES[number % 40 // 9]}-{number % 40 % 9 + 1}"
        )

    for number in range(76):
        assert compute.zones(elsewhere(number))
        assert compute.list(elsewhere(number)) == []
    for number in range(regions.MOST):
        making.register(elsewhere(number), NewImage("mine"), 1)
    for make in (
        lambda: making.register(scope, NewImage("mine"), 1),
        lambda: compute.create(scope, launch, 1),
        lambda: compute.create_server_group(scope, "spread", GroupPolicy.ANTI_AFFINITY),
    ):
        with pytest.raises(RegionNotOpened, match=f"in {regions.MOST} regions already"):
            make()
    assert compute.zones(scope), "and goes on"
    assert compute.create_server_group(elsewhere(0), "spread", GroupPolicy.ANTI_AFFINITY)


def test_a_zone_of_any_region_can_run_full(clock, launch):
    simulated = SimulatedCloud.open(None, clock, ANY)
    assert simulated.faults.capacity("eu-west-1a", 0)
    with pytest.raises(CannotSet, match="there is no zone nowhere-1a"):
        simulated.faults.capacity("nowhere-1a", 0)
