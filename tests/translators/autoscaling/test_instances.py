"""Instances of groups as their callers move them; the words are the real service's."""

import pytest

from backend.domain.cluster import SourceRequest
from backend.domain.ids import short_id
from backend.domain.node import NodeState
from backend.store import nodes
from tests.factories import SCOPE


@pytest.fixture
def group(world):
    return world.group()


def i(node):
    return f"i-{short_id(node.server_id)}"


def state(world, node):
    with world.store.read() as conn:
        return nodes.get(conn, node.id).state


class TestTerminate:
    def test_the_activity(self, world, group):
        (node,) = world.put(group, "a")
        answer = world.call(
            "TerminateInstanceInAutoScalingGroup", InstanceId=i(node), ShouldDecrementDesiredCapacity=True
        )
        told = answer["Activity"]
        assert (told["StatusCode"], told["Progress"]) == ("InProgress", 0)
        assert told["Description"] == f"Terminating EC2 instance: {i(node)}"
        assert told["Cause"] == (
            f"At 2026-11-22T13:00:00Z instance {i(node)} was taken out of service in response to a user request,"
            " shrinking the capacity from 2 to 1."
        )
        polled = world.call("DescribeScalingActivities", ActivityIds=[told["ActivityId"]])["Activities"]
        assert polled == [told]

    def test_refusals(self, world, group, refused):
        world.backend.clusters.resize(SCOPE, "web", 1)
        (node,) = world.put(group, "a")
        below = refused("TerminateInstanceInAutoScalingGroup", InstanceId=i(node), ShouldDecrementDesiredCapacity=True)
        assert below.message == (
            "Currently, desiredSize equals minSize (1). Terminating instance without replacement will violate group's min"
            " size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size."
        )
        for unknown in ("i-00000000000000000", "i-0123abcd", "nonsense"):
            error = refused(
                "TerminateInstanceInAutoScalingGroup", InstanceId=unknown, ShouldDecrementDesiredCapacity=False
            )
            words = f"Instance Id not found - No managed instance found for instance ID: {unknown}"
            assert (error.code, error.message) == ("ValidationError", words)

    def test_several(self, world, group, refused):
        both = world.put(group, "a", "b")
        ids = [i(node) for node in both]
        params = {"InstanceIds": ids, "ShouldDecrementDesiredCapacity": False}
        assert "AutoScalingGroupName" in refused("TerminateInstanceInAutoScalingGroup", **params).message
        twice = {**params, "InstanceId": ids[0], "AutoScalingGroupName": "web"}
        assert "either" in refused("TerminateInstanceInAutoScalingGroup", **twice).message
        violating = {**params, "AutoScalingGroupName": "web", "ShouldDecrementDesiredCapacity": True}
        assert "Terminating 2 instances" in refused("TerminateInstanceInAutoScalingGroup", **violating).message
        answer = world.call("TerminateInstanceInAutoScalingGroup", **params, AutoScalingGroupName="web")
        assert [told["Description"][-19:] for told in answer["Activities"]] == ids

    def test_one_of_a_named_group(self, world, group, refused):
        (node,) = world.put(group, "a")
        params = {"InstanceId": i(node), "ShouldDecrementDesiredCapacity": False}
        error = refused("TerminateInstanceInAutoScalingGroup", **params, AutoScalingGroupName="other")
        assert "not found" in error.message
        assert "Activity" in world.call("TerminateInstanceInAutoScalingGroup", **params, AutoScalingGroupName="web")


