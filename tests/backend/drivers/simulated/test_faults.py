from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.node import ServerStatus
from backend.drivers.errors import (
    CloudUnavailable,
    ImageNotFound,
    NoCapacity,
    NotAuthorized,
    OutcomeUnknown,
    QuotaExceeded,
)
from backend.drivers.simulated import Call, Effect, Moment, SimulatedCloud, SimulatedSettings, Where
from backend.drivers.simulated.settable import CannotSet


def test_a_refusal_holds_so_often_and_where_it_was_set(simulated, scope, launch):
    compute = simulated.cloud.compute
    simulated.faults.refuse(NoCapacity("full"), Where(zone="us-east-1a"), times=2)
    for _ in range(2):
        with pytest.raises(NoCapacity, match="full"):
            compute.create(scope, launch, 1)
    compute.create(scope, replace(launch, zone="us-east-1b"), 1)
    compute.create(scope, launch, 1)
    assert simulated.faults.active() == []
    assert len(compute.list(scope)) == 2


@pytest.mark.parametrize(
    ("where", "meets"),
    [
        (Where(flavor="t3.micro"), True),
        (Where(flavor="t3.small"), False),
        (Where(project="project-1"), True),
        (Where(project="project-2"), False),
        (Where(image="ami"), False),
        (Where(calls=("delete",)), False),
        (Where(calls=("delete", "create")), True),
    ],
)
def test_a_fault_meets_the_calls_it_names(simulated, scope, launch, where, meets):
    simulated.faults.refuse(ImageNotFound("no"), where)
    if meets:
        with pytest.raises(ImageNotFound):
            simulated.cloud.compute.create(scope, launch, 1)
    else:
        simulated.cloud.compute.create(scope, launch, 1)


def test_a_refusal_keeps_the_figures_of_a_quota(simulated, scope, launch):
    simulated.faults.refuse(QuotaExceeded("cores", 0, 20, "Quota exceeded for cores"))
    with pytest.raises(QuotaExceeded) as refusal:
        simulated.cloud.compute.create(scope, launch, 3)
    error = refusal.value
    assert (error.resource, error.requested, error.limit, error.detail) == ("cores", 3, 20, "Quota exceeded for cores")


def test_an_unavailable_cloud_answers_nothing_until_its_time_is_over(simulated, scope, launch, clock):
    simulated.faults.unavailable(seconds=30)
    asks = (
        lambda: simulated.cloud.compute.list(scope),
        lambda: simulated.cloud.compute.create(scope, launch, 1),
        lambda: simulated.cloud.images.list(scope),
        lambda: simulated.cloud.network.networks(scope),
    )
    for ask in asks:
        with pytest.raises(CloudUnavailable):
            ask()
    clock.wait(30)
    for ask in asks:
        ask()


def test_a_lost_answer_comes_after_the_effect_and_a_lost_request_without_it(simulated, scope, launch):
    compute = simulated.cloud.compute
    simulated.faults.lose_request(Where(calls=("create",)))
    with pytest.raises(OutcomeUnknown):
        compute.create(scope, launch, 2)
    assert compute.list(scope) == []
    simulated.faults.lose_answer(Where(calls=("create",)))
    with pytest.raises(OutcomeUnknown):
        compute.create(scope, launch, 2)
    assert [server.launch_id for server in compute.list(scope)] == ["launch-1"] * 2
    server = compute.list(scope)[0]
    simulated.faults.lose_answer(Where(calls=("delete",), server=server.id))
    with pytest.raises(OutcomeUnknown):
        compute.delete(scope, server.id)
    assert compute.get(scope, server.id).status is ServerStatus.DELETING


def test_a_lost_answer_waits_for_a_call_that_succeeds(simulated, scope, launch):
    simulated.faults.lose_answer()
    with pytest.raises(ImageNotFound):
        simulated.cloud.compute.create(scope, replace(launch, image_id="none"), 1)
    with pytest.raises(OutcomeUnknown):
        simulated.cloud.compute.create(scope, launch, 1)


def test_latency_passes_in_the_clock_s_time(simulated, scope, clock):
    before = clock.now()
    simulated.faults.delay(7.5, Where(calls=("list",)), times=1)
    simulated.cloud.compute.list(scope)
    simulated.cloud.compute.list(scope)
    assert clock.now() - before == timedelta(seconds=7.5)


def test_boots_fail_hang_and_dawdle_for_as_many_servers_as_set(simulated, scope, launch, clock):
    simulated.faults.boot_error("No valid host was found.", times=1)
    simulated.faults.boot_hang(times=2)
    simulated.faults.boot_slow(60, times=1)
    simulated.cloud.compute.create(scope, launch, 5)

    def count(status):
        return sum(server.status is status for server in simulated.cloud.compute.list(scope))

    clock.wait(3)
    assert (count(ServerStatus.ERROR), count(ServerStatus.ACTIVE), count(ServerStatus.BUILDING)) == (1, 1, 3)
    (broken,) = [s for s in simulated.cloud.compute.list(scope) if s.status is ServerStatus.ERROR]
    assert broken.fault == "No valid host was found."
    clock.wait(60)
    assert count(ServerStatus.ACTIVE) == 2
    clock.wait(10_000)
    assert count(ServerStatus.BUILDING) == 2
    assert simulated.faults.active() == []


