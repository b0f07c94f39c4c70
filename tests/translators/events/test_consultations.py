"""The question in AWS's words, and what answers name."""

from __future__ import annotations

import json

import pytest

from backend.domain.consultations import Question
from backend.domain.ids import short_id
from backend.domain.messages import Unreached
from tests.factories import cluster, node
from translators.arns import instance_id
from translators.events.consultations import Consultations

WORDS = Consultations(lambda region: region, lambda _project: "123456789012")


def test_the_question():
    group = cluster("web")
    (one, other) = (node(group, name, zone=zone) for name, zone in (("a", "us-east-1b"), ("b", "us-east-1a")))
    capacity = {("us-east-1b", False): 1, ("us-east-1a", False): 1}
    told = json.loads(WORDS.asked(Question("q", "https://x/", group, capacity, [one, other])))
    market = {"InstanceMarketOption": "on-demand"}
    assert told.pop("AutoScalingGroupARN").endswith(":autoScalingGroupName/web")
    assert told == {
        "AutoScalingGroupName": "web",
        "CapacityToTerminate": [
            {"AvailabilityZone": "us-east-1a", "Capacity": 1, **market},
            {"AvailabilityZone": "us-east-1b", "Capacity": 1, **market},
        ],
        "Instances": [
            {
                "AvailabilityZone": each.zone,
                "InstanceId": instance_id(each.server_id),
                "InstanceType": "t3.micro",
                **market,
            }
            for each in (one, other)
        ],
        "Cause": "SCALE_IN",
    }


def test_capacity_is_split_by_market():
    group = cluster("web")
    nodes = [node(group, "a", zone="us-east-1a"), node(group, "b", zone="us-east-1a", preemptible=True)]
    capacity = {("us-east-1a", True): 1, ("us-east-1a", False): 1}
    told = json.loads(WORDS.asked(Question("q", "https://x/", group, capacity, nodes)))
    assert [each["InstanceMarketOption"] for each in told["Instances"]] == ["on-demand", "spot"]
    assert told["CapacityToTerminate"] == [
        {"AvailabilityZone": "us-east-1a", "Capacity": 1, "InstanceMarketOption": market}
        for market in ("on-demand", "spot")
    ]


def test_what_an_answer_names():
    server = node(cluster("web"), "a").server_id
    text = json.dumps({"InstanceIDs": [instance_id(server), "i-nonsense", 7, None]}).encode()
    assert WORDS.named(text) == {short_id(server)}
    assert WORDS.named(b'{"InstanceIDs": []}') == frozenset()


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"InstanceIDs": "i-1"}', b"\xff", b"[" * 100_000, b"7"])
def test_what_is_no_answer(text):
    with pytest.raises(Unreached):
        WORDS.named(text)
