import pytest

from backend.domain.cluster import SourceRequest
from backend.domain.launch_findings import ProfileNotFound, TemplateUnusable
from backend.domain.profile import LaunchSource, ServerSpec, TemplateVersion
from backend.domain.security_group_findings import SecurityGroupNotFound
from backend.drivers.catalog import Catalog
from backend.errors import CloudNotReached
from backend.services import sources
from tests.factories import NOW, OTHER, SCOPE

PLACE = (("us-east-1a", "us-east-1b"), ())


@pytest.fixture
def catalog(world):
    return Catalog(world.simulated.cloud, world.clock)


@pytest.fixture
def version(world):
    def make(**values):
        spec = ServerSpec(**{"image": world.image(), "instance_type": "t3.micro", **values})
        return TemplateVersion("t", "tmpl", 3, False, None, spec, {}, NOW, "me")

    return make


def test_a_template_is_tried_in_every_place(catalog, version):
    sources.try_template(catalog, SCOPE, version(), PLACE)
    subnet = next(subnet for subnet in catalog.subnets(SCOPE) if subnet.zone_default)
    sources.try_template(catalog, SCOPE, version(), ((subnet.zone,), (subnet.id,)))
    with pytest.raises(TemplateUnusable) as found:
        sources.try_template(catalog, SCOPE, version(), (("us-east-1a", "nowhere"), ()))
    assert type(found.value.reason).__name__ == "NetworkMissing"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"image": None}, "ProfileIncomplete"),
        ({"instance_type": None}, "ProfileIncomplete"),
        ({"image": "0" * 17}, "ImageNotFound"),
        ({"iam_profile": "p"}, "IamProfileNotFound"),
    ],
)
def test_what_stands_in_the_way(catalog, version, values, reason):
    with pytest.raises(TemplateUnusable) as found:
        sources.try_template(catalog, SCOPE, version(**values), PLACE)
    assert type(found.value.reason).__name__ == reason


def test_a_group_that_another_process_just_made_is_known_by_its_name(world, catalog, version):
    catalog.security_groups(SCOPE)
    spec = version(security_group_names=("web",)).spec
    with pytest.raises(SecurityGroupNotFound):
        sources.try_spec(catalog, SCOPE, spec)
    world.backend.security_groups.create(SCOPE, "web", "d", None)
    sources.try_spec(catalog, SCOPE, spec)


def test_a_cloud_out_of_reach_is_no_fault_of_the_template(world, catalog, version):
    wanted = version(image="0" * 17)
    world.simulated.faults.unavailable()
    with pytest.raises(CloudNotReached):
        sources.try_template(catalog, SCOPE, wanted, PLACE)


def test_the_version_is_kept_as_given(version):
    for given in (None, "$Latest", "3"):
        kept = sources.template_source(SourceRequest(template="t", version=given), version())
        assert kept == LaunchSource(template_id="t", template_name="tmpl", template_version=given)


def test_a_configuration_of_another(world):
    world.launch_configuration()
    assert world.store.transact(lambda conn: sources.configuration_of(conn, SCOPE, "lc")).name == "lc"
    with pytest.raises(ProfileNotFound):
        world.store.transact(lambda conn: sources.configuration_of(conn, OTHER, "lc"))