def test_capacity_counts_what_stands_in_the_zone(simulated, scope, launch, clock):
    compute = simulated.cloud.compute
    (server,) = compute.create(scope, launch, 1)
    simulated.faults.capacity("us-east-1a", 2)
    with pytest.raises(NoCapacity):
        compute.create(scope, launch, 2)
    compute.create(scope, launch, 1)
    with pytest.raises(NoCapacity):
        compute.create(scope, launch, 1)
    compute.delete(scope, server.id)
    clock.wait(2)
    compute.create(scope, launch, 1)
    simulated.faults.capacity("us-east-1a", 4)  # the newest word counts
    compute.create(scope, launch, 2)


def test_capacity_of_one_flavor_leaves_the_others(simulated, scope, launch):
    compute = simulated.cloud.compute
    fault = simulated.faults.capacity("us-east-1a", 0, flavor="t3.micro")
    with pytest.raises(NoCapacity):
        compute.create(scope, launch, 1)
    compute.create(scope, replace(launch, flavor="t3.small"), 1)
    assert simulated.faults.lift(fault) == 1
    compute.create(scope, launch, 1)


def test_a_fault_of_one_region_meets_no_call_in_another(clock, scope, launch):
    simulated = SimulatedCloud.open(None, clock, SimulatedSettings(regions=(scope.region, "eu-west-1"), seed=1))
    simulated.faults.unavailable(Where(region="eu-west-1"))
    simulated.cloud.compute.create(scope, launch, 1)
    with pytest.raises(CloudUnavailable):
        simulated.cloud.compute.list(replace(scope, region="eu-west-1"))
    simulated.close()


@pytest.mark.parametrize("where", [Where(region="eu-west-1"), Where(zone="eu-west-1a"), Where(calls=("crate",))])
def test_what_the_cloud_does_not_have_has_no_faults(simulated, where):
    with pytest.raises(CannotSet, match="there is no"):
        simulated.faults.unavailable(where)


def test_a_closed_zone_is_told_and_takes_nothing(simulated, scope, launch):
    simulated.faults.close_zone("us-east-1a")
    zones = {zone.name: zone.available for zone in simulated.cloud.compute.zones(scope)}
    assert zones == {"us-east-1a": False, "us-east-1b": True, "us-east-1c": True}
    with pytest.raises(NoCapacity):
        simulated.cloud.compute.create(scope, launch, 1)


def test_quota_of_one_project(simulated, scope, launch):
    simulated.faults.quota("project-1", 1)
    simulated.cloud.compute.create(scope, launch, 1)
    with pytest.raises(QuotaExceeded):
        simulated.cloud.compute.create(scope, launch, 1)


def test_staleness_can_come_and_go(simulated, scope, launch, clock):
    simulated.cloud.compute.create(scope, launch, 1)
    simulated.faults.stale(10, seconds=8)
    assert simulated.cloud.compute.list(scope) == []
    clock.wait(8)
    assert len(simulated.cloud.compute.list(scope)) == 1


def test_hooks_see_each_call_before_and_after_and_may_raise(simulated, scope, launch):
    seen = []

    def hook(moment: Moment, call: Call) -> None:
        seen.append((moment, call.name, call.count))
        if moment is Moment.AFTER and call.name == "create":
            raise OutcomeUnknown
        if call.name == "zones":
            raise NotAuthorized

    simulated.faults.hooks.append(hook)
    with pytest.raises(OutcomeUnknown):
        simulated.cloud.compute.create(scope, launch, 2)
    with pytest.raises(NotAuthorized):
        simulated.cloud.compute.zones(scope)
    assert len(simulated.cloud.compute.list(scope)) == 2
    assert seen == [
        (Moment.BEFORE, "create", 2),
        (Moment.AFTER, "create", 2),
        (Moment.BEFORE, "zones", 1),
        (Moment.BEFORE, "list", 1),
        (Moment.AFTER, "list", 1),
    ]


def test_faults_are_kept_with_the_state_and_lifted_for_all(tmp_path, clock, scope, launch):
    path = str(tmp_path / "cloud.sqlite")
    one, two = SimulatedCloud.open(path, clock), SimulatedCloud.open(path, clock)
    one.faults.refuse(NoCapacity("full"))
    (fault,) = two.faults.active()
    assert (fault.effect, fault.where.calls, fault.remaining) == (Effect.REFUSE, ("create",), None)
    with pytest.raises(NoCapacity):
        two.cloud.compute.create(scope, launch, 1)
    assert two.faults.lift() == 1
    one.cloud.compute.create(scope, launch, 1)
    one.close()
    two.close()
