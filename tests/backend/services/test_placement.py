import pytest

from backend.domain.cluster import PlacementRequest
from backend.domain.launch_findings import PlacementMissing, SubnetNotFound, ZoneNotFound, ZonesMismatch
from backend.drivers.catalog import Catalog
from backend.errors import CloudNotReached
from backend.services import placement
from tests.factories import SCOPE, spec


@pytest.fixture
def catalog(world):
    return Catalog(world.simulated.cloud, world.clock)


@pytest.fixture
def subnets(catalog):
    """Short ids and cloud ids of the default subnets by zone letter."""
    return {subnet.zone[-1]: subnet for subnet in catalog.subnets(SCOPE) if subnet.zone_default}


def test_zones_by_name_and_id(catalog):
    ids = {zone.name: zone.zone_id for zone in catalog.zones(SCOPE)}
    wanted = (("us-east-1b", "us-east-1a"), ())
    assert placement.place(catalog, SCOPE, PlacementRequest(zones=("us-east-1b", "us-east-1a", "us-east-1b"))) == wanted
    by_id = PlacementRequest(zone_ids=(ids["us-east-1b"], ids["us-east-1a"]))
    assert placement.place(catalog, SCOPE, by_id) == wanted


def test_subnets_bring_their_zones(catalog, subnets):
    request = PlacementRequest(subnets=(subnets["c"].short_id, subnets["a"].short_id))
    assert placement.place(catalog, SCOPE, request) == (
        ("us-east-1c", "us-east-1a"),
        (subnets["c"].id, subnets["a"].id),
    )


def test_both_must_agree(catalog, subnets):
    shorts = (subnets["a"].short_id,)
    agreed = PlacementRequest(zones=("us-east-1a",), subnets=shorts)
    assert placement.place(catalog, SCOPE, agreed)[0] == ("us-east-1a",)
    with pytest.raises(ZonesMismatch):
        placement.place(catalog, SCOPE, PlacementRequest(zones=("us-east-1a", "us-east-1b"), subnets=shorts))


@pytest.mark.parametrize(
    ("request_", "finding"),
    [
        (PlacementRequest(), PlacementMissing),
        (PlacementRequest(zones=("nowhere",)), ZoneNotFound),
        (PlacementRequest(zone_ids=("use1-az99",)), ZoneNotFound),
        (PlacementRequest(subnets=("0" * 17,)), SubnetNotFound),
        (PlacementRequest(subnets=("nonsense",)), SubnetNotFound),
    ],
)
def test_refusals(catalog, request_, finding):
    with pytest.raises(finding):
        placement.place(catalog, SCOPE, request_)


def test_a_cloud_out_of_reach(world, catalog):
    world.simulated.faults.unavailable()
    with pytest.raises(CloudNotReached):
        placement.place(catalog, SCOPE, PlacementRequest(zones=("us-east-1a",)))


def test_merge():
    zones_only = (("us-east-1a", "us-east-1b"), ())
    with_subnets = spec(subnets=("s",), zones=("us-east-1a",))
    assert placement.merge(zones_only, spec()) == zones_only
    assert placement.merge((("z",), ("t",)), with_subnets) == (("z",), ("t",))
    assert placement.merge((("us-east-1a",), ()), with_subnets) == (("us-east-1a",), ("s",))
    with pytest.raises(ZonesMismatch):
        placement.merge(zones_only, with_subnets)
