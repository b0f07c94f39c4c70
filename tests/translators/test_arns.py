from __future__ import annotations

import uuid

import pytest

from translators import arns

UUID = str(uuid.UUID(int=0x0123456789ABCDEF0123456789ABCDEF))


def test_an_id_is_a_prefix_and_17_digits_and_leads_back() -> None:
    shown = arns.instance_id(UUID)
    assert shown == "i-0123456789abcdef0"
    assert len(shown) <= 19
    assert arns.short_of(arns.INSTANCE, shown) == "0123456789abcdef0"


@pytest.mark.parametrize(
    "text", ["", "i-", "i-0123", "i-0123456789ABCDEF0", "ami-0123456789abcdef0", "i-12345678", "x"]
)
def test_what_is_no_id_of_ours_leads_nowhere(text: str) -> None:
    assert arns.short_of(arns.INSTANCE, text) is None


def test_old_ids_are_well_formed() -> None:
    assert arns.is_well_formed(arns.INSTANCE, "i-1234abcd")
    assert arns.is_well_formed(arns.INTERFACE_ATTACHMENT, "eni-attach-1234abcd")
    assert not arns.is_well_formed(arns.INSTANCE, "i-1234abc")
    assert not arns.is_well_formed(arns.INSTANCE, "ami-1234abcd")


def test_derived_ids_are_stable_and_distinct() -> None:
    assert arns.derived_id("vol", "a", "/dev/sda1") == arns.derived_id("vol", "a", "/dev/sda1")
    assert arns.derived_id("vol", "a", "/dev/sda1") != arns.derived_id("vol", "a", "/dev/sdb")
    assert arns.is_well_formed(arns.VOLUME, arns.derived_id("vol", "a", "b"))


def test_arns_have_the_forms_that_tools_take_apart() -> None:
    assert arns.group("r", "1", UUID, "g") == f"arn:aws:autoscaling:r:1:autoScalingGroup:{UUID}:autoScalingGroupName/g"
    assert (
        arns.launch_configuration("r", "1", UUID, "l")
        == f"arn:aws:autoscaling:r:1:launchConfiguration:{UUID}:launchConfigurationName/l"
    )
    assert (
        arns.service_linked_role("1")
        == "arn:aws:iam::1:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    )
    assert arns.user("1", "u") == "arn:aws:iam::1:user/u"
    assert arns.ec2("r", "1", "subnet", "subnet-1") == "arn:aws:ec2:r:1:subnet/subnet-1"
