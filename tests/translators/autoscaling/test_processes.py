import pytest


@pytest.fixture(autouse=True)
def group(world):
    return world.group()


def suspended(world):
    (group,) = world.call("DescribeAutoScalingGroups")["AutoScalingGroups"]
    return [process["ProcessName"] for process in group["SuspendedProcesses"]]


def test_some_and_all(world):
    assert world.call("SuspendProcesses", AutoScalingGroupName="web", ScalingProcesses=["Launch", "AZRebalance"]) == {}
    assert suspended(world) == ["AZRebalance", "Launch"]
    world.call("ResumeProcesses", AutoScalingGroupName="web", ScalingProcesses=["Launch"])
    assert suspended(world) == ["AZRebalance"]
    world.call("SuspendProcesses", AutoScalingGroupName="web")
    assert len(suspended(world)) == 9
    world.call("ResumeProcesses", AutoScalingGroupName="web", ScalingProcesses=[])
    assert suspended(world) == []


def test_refusals(world, group, refused):
    for operation, verb in (("SuspendProcesses", "suspended"), ("ResumeProcesses", "resumed")):
        error = refused(operation, AutoScalingGroupName="web", ScalingProcesses=["Launch", "Dance"])
        assert error.message.startswith("Invalid scaling process types: [Dance]")
        assert "not found" in refused(operation, AutoScalingGroupName="x").message
        world.put(group, verb)
        world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web", ForceDelete=True)
        error = refused(operation, AutoScalingGroupName="web")
        assert error.message == f"Processes may not be {verb} while the AutoScaling group is pending delete"
