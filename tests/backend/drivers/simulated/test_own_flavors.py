from __future__ import annotations

from dataclasses import replace

import pytest

from backend.drivers.errors import FlavorNotFound
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings, Where, own_flavors
from backend.drivers.simulated.own_flavors import OwnFlavor
from backend.drivers.simulated.settable import CannotSet


@pytest.fixture
def simulated(clock):
    simulated = SimulatedCloud.open(None, clock, SimulatedSettings(seed=1))
    yield simulated
    simulated.close()


def test_a_type_that_was_added_is_offered_and_boots_until_it_is_dropped(simulated, scope, launch):
    simulated.flavors.add(OwnFlavor("my.big", 3, 3000))
    (told,) = [each for each in simulated.cloud.compute.flavors(scope) if each.name == "my.big"]
    assert (told.vcpus, told.memory_mib, told.zones) == (3, 3000, ("us-east-1a", "us-east-1b", "us-east-1c"))
    (server,) = simulated.cloud.compute.create(scope, replace(launch, flavor="my.big"), 1)
    assert simulated.faults.boot_hang(Where(flavor="my.big"))
    simulated.flavors.drop("my.big")
    with pytest.raises(FlavorNotFound):
        simulated.cloud.compute.create(scope, replace(launch, flavor="my.big"), 1)
    assert [each.id for each in simulated.cloud.compute.list(scope)] == [server.id]
    with pytest.raises(CannotSet, match=r"there is no own type my\.big"):
        simulated.flavors.drop("my.big")


@pytest.mark.parametrize(
    "new",
    [
        OwnFlavor("t3.micro", 2, 1024),
        OwnFlavor("big", 2, 1024),
        OwnFlavor("My.big", 2, 1024),
        OwnFlavor("my.big", 0, 1024),
        OwnFlavor("my.big", 2, 0),
        OwnFlavor("my.big", 2, 10**12),
        OwnFlavor("my." + "x" * 40, 2, 1024),
    ],
)
def test_a_type_that_cannot_be_is_refused(simulated, new):
    with pytest.raises(CannotSet):
        simulated.flavors.add(new)
    assert simulated.flavors.all() == []


def test_types_are_bounded_in_number_and_changed_in_their_place(simulated, monkeypatch):
    monkeypatch.setattr(own_flavors, "MOST", 1)
    for memory in (1024, 2048):
        simulated.flavors.add(OwnFlavor("my.big", 2, memory))
    assert simulated.flavors.all() == [OwnFlavor("my.big", 2, 2048)]
    with pytest.raises(CannotSet, match="there are 1 own types already"):
        simulated.flavors.add(OwnFlavor("my.bigger", 2, 1024))
