"""Certificates of listeners in a real Barbican, and listeners of a real Octavia that name them: ``make certificates``."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from backend.clock import SystemClock
from backend.domain.certificates import Certificate
from backend.domain.scope import Scope
from backend.drivers.balancer_making import BalancerMaking, Standing, Tree
from backend.drivers.balancer_plans import Wish, balancer_plan
from backend.drivers.installation import named
from backend.drivers.openstack.cloud import open_cloud
from backend.engine.balancers import Put, Remove, next_step
from conformance.openstack.cloud import connect
from tests.backend.drivers.openstack.test_balancers import BALANCER
from tests.backend.drivers.openstack.test_certificate_secrets import ARNS, ONE, SECURE, TWO, certified

pytestmark = pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning")

ANSWERED = replace(SECURE, actions=({"type": "fixed-response", "config": {"StatusCode": "503"}},))


class Kept:
    """Certificates, the same ones whenever they are asked for."""

    def __init__(self) -> None:
        self._all = {each: certified(each) for each in ARNS.values()}

    def of(self, scope: Scope, certificate_id: str) -> Certificate | None:
        del scope
        return self._all.get(certificate_id)


@pytest.fixture(scope="module")
def owner(state):
    with connect("demo", state) as found:
        yield found


@pytest.fixture(scope="module")
def installation() -> str:
    return str(uuid.uuid4())


@pytest.fixture(scope="module")
def making(settings, installation) -> BalancerMaking:
    cloud = open_cloud(settings, SystemClock(), installation=named(installation), certificates=Kept())
    assert cloud.balancer_making is not None
    return cloud.balancer_making


@pytest.fixture
def grown(making, demo_scope, patience):
    """A tree, once it is as it is wished for."""

    def grown(wish: Wish, balancer_id: str) -> Tree:
        def is_there() -> bool:
            tree = making.tree(demo_scope, balancer_id)
            assert tree is not None
            assert tree.standing is not Standing.FAILED
            if tree.standing is Standing.PENDING:
                return False
            step = next_step(wish, tree)
            if isinstance(step, Put):
                making.put(demo_scope, tree, step.part)
            elif isinstance(step, Remove):
                making.remove(demo_scope, tree, step.present)
            return step is None

        patience(is_there)
        found = making.tree(demo_scope, balancer_id)
        assert found is not None
        return found

    return grown


def test_certificates_come_change_and_go(making, demo_scope, owner, installation, grown, patience):
    def names() -> list[str]:
        return sorted(each.name for each in owner.key_manager.secrets() if f"coppice-{installation}-" in each.name)

    subnet = owner.network.find_subnet("private-az1").id
    balancer = replace(BALANCER, id=uuid.uuid4().hex[:16], subnets=(subnet,), security_groups=())
    wish = Wish(balancer, {}, (replace(ANSWERED, certificates=(ONE, TWO)),), (), ARNS)
    made = making.create(demo_scope, balancer_plan(balancer))
    try:
        grown(wish, made.id)
        assert [each.split("-")[-2] for each in names()] == ["ASCAONE", "ASCATWO"]
        (listener,) = owner.load_balancer.listeners(load_balancer_id=made.id)
        assert listener.protocol == "TERMINATED_HTTPS"
        assert len(listener.sni_container_refs) == 1
        grown(replace(wish, listeners=(replace(ANSWERED, certificates=(TWO,)),)), made.id)
        assert [each.split("-")[-2] for each in names()] == ["ASCATWO"]
    finally:
        making.delete(demo_scope, made.id)
    assert names() == []
    patience(lambda: making.tree(demo_scope, made.id) is None)
