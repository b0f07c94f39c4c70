from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from backend import Backend
from backend.domain.activity import CauseKind
from backend.domain.cluster import (
    ClusterChange,
    ClusterStatus,
    DeletionProtection,
    NewCluster,
    PlacementRequest,
    Process,
    SourceRequest,
    Tag,
    TagMatch,
)
from backend.domain.cluster_findings import (
    BoundsCrossed,
    CapacityOutOfBounds,
    ClusterBusy,
    ClusterDeleting,
    ClusterExists,
    ClusterInUse,
    ClusterNotFound,
    ClusterProtected,
    CoolingDown,
)
from backend.domain.launch_findings import (
    PlacementMissing,
    ProfileNotFound,
    TemplateNotFound,
    TemplateUnusable,
    TemplateVersionNotFound,
    ZonesMismatch,
)
from backend.domain.node import NodeState
from backend.domain.profile import LaunchSource, ProfileRef, ServerSpec
from backend.domain.quotas import Quota
from backend.domain.server_findings import ServerGroupNotFound, ServerUnknown
from backend.domain.volume_findings import NoVolumes
from backend.drivers.compute import GroupPolicy
from backend.errors import LimitExceeded
from backend.services import clusters as services
from backend.services.clusters import Clusters
from backend.services.templates import NewVersion
from backend.store import clusters, journal, nodes, quotas, tables
from tests.factories import NOW, OTHER, SCOPE, World, activity


@pytest.fixture
def api(world: World) -> Clusters:
    return world.backend.clusters


def causes(cluster):
    return [(cause.kind, cause.data.get("before"), cause.data.get("after")) for cause in cluster.causes]


class TestServerGroup:
    def test_it_must_be_there_when_it_is_named(self, world, api):
        with pytest.raises(ServerGroupNotFound):
            world.group(server_group="pg")
        made = world.group()
        with pytest.raises(ServerGroupNotFound):
            api.update(SCOPE, "web", ClusterChange({"server_group": "pg"}))
        assert api.get(SCOPE, "web") == made
        world.backend.server_groups.create(SCOPE, "pg", GroupPolicy.AFFINITY)
        for wanted in ("pg", None):
            api.update(SCOPE, "web", ClusterChange({"server_group": wanted}))
            assert api.get(SCOPE, "web").spec.server_group == wanted

    def test_a_template_is_tried_with_the_cluster_s_own(self, world, api):
        spec = ServerSpec(image=world.image(), instance_type="t3.micro", server_group="nil")
        world.backend.templates.create(SCOPE, "t", NewVersion(spec, {}, "me"))
        source = SourceRequest(template_name="t")
        with pytest.raises(TemplateUnusable):
            world.group(source=source)
        world.backend.server_groups.create(SCOPE, "pg", GroupPolicy.AFFINITY)
        assert world.group(source=source, server_group="pg").spec.server_group == "pg"


class TestCreate:
    def test_intent(self, world, api):
        made = world.group(tags=(Tag("k", "v", True),))
        read = api.get(SCOPE, "web")
        assert read == made
        assert (read.spec.minimum, read.spec.maximum, read.spec.desired) == (1, 4, 2)
        assert (read.due_at, read.status) == (NOW, ClusterStatus.ACTIVE)
        assert causes(read) == [(CauseKind.USER_CREATED, 0, 2)]
        with world.store.read() as conn:
            watches = conn.execute(tables.watches.select()).all()
        assert [(row.project_id, row.region) for row in watches] == [(SCOPE.project_id, SCOPE.region)]

    def test_desired_defaults_to_the_minimum(self, world):
        placement = PlacementRequest(zones=("us-east-1a",))
        world.launch_configuration()
        wanted = services.NewCluster("w", {"minimum": 3, "maximum": 4}, SourceRequest("lc"), placement)
        assert world.backend.clusters.create(SCOPE, wanted).spec.desired == 3

    def test_nothing_desired_has_no_cause(self, world):
        assert world.group(minimum=0, desired=0).causes == ()

    @pytest.mark.parametrize(
        ("values", "finding"),
        [
            ({"minimum": 5}, BoundsCrossed),
            ({"desired": 5}, CapacityOutOfBounds),
            ({"desired": 0}, CapacityOutOfBounds),
            ({"placement": PlacementRequest()}, PlacementMissing),
            ({"source": SourceRequest(configuration="x")}, ProfileNotFound),
            ({"source": SourceRequest(template_name="x")}, TemplateNotFound),
            ({"source": SourceRequest(server="0" * 17)}, ServerUnknown),
            ({"tags": tuple(Tag(str(n), "", True) for n in range(51))}, LimitExceeded),
        ],
    )
    def test_refusals_leave_nothing(self, world, api, values, finding):
        with pytest.raises(finding):
            world.group(**values)
        assert api.usage(SCOPE)[Quota.CLUSTERS] == (0, 500)

    def test_names(self, world):
        world.group()
        with pytest.raises(ClusterExists):
            world.group()
        world.group(scope=OTHER)

    def test_two_at_once(self, tmp_path):
        world = World(url=f"sqlite:///{tmp_path}/store.db")
        world.launch_configuration()

        def create(_):
            try:
                world.group()
            except ClusterExists:
                return "exists"
            return "made"

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(create, range(4))) == ["exists"] * 3 + ["made"]
        world.close()

    def test_the_quota(self, world):
        world.store.transact(lambda conn: quotas.put(conn, SCOPE.project_id, Quota.CLUSTERS, 2))
        world.group("a")
        world.group("b")
        with pytest.raises(LimitExceeded):
            world.group("c")

    def test_from_a_server(self, world, api):
        server = world.server(zone="us-east-1c")
        made = world.group(source=SourceRequest(server=server.short_id), placement=PlacementRequest())
        assert made.spec.zones == ("us-east-1c",)
        assert made.spec.source == LaunchSource("web")
        kept = world.backend.configurations.page(SCOPE, names=["web"], limit=1).items[0]
        assert (kept.spec.image, kept.spec.instance_type) == (world.image(), "t3.micro")