class TestAttach:
    def test_it_is_listed_pending(self, world, group):
        server = world.server()
        params = {"AutoScalingGroupName": "web", "InstanceIds": [f"i-{server.short_id}"]}
        assert world.call("AttachInstances", **params) == {}
        (told,) = world.call("DescribeAutoScalingInstances")["AutoScalingInstances"]
        assert (told["InstanceId"], told["LifecycleState"]) == (f"i-{server.short_id}", "Pending")
        (entry,) = world.call("DescribeScalingActivities", AutoScalingGroupName="web")["Activities"]
        assert entry["Description"] == f"Attaching an existing EC2 instance: i-{server.short_id}"
        assert entry["Cause"].endswith(
            "an instance was added in response to user request. Keeping the capacity at the new 3."
        )

    def test_refusals(self, world, group, refused):
        def words(*ids):
            return refused("AttachInstances", AutoScalingGroupName="web", InstanceIds=list(ids)).message

        server = world.server()
        name = f"i-{server.short_id}"
        assert words() == "At least one instance ID must be specified."
        assert words("i-00000000000000000") == "Invalid Instance ID(s): [i-00000000000000000]"
        assert words(*[name] * 21) == (
            "List exceeds the maximum number of instances to attach. Please retry your request with fewer instances."
        )
        outside = world.server(zone="us-east-1c")
        assert words(f"i-{outside.short_id}").endswith(
            "is not in one of the Availability Zones of the AutoScalingGroup."
        )
        world.backend.clusters.resize(SCOPE, "web", 4)
        assert words(name) == (
            "AutoScalingGroup web has min-size=1, max-size=4, and desired-size=4. To attach 1 more instance, please update"
            " the AutoScalingGroup sizes appropriately."
        )
        world.backend.clusters.resize(SCOPE, "web", 2)
        world.call("AttachInstances", AutoScalingGroupName="web", InstanceIds=[name])
        assert words(name) == f"The Instance: {name} is already part of AutoScalingGroup:web"
        world.simulated.operator.stop(world.server().id)

    def test_one_that_was_launched_from_the_groups_template_tells_it(self, world):
        data = {"ImageId": f"ami-{world.image()}", "InstanceType": "t3.micro"}
        made = world.call("CreateLaunchTemplate", service="ec2", LaunchTemplateName="tmpl", LaunchTemplateData=data)[
            "LaunchTemplate"
        ]
        world.group("other", source=SourceRequest(template_name="tmpl"))
        tags = {"aws:ec2launchtemplate:id": made["LaunchTemplateId"], "aws:ec2launchtemplate:version": "1"}
        ours, theirs = world.server(), world.server()
        for server, version in ((ours, "1"), (theirs, "1e9")):
            told = {**tags, "aws:ec2launchtemplate:version": version}
            world.simulated.cloud.compute.tag(SCOPE, server.id, told, ())
        ids = [f"i-{server.short_id}" for server in (ours, theirs)]
        world.call("AttachInstances", AutoScalingGroupName="other", InstanceIds=ids)
        told = world.call("DescribeAutoScalingInstances", InstanceIds=ids)["AutoScalingInstances"]
        shown = {each["InstanceId"]: each.get("LaunchTemplate") for each in told}
        template = {key: made[key] for key in ("LaunchTemplateId", "LaunchTemplateName")}
        assert shown == {ids[0]: {**template, "Version": "1"}, ids[1]: None}


class TestDetachAndStandby:
    def test_round(self, world, group):
        (node,) = world.put(group, "a")
        params = {"AutoScalingGroupName": "web", "InstanceIds": [i(node)]}
        (told,) = world.call("EnterStandby", **params, ShouldDecrementDesiredCapacity=True)["Activities"]
        assert (told["StatusCode"], told["Progress"]) == ("InProgress", 50)
        assert told["Description"] == f"Moving EC2 instance to Standby: {i(node)}"
        assert told["Cause"].endswith(
            "was moved to standby in response to a user request, shrinking the capacity from 2 to 1."
        )
        world.change(node.id, state=NodeState.STANDBY)
        (told,) = world.call("ExitStandby", **params)["Activities"]
        assert (told["StatusCode"], told["Progress"]) == ("PreInService", 30)
        assert told["Description"] == f"Moving EC2 instance out of Standby: {i(node)}"
        assert told["Cause"].endswith(
            "out of standby in response to a user request, increasing the capacity from 1 to 2."
        )

    def test_detach(self, world, group):
        (node,) = world.put(group, "a")
        params = {"AutoScalingGroupName": "web", "InstanceIds": [i(node)], "ShouldDecrementDesiredCapacity": False}
        (told,) = world.call("DetachInstances", **params)["Activities"]
        assert (told["StatusCode"], told["Progress"]) == ("InProgress", 50)
        assert told["Cause"].endswith(f"instance {i(node)} was detached in response to a user request.")
        assert state(world, node) is NodeState.DETACHING

    def test_refusals(self, world, group, refused):
        first, second = world.put(group, "a", "b")
        (pending,) = world.put(group, "c", state=NodeState.PENDING)

        def words(operation, *ids, decrement=True, **params):
            if operation != "ExitStandby":
                params["ShouldDecrementDesiredCapacity"] = decrement
            return refused(operation, AutoScalingGroupName="web", InstanceIds=list(ids), **params).message

        assert words("EnterStandby", i(pending)) == f"The instance {i(pending)} is not in InService."
        assert words("DetachInstances", i(pending)) == f"The instance {i(pending)} is not in InService or Standby."
        assert words("ExitStandby", i(first)) == f"The instance {i(first)} is not in Standby."
        assert words("DetachInstances", "i-00000000000000000") == (
            "The instance i-00000000000000000 is not part of Auto Scaling group web."
        )
        assert words("DetachInstances", *[i(first)] * 21) == (
            "List exceeds the maximum number of instances to detach. Please retry your request with fewer instances."
        )
        sizes = "AutoScalingGroup web has min-size=1, max-size=4, and desired-size=2."
        tail = "please update the AutoScalingGroup sizes appropriately."
        assert words("DetachInstances", i(first), i(second)) == f"{sizes} To detach 2 instances, {tail}"
        assert words("EnterStandby", i(first), i(second)) == f"{sizes} To place into standby 2 instances, {tail}"
        world.call("SuspendProcesses", AutoScalingGroupName="web", ScalingProcesses=["Launch"])
        assert words("ExitStandby", i(first)) == (
            "Cannot move instances out of Standby for AutoScalingGroup web while the Launch process is suspended"
        )

    def test_exit_above_the_maximum(self, world, group, refused):
        (node,) = world.put(group, "a", state=NodeState.STANDBY)
        world.backend.clusters.resize(SCOPE, "web", 4)
        error = refused("ExitStandby", AutoScalingGroupName="web", InstanceIds=[i(node)])
        assert "To move 1 instance out of standby," in error.message


