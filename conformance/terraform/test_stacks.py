"""Whole stacks with Terraform: networks, balancers and identities round the group; each applied, imported, destroyed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from conformance.clients import client
from conformance.fleet import unique
from conformance.leaks import standing
from conformance.product import ON_OPENSTACK, Access, until
from conformance.terraform.stack import Stack, Tool, alive, group

HERE = Path(__file__).parent
pytestmark = pytest.mark.tool
VARIABLES: Mapping[str, Any] = {"gone": {"code": "403"}} if ON_OPENSTACK else {}
"""Octavia gives no other answer of its own than a bare 403."""
ELSEWHERE = pytest.mark.embedded("parts of it are refused on Octavia in plain words: weights, TLS")

NEVER_READ_BACK = {"aws_key_pair.mine"}
"""Whose key no service tells, so that an import has to replace it. Source: the provider's page of aws_key_pair."""


def _imports(first: Stack, second: Stack, *variables: str) -> None:
    """Every resource that the stack names is found by its import key alone, and is what was meant: none is replaced."""
    keys = first.outputs()["import"]
    actions = second.imports(keys, *variables)
    assert set(actions) == set(keys)
    assert {address for address, done in actions.items() if "delete" in done} <= NEVER_READ_BACK


def _health(elbv2: Any, target_group: str) -> dict[str, str]:
    told = elbv2.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
    return {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in told}


def test_the_tutorial(
    terraform: Tool,
    tmp_path: Path,
    server: Access,
    asg: Any,
    ec2: Any,
    cloud_standing: Callable[[], Mapping[str, set[str]]],
) -> None:
    before, beneath = standing(server), cloud_standing()
    mark = unique("tut")
    stack = Stack(terraform, HERE / "tutorial", tmp_path / "one", server, mark, **VARIABLES)
    stack.apply()
    told = stack.outputs()
    made = group(asg, told["group"])
    assert made is not None
    assert {one["LifecycleState"] for one in made["Instances"]} == {"InService"}
    elbv2 = client(server, "elbv2")
    assert _health(elbv2, told["target_group"]) == {one["InstanceId"]: "healthy" for one in made["Instances"]}
    assert {one["VpcId"] for one in alive(ec2, told["group"])} == {told["vpc"]}
    stack.no_change()

    changed = ("-var=desired=3", "-var=health_path=/ready", '-var=offices=["192.0.2.0/24","203.0.113.128/25"]')
    stack.apply(*changed)
    (offices,) = ec2.describe_managed_prefix_lists(PrefixListIds=[told["offices"]])["PrefixLists"]
    assert (offices["State"], offices["Version"]) == ("modify-complete", 2)
    made = group(asg, told["group"])
    assert made is not None
    assert len(made["Instances"]) == 3
    (target_group,) = elbv2.describe_target_groups(TargetGroupArns=[told["target_group"]])["TargetGroups"]
    assert target_group["HealthCheckPath"] == "/ready"
    stack.no_change(*changed)

    _imports(stack, Stack(terraform, HERE / "tutorial", tmp_path / "two", server, mark, **VARIABLES), *changed)
    stack.run("destroy", "-auto-approve", *changed)
    assert standing(server) == before
    until("the cloud has nothing of it left", lambda: cloud_standing() == beneath)


@ELSEWHERE
def test_what_the_modules_expand_to(terraform: Tool, tmp_path: Path, server: Access, asg: Any, ec2: Any) -> None:
    before = standing(server)
    mark = unique("mod")
    stack = Stack(terraform, HERE / "modules", tmp_path / "one", server, mark)
    stack.apply()
    told = stack.outputs()
    made = group(asg, told["group"])
    assert made is not None
    assert len(made["TargetGroupARNs"]) == 2
    assert {one["IamInstanceProfile"]["Arn"].rpartition("/")[0] for one in alive(ec2, told["group"])}
    stack.no_change()
    stack.apply("-var=room=green")
    stack.no_change("-var=room=green")
    _imports(stack, Stack(terraform, HERE / "modules", tmp_path / "two", server, mark))
    stack.run("destroy", "-auto-approve")
    assert standing(server) == before


@ELSEWHERE
def test_a_classic_stack(terraform: Tool, tmp_path: Path, server: Access, asg: Any) -> None:
    before = standing(server)
    mark = unique("cla")
    stack = Stack(terraform, HERE / "classic", tmp_path / "one", server, mark)
    stack.apply()
    told = stack.outputs()
    made = group(asg, told["group"])
    assert made is not None
    health = client(server, "elb").describe_instance_health(LoadBalancerName=told["balancer"])["InstanceStates"]
    assert {one["InstanceId"] for one in health if one["State"] == "InService"} >= {
        one["InstanceId"] for one in made["Instances"]
    }
    stack.no_change()
    stack.apply("-var=desired=2")
    stack.no_change("-var=desired=2")
    _imports(stack, Stack(terraform, HERE / "classic", tmp_path / "two", server, mark))
    stack.run("destroy", "-auto-approve")
    assert standing(server) == before


def _told(asg: Any, name: str) -> dict[str, list[str]]:
    """The topics that hear of a group, with what they hear."""
    heard: dict[str, list[str]] = {}
    found = asg.describe_notification_configurations(AutoScalingGroupNames=[name])["NotificationConfigurations"]
    for each in found:
        heard.setdefault(each["TopicARN"], []).append(each["NotificationType"].rpartition(":")[2])
    return heard


def _heard(sqs: Any, queue: str) -> list[str]:
    """What a queue has, taken out of it."""
    bodies: list[str] = []
    while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        bodies += [each["Body"] for each in found]
        entries = [{"Id": each["MessageId"], "ReceiptHandle": each["ReceiptHandle"]} for each in found]
        sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    return bodies


def test_what_tells_of_a_group(terraform: Tool, tmp_path: Path, server: Access, asg: Any) -> None:
    """Its topic with a policy, the queue that hears it, one of dead letters, a rule with its target."""
    before = standing(server)
    mark = unique("tell")
    stack = Stack(terraform, HERE / "messages", tmp_path / "one", server, mark)
    stack.apply()
    told = stack.outputs()
    sqs, sns = client(server, "sqs"), client(server, "sns")
    _heard(sqs, told["queue"])
    assert _told(asg, told["group"]) == {told["topic"]: ["EC2_INSTANCE_LAUNCH"]}
    stack.no_change()

    changed = (
        "-var=tries=5",
        '-var=kinds=["good","better"]',
        '-var=told=["autoscaling:EC2_INSTANCE_LAUNCH","autoscaling:EC2_INSTANCE_TERMINATE"]',
    )
    stack.apply(*changed)
    redrive = sqs.get_queue_attributes(QueueUrl=told["queue"], AttributeNames=["RedrivePolicy"])["Attributes"]
    assert json.loads(redrive["RedrivePolicy"])["maxReceiveCount"] == 5
    assert sorted(_told(asg, told["group"])[told["topic"]]) == ["EC2_INSTANCE_LAUNCH", "EC2_INSTANCE_TERMINATE"]
    for kind in ("better", "worst"):
        kinds = {"kind": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=told["topic"], Message=kind, MessageAttributes=kinds)
    assert _heard(sqs, told["queue"]) == ["better"]
    stack.no_change(*changed)

    _imports(stack, Stack(terraform, HERE / "messages", tmp_path / "two", server, mark), *changed)
    stack.run("destroy", "-auto-approve", *changed)
    assert standing(server) == before