class TestTemplates:
    @pytest.fixture
    def template(self, world):
        def create(**data):
            words = {"ImageId": f"ami-{world.image()}", "InstanceType": "t3.micro", **data}
            return world.call(
                "CreateLaunchTemplate", service="ec2", LaunchTemplateName="tmpl", LaunchTemplateData=words
            )["LaunchTemplate"]["LaunchTemplateId"][3:]

        return create

    @pytest.mark.parametrize("version", [None, "$Latest", "$Default", "1"])
    def test_by_id_and_name(self, world, template, version):
        short = template()
        by_id = world.group("a", source=SourceRequest(template=short, version=version)).spec.source
        by_name = world.group("b", source=SourceRequest(template_name="tmpl", version=version)).spec.source
        assert by_id == by_name
        assert (by_id.template_name, by_id.template_version) == ("tmpl", version)
        assert by_id.template_id.replace("-", "").startswith(short)

    def test_an_unknown_version(self, world, template):
        with pytest.raises(TemplateVersionNotFound):
            world.group(source=SourceRequest(template=template(), version="7"))

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ({"ImageId": "ami-00000000000000000"}, "ImageNotFound"),
            ({"InstanceType": "x9.huge"}, "TypeNotFound"),
            ({"KeyName": "nokey"}, "KeyPairNotFound"),
            ({"SecurityGroupIds": ["sg-00000000000000000"]}, "SecurityGroupNotFound"),
            ({"InstanceType": "t4g.micro"}, "TypeNotSupported"),
            ({"IamInstanceProfile": {"Name": "p"}}, "IamProfileNotFound"),
        ],
    )
    def test_what_cannot_be_launched(self, world, template, data, reason):
        template(**data)
        with pytest.raises(TemplateUnusable) as found:
            world.group(source=SourceRequest(template_name="tmpl"))
        assert type(found.value.reason).__name__ == reason

    def test_update_tries_the_new_one(self, world, api, template):
        world.group()
        template(KeyName="nokey")
        with pytest.raises(TemplateUnusable):
            api.update(SCOPE, "web", ClusterChange(source=SourceRequest(template_name="tmpl")))
        assert api.get(SCOPE, "web").spec.source == LaunchSource("lc")


