"""Quotas' rows on every database."""

import pytest

from backend.domain.node import NodeState
from backend.domain.quotas import Allowance, Quota
from backend.errors import LimitExceeded
from backend.store import clusters, nodes, quotas
from tests.factories import OTHER, SCOPE, cluster, node


def _put(store, project, quota, most):
    store.transact(lambda conn: quotas.put(conn, project, quota, most))


def test_a_projects_own_goes_before_what_holds_for_all_and_that_before_awss(store):
    with store.read() as conn:
        assert quotas.limit(conn, SCOPE, Quota.CLUSTERS) == 500
    _put(store, quotas.DEFAULT, Quota.CLUSTERS, 20)
    _put(store, SCOPE.project_id, Quota.CLUSTERS, 3)
    with store.read() as conn:
        assert [quotas.limit(conn, scope, Quota.CLUSTERS) for scope in (SCOPE, OTHER)] == [3, 20]
        own = {each.quota: each for each in quotas.allowances(conn, SCOPE.project_id)}
        assert own[Quota.CLUSTERS] == Allowance(Quota.CLUSTERS, 3, "project")
        assert own[Quota.INSTANCES] == Allowance(Quota.INSTANCES, None, "aws")
        assert quotas.allowances(conn, quotas.DEFAULT)[0] == Allowance(Quota.CLUSTERS, 20, "default")
    _put(store, SCOPE.project_id, Quota.CLUSTERS, None)
    with store.read() as conn:
        assert quotas.limit(conn, SCOPE, Quota.CLUSTERS) == 20


def test_none_at_all_may_be_what_one_may_have(store):
    _put(store, SCOPE.project_id, Quota.HOOKS, 0)
    with store.read() as conn, pytest.raises(LimitExceeded) as refused:
        quotas.check(conn, SCOPE, Quota.HOOKS, 1)
    assert (refused.value.what, refused.value.limit) == ("hooks-per-group", 0)


def test_room_counts_nodes_of_the_project_that_do_not_leave(store):
    web = cluster("web")
    made = [node(web, "a"), node(web, "b", state=NodeState.STANDBY), node(web, "c", state=NodeState.TERMINATING)]
    elsewhere = cluster("theirs", project_id=OTHER.project_id)

    def work(conn):
        clusters.insert(conn, web, [])
        clusters.insert(conn, elsewhere, [])
        nodes.insert_many(conn, [*made, node(elsewhere, "d")])
        assert quotas.room(conn, SCOPE) is None
        quotas.put(conn, SCOPE.project_id, Quota.INSTANCES, 5)
        assert quotas.room(conn, SCOPE) == (3, 5)
        quotas.put(conn, SCOPE.project_id, Quota.INSTANCES, 1)
        assert quotas.room(conn, SCOPE) == (0, 1)

    store.transact(work)