def test_health(world, group, refused):
    (node,) = world.put(group, "a")
    assert world.call("SetInstanceHealth", InstanceId=i(node), HealthStatus="Unhealthy") == {}
    (told,) = world.call("DescribeAutoScalingInstances", InstanceIds=[i(node)])["AutoScalingInstances"]
    assert told["HealthStatus"] == "UNHEALTHY"
    (told,) = world.call("DescribeAutoScalingGroups")["AutoScalingGroups"][0]["Instances"]
    assert told["HealthStatus"] == "Unhealthy"
    world.call("SetInstanceHealth", InstanceId=i(node), HealthStatus="Healthy", ShouldRespectGracePeriod=False)
    error = refused("SetInstanceHealth", InstanceId=i(node), HealthStatus="Sick")
    assert error.message.startswith("Valid instance health states are: [Healthy, Unhealthy]")
    error = refused("SetInstanceHealth", InstanceId="i-00000000000000000", HealthStatus="Healthy")
    assert error.message.startswith("Instance Id not found")


def test_protection(world, group, refused):
    (node,) = world.put(group, "a")
    (pending,) = world.put(group, "b", state=NodeState.PENDING)
    params = {"AutoScalingGroupName": "web", "ProtectedFromScaleIn": True}
    assert world.call("SetInstanceProtection", InstanceIds=[i(node)], **params) == {}
    (told,) = world.call("DescribeAutoScalingInstances", InstanceIds=[i(node)])["AutoScalingInstances"]
    assert told["ProtectedFromScaleIn"] is True
    error = refused("SetInstanceProtection", InstanceIds=[i(pending)], **params)
    assert error.message == f"The instance {i(pending)} is not in InService or EnteringStandby or Standby."
    error = refused("SetInstanceProtection", InstanceIds=[i(node)] * 51, **params)
    assert error.message.startswith("List exceeds the maximum number of instances to protect.")


def test_describe(world, group, refused):
    world.put(group, *(str(number) for number in range(3)))
    first = world.call("DescribeAutoScalingInstances", MaxRecords=2)
    rest = world.call("DescribeAutoScalingInstances", MaxRecords=2, NextToken=first["NextToken"])
    ids = [told["InstanceId"] for told in first["AutoScalingInstances"] + rest["AutoScalingInstances"]]
    assert len(set(ids)) == 3
    assert "NextToken" not in rest
    told = first["AutoScalingInstances"][0]
    assert told["AutoScalingGroupName"] == "web"
    assert told["HealthStatus"] == "HEALTHY"
    assert told["LaunchConfigurationName"] == "lc"
    assert world.call("DescribeAutoScalingInstances", InstanceIds=["i-00000000000000000"]) == {
        "AutoScalingInstances": []
    }
    assert "'maxRecords'" in refused("DescribeAutoScalingInstances", MaxRecords=51).message
    assert "'instanceIds'" in refused("DescribeAutoScalingInstances", InstanceIds=["i-1"] * 51).message