class TestUpdate:
    def test_plain_values(self, world, api):
        before = world.group()
        api.update(SCOPE, "web", ClusterChange({"cooldown_seconds": 7, "termination_rules": ("OldestInstance",)}))
        after = api.get(SCOPE, "web")
        wanted = replace(before.spec, cooldown_seconds=7, termination_rules=("OldestInstance",))
        assert (after.spec, after.generation, after.causes) == (wanted, 1, before.causes)

    def test_desired_follows_and_says_why(self, world, api):
        world.group()
        world.clock.move(60)
        api.update(SCOPE, "web", ClusterChange({"minimum": 3, "maximum": 6}))
        after = api.get(SCOPE, "web")
        assert after.spec.desired == 3
        assert causes(after)[1:] == [(CauseKind.USER_UPDATED, 2, 3)]
        assert dict(after.causes[1].data) == {"minimum": 3, "maximum": 6, "desired": 3, "before": 2, "after": 3}
        assert after.due_at == world.clock.now()

    def test_a_source_replaces_the_other(self, world, api):
        world.group()
        world.launch_configuration("other")
        api.update(SCOPE, "web", ClusterChange(source=SourceRequest(configuration="other")))
        assert api.get(SCOPE, "web").spec.source == LaunchSource("other")
        with pytest.raises(ProfileNotFound):
            api.update(SCOPE, "web", ClusterChange(source=SourceRequest(configuration="x")))

    def test_zones(self, world, api):
        world.group()
        api.update(SCOPE, "web", ClusterChange(placement=PlacementRequest(zones=("us-east-1c",))))
        assert api.get(SCOPE, "web").spec.zones == ("us-east-1c",)

    def test_zones_against_subnets(self, world, api):
        subnets = world.simulated.cloud.network.subnets(SCOPE)
        here = next(subnet for subnet in subnets if subnet.zone == "us-east-1b")
        world.group(placement=PlacementRequest(subnets=(here.short_id,)))
        with pytest.raises(ZonesMismatch):
            api.update(SCOPE, "web", ClusterChange(placement=PlacementRequest(zones=("us-east-1c",))))
        api.update(SCOPE, "web", ClusterChange(placement=PlacementRequest(zones=("us-east-1b",))))
        assert api.get(SCOPE, "web").spec.subnets == (here.id,)

    def test_refusals(self, world, api):
        world.group()
        with pytest.raises(CapacityOutOfBounds):
            api.update(SCOPE, "web", ClusterChange({"desired": 9}))
        with pytest.raises(ClusterNotFound):
            api.update(SCOPE, "x", ClusterChange({"desired": 1}))
        with pytest.raises(ClusterNotFound):
            api.update(OTHER, "web", ClusterChange({"desired": 1}))


class TestResize:
    def test_sets_it(self, world, api):
        world.group()
        api.resize(SCOPE, "web", 4)
        after = api.get(SCOPE, "web")
        assert (after.spec.desired, after.generation) == (4, 1)
        assert causes(after)[-1] == (CauseKind.USER_SET_DESIRED, 2, 4)

    def test_the_same_again_writes_nothing(self, world, api):
        world.group()
        api.resize(SCOPE, "web", 2)
        assert api.get(SCOPE, "web").generation == 0

    @pytest.mark.parametrize("desired", [0, 5])
    def test_bounds(self, world, api, desired):
        world.group()
        with pytest.raises(CapacityOutOfBounds):
            api.resize(SCOPE, "web", desired)

    def test_cooldown(self, world, api):
        made = world.group()
        entry = activity(made)

        def cool(conn):
            journal.begin(conn, [entry])
            clusters.change(conn, made.id, NOW, cooldown_until=NOW + timedelta(seconds=30))

        world.store.transact(cool)
        with pytest.raises(CoolingDown) as found:
            api.resize(SCOPE, "web", 3, honor_cooldown=True)
        assert found.value.activity == entry.id
        world.clock.move(30)
        api.resize(SCOPE, "web", 3, honor_cooldown=True)

    def test_cooldown_not_honoured(self, world, api):
        made = world.group()
        world.store.transact(lambda conn: clusters.change(conn, made.id, NOW, cooldown_until=NOW + timedelta(1)))
        api.resize(SCOPE, "web", 3)
        assert api.get(SCOPE, "web").spec.desired == 3


class TestDelete:
    def test_an_empty_one_is_gone_at_once(self, world, api):
        world.group()
        api.delete(SCOPE, "web")
        with pytest.raises(ClusterNotFound):
            api.get(SCOPE, "web")
        world.group()

    def test_in_use(self, world, api):
        world.put(world.group(), "a")
        with pytest.raises(ClusterInUse):
            api.delete(SCOPE, "web")

    @pytest.mark.parametrize(
        "values",
        [
            {"state": NodeState.TERMINATING},
            {"state": NodeState.DETACHING},
            {"state": NodeState.PENDING, "server_id": None},
        ],
    )
    def test_busy(self, world, api, values):
        world.put(world.group(), "a", **values)
        with pytest.raises(ClusterBusy):
            api.delete(SCOPE, "web")

    def test_forced(self, world, api):
        world.put(world.group(), "a", "b")
        api.delete(SCOPE, "web", force=True)
        after = api.get(SCOPE, "web")
        assert (after.status, after.force_delete, after.generation) == (ClusterStatus.DELETING, True, 1)
        assert (after.spec.minimum, after.spec.maximum, after.spec.desired) == (0, 0, 0)
        api.delete(SCOPE, "web", force=True)
        with pytest.raises(ClusterExists):
            world.group()
        for write in (
            lambda: api.update(SCOPE, "web", ClusterChange({"maximum": 1})),
            lambda: api.resize(SCOPE, "web", 0),
            lambda: api.suspend(SCOPE, "web"),
            lambda: api.collect_metrics(SCOPE, "web", ["m"]),
        ):
            with pytest.raises(ClusterDeleting):
                write()

    @pytest.mark.parametrize(
        ("protection", "force", "refused"),
        [
            (DeletionProtection.NONE, True, False),
            (DeletionProtection.PREVENT_FORCE, False, False),
            (DeletionProtection.PREVENT_FORCE, True, True),
            (DeletionProtection.PREVENT_ALL, False, True),
            (DeletionProtection.PREVENT_ALL, True, True),
        ],
    )
    def test_protection(self, world, api, protection, force, refused):
        world.group(deletion_protection=protection)
        if refused:
            with pytest.raises(ClusterProtected):
                api.delete(SCOPE, "web", force=force)
        else:
            api.delete(SCOPE, "web", force=force)

    def test_unknown(self, api):
        with pytest.raises(ClusterNotFound):
            api.delete(SCOPE, "x")


