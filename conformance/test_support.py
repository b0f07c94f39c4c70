"""Every operation of the model is answered or declined with a reason, and the suite asks all that are answered."""

from __future__ import annotations

import os
from typing import Any

import pytest

from conformance.clients import RECORD
from conformance.readme import README, SUPPORT_PAGE, block
from conformance.support import DECLINED, LATER, Support, summary, table

ISSUE_EC2 = {
    "CreateLaunchTemplate",
    "CreateLaunchTemplateVersion",
    "CreateTags",
    "DeleteLaunchTemplate",
    "DeleteLaunchTemplateVersions",
    "DeleteTags",
    "DescribeAccountAttributes",
    "DescribeAvailabilityZones",
    "DescribeImages",
    "DescribeInstanceStatus",
    "DescribeInstanceTypeOfferings",
    "DescribeInstanceTypes",
    "DescribeInstances",
    "DescribeKeyPairs",
    "DescribeLaunchTemplateVersions",
    "DescribeLaunchTemplates",
    "DescribeRegions",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeTags",
    "DescribeVpcs",
    "GetLaunchTemplateData",
    "ModifyLaunchTemplate",
    "RebootInstances",
    "RunInstances",
    "StartInstances",
    "StopInstances",
    "TerminateInstances",
}

NEVER_GRANTED = {"ConfirmSubscription", "EnableVgwRoutePropagation", "GetInstanceUefiData"}
"""There is nothing (a token that only a URL is told, a VPN gateway, UEFI data) that these could be granted
for."""

ERRORS = {
    "autoscaling": {
        "ActiveInstanceRefreshNotFound",
        "AlreadyExists",
        "IdempotentParameterMismatch",
        "InstanceRefreshInProgress",
        "InvalidNextToken",
        "IrreversibleInstanceRefresh",
        "LimitExceeded",
        "ResourceInUse",
        "ScalingActivityInProgress",
        "ValidationError",
    },
    "cloudwatch": {
        "InvalidNextToken",
        "InvalidParameterCombination",
        "InvalidParameterInput",
        "InvalidParameterValue",
        "MissingParameter",
        "ResourceNotFound",
        "ValidationError",
    },
    "ec2": {
        "DryRunOperation",
        "IncorrectInstanceState",
        "InvalidAMIID.Malformed",
        "InvalidAMIID.NotFound",
        "InvalidGroup.NotFound",
        "InvalidInstanceID.Malformed",
        "InvalidInstanceID.NotFound",
        "InvalidInstanceType",
        "InvalidKeyPair.NotFound",
        "InvalidLaunchTemplateId.Malformed",
        "InvalidLaunchTemplateId.NotFound",
        "InvalidLaunchTemplateId.VersionNotFound",
        "InvalidLaunchTemplateName.AlreadyExistsException",
        "InvalidLaunchTemplateName.MalformedException",
        "InvalidLaunchTemplateName.NotFoundException",
        "InvalidNextToken",
        "InvalidParameterValue",
        "InvalidSubnetID.NotFound",
        "InvalidVpcID.NotFound",
        "MissingParameter",
        "UnsupportedOperation",
    },
    "elbv2": {"LoadBalancerNotFound", "TargetGroupNotFound"},
    "events": {
        "InvalidEventPatternException",
        "LimitExceededException",
        "ResourceNotFoundException",
        "ValidationException",
    },
    "iam": {"InvalidAction"},
    "sns": {"InvalidParameter", "NotFound", "ParameterValueInvalid"},
    "sqs": {
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "AWS.SimpleQueueService.EmptyBatchRequest",
        "AWS.SimpleQueueService.InvalidBatchEntryId",
        "AWS.SimpleQueueService.MessageNotInflight",
        "AWS.SimpleQueueService.NonExistentQueue",
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "InvalidAttributeName",
        "InvalidAttributeValue",
        "InvalidParameterValue",
        "MissingParameter",
        "QueueAlreadyExists",
        "ReceiptHandleIsInvalid",
    },
}


def test_every_autoscaling_operation_is_answered_or_declined(support: Support) -> None:
    answered, missing = support.answered["autoscaling"], support.missing.get("autoscaling", set())
    assert missing - set(DECLINED) == set(), "neither answered nor declined with a reason"
    assert answered & set(DECLINED) == set(), "declined, and answered all the same"
    assert set(DECLINED) <= missing, "declined, but no operation of the model"


def test_nothing_is_left_for_later() -> None:
    assert LATER == {}


def test_companions(support: Support) -> None:
    assert support.answered["ec2"] >= ISSUE_EC2
    assert "GetCallerIdentity" in support.answered["sts"]
    assert support.answered["iam"]


def test_the_table_names_every_answered_operation(support: Support) -> None:
    text = table(support)
    for names in support.answered.values():
        assert all(f"`{name}`" in text for name in names)


@pytest.mark.last
def test_the_suite_asked_everything(support: Support, request: pytest.FixtureRequest) -> None:
    ran = {item.path.name for item in request.session.items}
    needed = {
        "test_groups.py",
        "test_hooks.py",
        "test_launch_sources.py",
        "test_scaling.py",
        "test_alarms.py",
        "test_composite_alarms.py",
        "test_policies.py",
        "test_schedules.py",
        "test_accounts.py",
        "test_ec2.py",
        "test_identities.py",
        "test_paging.py",
        "test_traffic.py",
        "test_balancers.py",
        "test_direct_launches.py",
        "test_events.py",
        "test_classic_balancers.py",
        "test_queues.py",
        "test_metrics.py",
    }
    if not needed <= ran or os.environ.get("PYTEST_XDIST_WORKER"):
        pytest.skip("only a run of the whole boto3 suite in one process can tell")
    for service in ("autoscaling", "ec2", "elbv2", "elb", "sts", "iam", "ssm", "sqs", "sns", "events", "cloudwatch"):
        asked = {operation for owner, operation in RECORD.operations if owner == service}
        asked |= {operation for owner, operation in RECORD.refused if owner == service} & NEVER_GRANTED
        assert support.answered[service] - asked == set(), f"{service}: answered, but never asked with success"
    missing: dict[str, Any] = {
        service: codes - {code for owner, code in RECORD.errors if owner == service}
        for service, codes in ERRORS.items()
    }
    assert missing == {service: set() for service in ERRORS}


def test_the_pages_tell_what_is_answered(support: Support) -> None:
    for page, body in ((README, summary(support)), (SUPPORT_PAGE, table(support).rstrip())):
        told = page.read_text()
        assert block(told, "support", body) == told, "run `make readme`"
