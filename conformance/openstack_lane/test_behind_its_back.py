"""What others do to a group's servers with OpenStack's own clients is noticed, told and mended; nothing is left over."""

from __future__ import annotations

from collections.abc import Callable

from conformance.clients import client
from conformance.fleet import Fleet
from conformance.openstack_lane.operator import Operator, converged
from conformance.product import Access, until


def test_a_server_that_was_deleted_and_one_in_error_are_replaced(fleet: Fleet, operator: Operator) -> None:
    name = fleet.create(3)
    deleted, broken, kept = converged(fleet, operator, name, 3)
    operator.owner.compute.delete_server(operator.uuid(deleted))
    operator.admin.compute.reset_server_state(operator.uuid(broken), "error")
    until("both have left", lambda: not {deleted, broken} & set(fleet.ids(name, None)))
    members = converged(fleet, operator, name, 3)
    assert kept in members
    told = {one["Description"]: one for one in fleet.activities(name)}
    for gone in (deleted, broken):
        ended = told[f"Terminating EC2 instance: {gone}"]
        assert ended["StatusCode"] == "Successful"
        assert "was taken out of service in response to an EC2 " in ended["Cause"]
    assert sum("an unhealthy instance needing to be replaced" in one["Cause"] for one in told.values()) == 2


def test_a_scale_in_leaves_neither_server_nor_port_nor_member(fleet: Fleet, operator: Operator, server: Access) -> None:
    elb = client(server, "elbv2", recorded=False)
    with operator.pool() as pool:
        (target,) = elb.describe_target_groups(Names=[pool.name])["TargetGroups"]
        name = fleet.create(3, TargetGroupARNs=[target["TargetGroupArn"]])
        converged(fleet, operator, name, 3)
        until("each is a member", lambda: len(operator.members(pool)) == 3)
        private = {one["PrivateIpAddress"] for one in fleet.servers(name)}
        assert {member.address for member in operator.members(pool)} == private
        fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        until("two take no new requests", lambda: sorted(one.weight for one in operator.members(pool))[:2] == [0, 0])
        assert len(operator.servers(name)) == 3, "they go on with those they have"
        converged(fleet, operator, name, 1)
        (member,) = operator.members(pool)
        assert member.address == fleet.servers(name)[0]["PrivateIpAddress"]
        fleet.delete(name)
        until("nothing is left", lambda: not operator.servers() and not operator.ports(), pause=1)
        assert operator.members(pool) == []


def test_a_quota_that_is_used_up_binds_until_it_is_raised(
    fleet: Fleet, operator: Operator, engine_log: Callable[[], str]
) -> None:
    name = fleet.create(1)
    with operator.instance_quota() as quota:
        quota(2)
        fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=4)
        until("the quota is told", lambda: fleet.failures(name))
        until("there are as many as may be", lambda: len(fleet.ids(name)) == 2)
        assert any("than your current instance limit of 2" in text for text in fleet.failures(name))

        def refused() -> list[str]:
            return [line for line in engine_log().splitlines() if repr(name) in line and "QuotaExceeded" in line]

        # What the quota leaves may have been looked at some seconds before it was lowered; then it is looked at anew.
        assert len(refused()) <= 2, "no more is refused than the launches of one pass"
        answers = [line for line in engine_log().splitlines() if " answered 4" in line]
        assert [line for line in answers if "cloud-request=req-" not in line] == []
    converged(fleet, operator, name, 4)