class TestProcesses:
    def test_suspended_keeps_its_first_time(self, world, api):
        world.group()
        api.suspend(SCOPE, "web", [Process.LAUNCH])
        world.clock.move(5)
        api.suspend(SCOPE, "web")
        suspended = api.get(SCOPE, "web").suspended
        assert set(suspended) == set(Process)
        assert suspended[Process.LAUNCH] == NOW
        assert suspended[Process.TERMINATE] == world.clock.now()
        api.resume(SCOPE, "web", [Process.LAUNCH])
        assert api.get(SCOPE, "web").runs(Process.LAUNCH)
        api.resume(SCOPE, "web")
        assert api.get(SCOPE, "web").suspended == {}


def test_metrics(world, api):
    world.group()
    api.collect_metrics(SCOPE, "web", ["a", "b"])
    api.collect_metrics(SCOPE, "web", ["b", "c"])
    assert api.get(SCOPE, "web").metrics == ("a", "b", "c")
    api.drop_metrics(SCOPE, "web", ["b", "x"])
    assert api.get(SCOPE, "web").metrics == ("a", "c")


class TestPage:
    def test_views(self, world, api):
        tag = Tag("k", "v", True)
        made = world.group("a", tags=(tag,))
        world.group("b")
        old, new = world.put(made, "x", profile=ProfileRef("gone")) + world.put(
            made, "y", created_at=NOW + timedelta(seconds=1)
        )
        first, second = api.page(SCOPE, limit=10).items
        assert (first.cluster.name, first.tags) == ("a", [tag])
        # A launch configuration that is no more is not told.
        assert [member.configuration for member in first.members] == [None, "lc"]
        assert [member.server for member in first.members] == [
            each.server_id.replace("-", "")[:17] for each in (old, new)
        ]
        assert (second.cluster.name, second.tags, second.members) == ("b", (), [])
        assert api.page(SCOPE, limit=10, with_members=False).items[0].members == ()

    def test_pages_and_filters(self, world, api):
        for name in "abc":
            world.group(name, tags=(Tag("n", name, True),))
        first = api.page(SCOPE, limit=2)
        assert [view.cluster.name for view in first.items] == ["a", "b"]
        assert [view.cluster.name for view in api.page(SCOPE, limit=2, after=first.marker).items] == ["c"]
        assert [v.cluster.name for v in api.page(SCOPE, limit=9, names=["c", "x"]).items] == ["c"]
        assert [v.cluster.name for v in api.page(SCOPE, limit=9, matches=[TagMatch(("n",), ("b",))]).items] == ["b"]
        assert api.page(OTHER, limit=9).items == []


def test_usage(world, api):
    world.group("a")
    world.group("b")
    assert api.usage(SCOPE) == {Quota.CLUSTERS: (2, 500), Quota.CONFIGURATIONS: (1, 200)}


def test_a_removed_cluster_leaves_no_node_behind(world, api):
    made = world.group()
    (only,) = world.put(made, "a")
    with pytest.raises(ClusterInUse):
        api.delete(SCOPE, "web")
    world.store.transact(lambda conn: nodes.remove(conn, only.id))
    api.delete(SCOPE, "web")


def test_a_cloud_without_volumes_has_no_health_to_go_by(world):
    bare = replace(world.simulated.cloud, volumes=None)
    bare_backend = Backend.build(world.store, bare, world.clock)
    world.launch_configuration()
    values = {"minimum": 0, "maximum": 1, "desired": 0}
    place, source = PlacementRequest(zones=("us-east-1a",)), SourceRequest(configuration="lc")
    with pytest.raises(NoVolumes):
        bare_backend.clusters.create(
            SCOPE, NewCluster("web", {**values, "health_checks": ("EBS", "ELB")}, source, place)
        )
    bare_backend.clusters.create(SCOPE, NewCluster("web", values, source, place))
    with pytest.raises(NoVolumes):
        bare_backend.clusters.update(SCOPE, "web", ClusterChange({"health_checks": ("EBS",)}))
