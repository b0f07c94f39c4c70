"""Clusters' rows on every database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import ClusterStatus, DeletionProtection, Process, Tag, TagMatch
from backend.domain.cluster_findings import ClusterExists, ClusterNotFound
from backend.domain.profile import LaunchSource
from backend.store import activities, clusters, journal, nodes, tags
from tests.factories import NOW, OTHER, SCOPE, activity, cluster, node


@pytest.fixture
def add(store):
    def insert(name, scope=SCOPE, with_tags=(), **values):
        made = cluster(name, scope=scope, **values)
        store.transact(lambda conn: clusters.insert(conn, made, with_tags))
        return made

    return insert


def test_what_is_written_is_read(store, add):
    made = add(
        "web",
        subnets=("s1", "s2"),
        health_checks=("EC2", "ELB"),
        termination_rules=("OldestInstance", "Default"),
        deletion_protection=DeletionProtection.PREVENT_ALL,
        source=LaunchSource(template_id="t", template_name="tn", template_version="$Latest"),
        maximum_lifetime_seconds=86_400,
        capacity_rebalance=False,
        context="c",
        server_group="pg",
        suspended={Process.LAUNCH: NOW},
        metrics=("GroupMinSize",),
        causes=(Cause(CauseKind.USER_CREATED, NOW, {"before": 0, "after": 2}),),
        cooldown_until=NOW + timedelta(microseconds=1),
    )
    with store.read() as conn:
        assert clusters.find(conn, SCOPE, "web") == made
        assert clusters.get_by_id(conn, made.id) == made


@pytest.mark.parametrize("name", ["x" * 255, " lead and trail ", "!\"#$%&'()*+,-./;<=>?@[\\]^_`{|}~", "Web"])
def test_any_name(store, add, name):
    made = add(name)
    with store.read() as conn:
        assert clusters.get(conn, SCOPE, name).id == made.id


def test_names_differ_by_case_and_blanks(store, add):
    names = ["web", "Web", "web ", "wéb"]
    ids = {add(name).id for name in names}
    assert len(ids) == 4
    with store.read() as conn:
        assert {clusters.get(conn, SCOPE, name).name for name in names} == set(names)


def test_a_name_is_taken_once_a_scope(store, add):
    add("web")
    with pytest.raises(ClusterExists):
        store.transact(lambda conn: clusters.insert(conn, cluster("web", id="another")))
    add("web", scope=OTHER)


def test_of_two_at_once_one_wins(store):
    def create(number):
        try:
            store.transact(lambda conn: clusters.insert(conn, cluster("web", id=f"id-{number}")))
        except ClusterExists:
            return "exists"
        return "made"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(create, range(4))) == ["exists"] * 3 + ["made"]


def test_no_scope_sees_another(store, add):
    add("web", scope=OTHER)
    with store.read() as conn:
        assert clusters.find(conn, SCOPE, "web") is None
        assert clusters.count(conn, SCOPE) == 0
        assert clusters.page(conn, SCOPE, limit=10).items == []
    with pytest.raises(ClusterNotFound):
        store.transact(lambda conn: clusters.lock(conn, SCOPE, "web"))


def test_change_raises_the_generation_and_is_due(store, add):
    made = add("web", due_at=None)
    later = NOW + timedelta(minutes=1)
    cause = Cause(CauseKind.USER_SET_DESIRED, later, {"before": 2, "after": 3})
    values = {
        "desired": 3,
        "desired_at": later,
        "zones": ("z",),
        "source": LaunchSource("other"),
        "causes": (cause,),
        "suspended": {Process.TERMINATE: later},
        "status": ClusterStatus.DELETING,
    }
    store.transact(lambda conn: clusters.change(conn, made.id, later, **values))
    with store.read() as conn:
        read = clusters.get(conn, SCOPE, "web")
    assert (read.generation, read.due_at, read.status) == (1, later, ClusterStatus.DELETING)
    assert read.desired_at == later
    assert (read.spec.desired, read.spec.zones, read.spec.source) == (3, ("z",), LaunchSource("other"))
    assert read.causes == (cause,)
    assert read.suspended == {Process.TERMINATE: later}
    assert read.spec.maximum == made.spec.maximum


def test_what_is_desired_may_change_twice_at_one_instant(store, add):
    """The clocks of who writes intent and of an engine may tell the same one."""
    made = add("web", desired=1)
    before = made.desiring(2, NOW)
    store.transact(lambda conn: clusters.save(conn, made, before))
    store.transact(lambda conn: clusters.save(conn, before, before.desiring(3, NOW)))
    with store.read() as conn:
        read = clusters.get_by_id(conn, made.id)
    assert (read.spec.desired, read.desired_at) == (3, NOW)
    untold = replace(made, spec=replace(made.spec, desired=2))
    with pytest.raises(AssertionError):
        store.transact(lambda conn: clusters.save(conn, made, untold))


def test_locked_changes_are_all_kept(store, add):
    made = add("web", desired=1, maximum=100)

    def raise_by_one(_):
        def work(conn):
            here = clusters.lock(conn, SCOPE, "web")
            clusters.change(conn, here.id, NOW, desired=here.spec.desired + 1, desired_at=NOW)

        store.transact(work)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(raise_by_one, range(20)))
    with store.read() as conn:
        assert clusters.get_by_id(conn, made.id).spec.desired == 21


def test_pages_by_name(store, add):
    for name in ("c", "a", "e", "b", "d"):
        add(name)
    seen, after = [], None
    with store.read() as conn:
        while True:
            page = clusters.page(conn, SCOPE, limit=2, after=after)
            seen.append([item.name for item in page.items])
            after = page.marker
            if after is None:
                break
    assert seen == [["a", "b"], ["c", "d"], ["e"]]


def test_a_full_last_page_has_no_marker(store, add):
    add("a")
    add("b")
    with store.read() as conn:
        assert clusters.page(conn, SCOPE, limit=2).marker is None


def test_among_leaves_unknown_names_out(store, add):
    add("a")
    add("b")
    with store.read() as conn:
        assert [item.name for item in clusters.page(conn, SCOPE, limit=9, among=["b", "x"]).items] == ["b"]


@pytest.mark.parametrize(
    ("matches", "names"),
    [
        ([TagMatch(keys=("env",))], ["a", "b"]),
        ([TagMatch(keys=("env", "team"))], ["a", "b", "c"]),
        ([TagMatch(values=("prod",))], ["a", "c"]),
        ([TagMatch(("env",), ("prod",))], ["a"]),
        ([TagMatch(("env",), ("prod", "test"))], ["a", "b"]),
        ([TagMatch(("env",)), TagMatch(("team",))], ["a"]),
        ([TagMatch(("ENV",))], []),
        ([TagMatch(("env",), ())], []),
    ],
)
def test_tag_matches(store, add, matches, names):
    add("a", with_tags=[Tag("env", "prod", True), Tag("team", "x", False)])
    add("b", with_tags=[Tag("env", "test", True)])
    add("c", with_tags=[Tag("team", "prod", True)])
    add("d")
    add("z", scope=OTHER, with_tags=[Tag("env", "prod", True)])
    with store.read() as conn:
        assert [item.name for item in clusters.page(conn, SCOPE, limit=9, matches=matches).items] == names


def test_remove_takes_tags_and_keeps_the_journal(store, add):
    made = add("web", with_tags=[Tag("k", "v", True)])
    entry = activity(made)
    store.transact(lambda conn: journal.begin(conn, [entry]))
    store.transact(lambda conn: clusters.remove(conn, made.id, NOW))
    with store.read() as conn:
        assert clusters.find(conn, SCOPE, "web") is None
        assert tags.of_one(conn, made.id) == []
        assert activities.find(conn, entry.id).cluster_deleted
    add("web")


def test_of_configuration_and_names_and_nodes(store, add):
    made = add("web", source=LaunchSource("lc"))
    add("going", source=LaunchSource("gone"), status=ClusterStatus.DELETING)
    with store.read() as conn:
        assert clusters.of_configuration(conn, SCOPE, "lc") == "web"
        assert clusters.of_configuration(conn, SCOPE, "gone") is None
        assert clusters.of_configuration(conn, OTHER, "lc") is None
        assert clusters.names(conn, [made.id, "x"]) == {made.id: "web"}
        assert clusters.names(conn, []) == {}
        assert not clusters.has_nodes(conn, made.id)
    store.transact(lambda conn: nodes.insert(conn, node(made)))
    with store.read() as conn:
        assert clusters.has_nodes(conn, made.id)
    assert store.transact(lambda conn: clusters.lock_by_id(conn, made.id)) == made
    assert store.transact(lambda conn: clusters.lock_by_id(conn, "x")) is None
