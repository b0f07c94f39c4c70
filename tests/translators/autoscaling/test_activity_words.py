"""AWS's sentences, word for word."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind
from backend.domain.lifecycle import Decided
from tests.factories import NOW, activity, cluster, uuid_of
from translators.autoscaling import activity_words

WEB = cluster("web")
SERVER = uuid_of("server")
SHORT = SERVER.replace("-", "")[:17]
SUBNET = uuid_of("subnet")
T = "At 2026-11-22T13:00:00Z"
STEP = {"before": 1, "after": 2}
DOWN = {"before": 3, "after": 2}


def test_every_kind_has_words():
    assert activity_words.unspoken() == (set(), set())


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (
            CauseKind.USER_CREATED,
            STEP,
            "a user request created an AutoScalingGroup changing the desired capacity from 1 to 2.",
        ),
        (
            CauseKind.USER_UPDATED,
            {"minimum": 1, "maximum": 5, "desired": 3, **STEP},
            (
                "a user request update of AutoScalingGroup constraints to min: 1, max: 5, desired: 3 changing the desired"
                " capacity from 1 to 2."
            ),
        ),
        (
            CauseKind.USER_SET_DESIRED,
            STEP,
            "a user request explicitly set group desired capacity changing the desired capacity from 1 to 2.",
        ),
        (
            CauseKind.USER_EXECUTED_POLICY,
            {"policy": "p", **STEP},
            "a user request executed policy p changing the desired capacity from 1 to 2.",
        ),
        (
            CauseKind.ALARM_TRIGGERED_POLICY,
            {"alarm": "a", "policy": "p", **DOWN},
            "a monitor alarm a in state ALARM triggered policy p changing the desired capacity from 3 to 2.",
        ),
        (
            CauseKind.FORECAST,
            {"policy": "p", "forecast": 9, **STEP},
            "a predictive scaling policy p with a forecast of 9 changing the desired capacity from 1 to 2.",
        ),
        (
            CauseKind.SCHEDULED_ACTION,
            {"minimum": 1, "maximum": 5, "desired": 2, **STEP},
            (
                "a scheduled action update of AutoScalingGroup constraints to min: 1, max: 5, desired: 2 changing the desired"
                " capacity from 1 to 2."
            ),
        ),
        (
            CauseKind.CAPACITY_INCREASE,
            STEP,
            (
                "an instance was started in response to a difference between desired and actual capacity, increasing the"
                " capacity from 1 to 2."
            ),
        ),
        (
            CauseKind.CAPACITY_DECREASE,
            DOWN,
            (
                "an instance was taken out of service in response to a difference between desired and actual capacity,"
                " shrinking the capacity from 3 to 2."
            ),
        ),
        (CauseKind.SELECTED_FOR_TERMINATION, {"server": SERVER}, f"instance i-{SHORT} was selected for termination."),
        (
            CauseKind.USER_TERMINATED,
            {"server": SHORT},
            f"instance i-{SHORT} was taken out of service in response to a user request.",
        ),
        (
            CauseKind.USER_DETACHED,
            {"server": SHORT, **DOWN},
            f"instance i-{SHORT} was detached in response to a user request, shrinking the capacity from 3 to 2.",
        ),
        (
            CauseKind.USER_ATTACHED,
            {"server": SHORT, **STEP},
            "an instance was added in response to user request. Keeping the capacity at the new 2.",
        ),
        (
            CauseKind.USER_ENTERED_STANDBY,
            {"server": SHORT},
            f"instance i-{SHORT} was moved to standby in response to a user request.",
        ),
        (
            CauseKind.USER_EXITED_STANDBY,
            {"server": SHORT, **STEP},
            (
                f"instance i-{SHORT} was moved out of standby in response to a user request, increasing the capacity from 1"
                " to 2."
            ),
        ),
        (CauseKind.USER_DELETED_CLUSTER, {}, "a user request force deleted AutoScalingGroup."),
        (
            CauseKind.USER_DELETED_CLUSTER,
            {"before": 2, "after": 0},
            "a user request force deleted AutoScalingGroup changing the desired capacity from 2 to 0.",
        ),
        (
            CauseKind.REPLACING_UNHEALTHY,
            {},
            "an instance was launched in response to an unhealthy instance needing to be replaced.",
        ),
        (
            CauseKind.HEALTH_STATUS_CHECK,
            {},
            "an instance was taken out of service in response to an EC2 instance status check failure.",
        ),
        (
            CauseKind.HEALTH_TERMINATED_OR_STOPPED,
            {},
            (
                "an instance was taken out of service in response to an EC2 health check that indicated it had been terminated"
                " or stopped."
            ),
        ),
        (
            CauseKind.HEALTH_BALANCER,
            {},
            "an instance was taken out of service in response to an ELB system health check failure.",
        ),
        (CauseKind.HEALTH_CUSTOM, {}, "an instance was taken out of service in response to a user health-check."),
        (
            CauseKind.ZONE_REBALANCE_LAUNCH,
            {"short_zones": "a,b", "long_zones": "c"},
            (
                "instances were launched to balance instances in zones a b with other zones resulting in more than desired"
                " number of instances in the group."
            ),
        ),
        (
            CauseKind.ZONE_MIGRATION,
            {"zones": "a,b", "count": 2},
            (
                "invalid availability zones a b had 2 instances respectively.  An instance was launched to aid in migrating"
                " instances from these zones to valid ones."
            ),
        ),
    ],
)
def test_causes(kind, data, words):
    assert activity_words.cause(activity(WEB, causes=(Cause(kind, NOW, data),))) == f"{T} {words}"


def test_sentences_stand_two_blanks_apart():
    causes = (
        Cause(CauseKind.USER_SET_DESIRED, NOW, STEP),
        Cause(CauseKind.CAPACITY_INCREASE, NOW + timedelta(seconds=9, milliseconds=900), STEP),
    )
    assert activity_words.cause(activity(WEB, causes=causes)) == (
        f"{T} a user request explicitly set group desired capacity changing the desired capacity from 1 to 2."
        "  At 2026-11-22T13:00:09Z an instance was started in response to a difference between desired and actual"
        " capacity, increasing the capacity from 1 to 2."
    )


def test_all_protected():
    entry = activity(WEB, kind=ActivityKind.NOTE, causes=(Cause(CauseKind.ALL_PROTECTED, NOW),))
    words = "Could not scale to desired capacity because all remaining instances are protected from scale-in."
    assert activity_words.cause(entry) == words
    assert activity_words.description(entry) == words


def test_a_health_check_that_was_refused():
    entry = activity(
        WEB,
        kind=ActivityKind.HEALTH_CHECK,
        status=ActivityStatus.FAILED,
        causes=(Cause(CauseKind.ACCESS_REFUSED, NOW),),
        reason=Reason(ReasonKind.NOT_AUTHORIZED, {"detail": "The trust has expired."}),
    )
    message = (
        "You are not authorized to perform this operation. The trust has expired."
        " Checking the health of EC2 instances failed."
    )
    assert activity_words.status_message(entry) == message
    assert activity_words.description(entry) == f"Checking the health of EC2 instances.  Status Reason: {message}"
    assert activity_words.cause(entry) == (
        f"{T} access to the instances of the group was refused during a health check. Until it is restored their"
        " health is not known, and no instance is replaced or taken out of service for it."
    )


def test_long_causes_are_cut():
    causes = (Cause(CauseKind.USER_EXECUTED_POLICY, NOW, {"policy": "p" * 600, **STEP}),) * 3
    assert len(activity_words.cause(activity(WEB, causes=causes))) == 1023


def test_what_an_entry_lacks_is_told_as_nothing():
    for kind in CauseKind:
        assert activity_words.cause(activity(WEB, causes=(Cause(kind, NOW),)))
    for kind in ReasonKind:
        entry = activity(WEB, status=ActivityStatus.FAILED, reason=Reason(kind))
        assert len(activity_words.status_message(entry)) <= 255


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (ActivityKind.LAUNCH, "Launching a new EC2 instance"),
        (ActivityKind.TERMINATE, "Terminating EC2 instance"),
        (ActivityKind.ATTACH, "Attaching an existing EC2 instance"),
        (ActivityKind.DETACH, "Detaching EC2 instance"),
        (ActivityKind.ENTER_STANDBY, "Moving EC2 instance to Standby"),
        (ActivityKind.EXIT_STANDBY, "Moving EC2 instance out of Standby"),
    ],
)
def test_descriptions(kind, words):
    assert activity_words.description(activity(WEB, kind=kind, server_id=SERVER)) == f"{words}: i-{SHORT}"


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (ReasonKind.IMAGE_NOT_FOUND, {"image": SHORT}, f"The image id '[ami-{SHORT}]' does not exist."),
        (ReasonKind.KEY_PAIR_NOT_FOUND, {"name": "k"}, "The key pair 'k' does not exist."),
        (ReasonKind.SECURITY_GROUP_NOT_FOUND, {"group": SHORT}, f"The security group 'sg-{SHORT}' does not exist."),
        (ReasonKind.SECURITY_GROUP_NOT_FOUND, {"group": "web"}, "The security group 'web' does not exist."),
        (
            ReasonKind.QUOTA,
            {"resource": "instances", "requested": 7, "limit": 6},
            (
                "You have requested more instances (7) than your current instance limit of 6 allows for the specified instance"
                " type."
            ),
        ),
        (
            ReasonKind.NO_CAPACITY,
            {"type": "t3.micro", "zone": "us-east-1a"},
            (
                "We currently do not have sufficient t3.micro capacity in the Availability Zone you requested (us-east-1a). Our"
                " system will be working on provisioning additional capacity."
            ),
        ),
        (
            ReasonKind.CLOUD_UNREACHED,
            {"detail": "the cloud does not answer"},
            "We could not reach the cloud: the cloud does not answer. Our system will try again.",
        ),
        (ReasonKind.OUTCOME_UNKNOWN, {"detail": "no answer"}, "The request was sent and not answered: no answer."),
        (ReasonKind.CLOUD_REFUSED, {"detail": "No."}, "The request was refused: No."),
        (ReasonKind.CLOUD_REFUSED, {"detail": "no"}, "The request was refused: no."),
        (ReasonKind.CLOUD_REFUSED, {"detail": ""}, "The request was refused."),
        (ReasonKind.NOT_AUTHORIZED, {"detail": ""}, "You are not authorized to perform this operation."),
        (
            ReasonKind.NOT_AUTHORIZED,
            {"detail": "no role"},
            "You are not authorized to perform this operation. no role.",
        ),
    ],
)
def test_failures(kind, data, words):
    entry = activity(WEB, status=ActivityStatus.FAILED, progress=100, ended_at=NOW, reason=Reason(kind, data))
    message = f"{words} Launching EC2 instance failed."
    assert activity_words.status_message(entry) == message
    assert activity_words.description(entry) == f"Launching a new EC2 instance.  Status Reason: {message}"


def test_cancelled():
    entry = activity(WEB, status=ActivityStatus.CANCELLED, server_id=SERVER, reason=Reason(ReasonKind.SUPERSEDED))
    assert activity_words.status_message(entry) == (
        "The desired capacity was lowered before the instance came into service."
    )
    assert activity_words.description(entry) == f"Launching a new EC2 instance: i-{SHORT}"


@pytest.mark.parametrize("kind", [kind for kind in ReasonKind if kind is not ReasonKind.ABANDONED])
@pytest.mark.parametrize("status", [ActivityStatus.FAILED, ActivityStatus.CANCELLED, ActivityStatus.IN_PROGRESS])
def test_every_reason_is_told_in_whole_sentences(kind, status):
    data = dict.fromkeys(
        ("image", "name", "group", "subnet", "type", "zone", "version", "missing", "resource", "detail"), "what"
    )
    entry = activity(WEB, status=status, reason=Reason(kind, {**data, "requested": 2, "limit": 1, "hours": 24}))
    message = activity_words.status_message(entry)
    assert message.endswith(".")
    tail = " Launching EC2 instance failed."
    assert message.removesuffix(tail).endswith(".")
    assert message.endswith(tail) == (status is ActivityStatus.FAILED)


@pytest.mark.parametrize("decided", list(Decided))
def test_what_a_hook_gave_up_is_told_as_it_was_recorded(decided):
    reason = Reason(ReasonKind.ABANDONED, {"token": "t", "decided": str(decided)})
    entry = activity(WEB, status=ActivityStatus.CANCELLED, reason=reason)
    message = activity_words.status_message(entry)
    words = "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token t was abandoned: "
    assert message.startswith(words)
    assert message != words + "ABANDON"
    assert activity_words.description(entry).endswith(f".  Status Reason: {message}")


def test_long_messages_are_cut_before_what_clients_look_for():
    reason = Reason(ReasonKind.CLOUD_REFUSED, {"detail": "x" * 400})
    message = activity_words.status_message(activity(WEB, status=ActivityStatus.FAILED, reason=reason))
    assert len(message) == 255
    assert message.endswith(" Launching EC2 instance failed.")


PLACE = ("us-east-1", "123456789012")
ZONE_IDS = {"us-east-1a": "use1-az6"}


def test_details():
    entry = activity(WEB, zone="us-east-1a", subnet_id=SUBNET)
    short = SUBNET.replace("-", "")[:17]
    where = f'"Subnet ID":"subnet-{short}","Availability Zone":"us-east-1a"}}'
    assert activity_words.details(entry, {}, PLACE) == "{" + where
    assert activity_words.details(entry, ZONE_IDS, PLACE) == '{"Availability Zone ID":"use1-az6",' + where
    assert activity_words.details(activity(WEB), ZONE_IDS, PLACE) == "{}"
    attached = replace(entry, kind=ActivityKind.ATTACH)
    assert activity_words.details(attached, ZONE_IDS, PLACE) == (
        '{"Availability Zone ID":"use1-az6","Availability Zone":"us-east-1a"}'
    )


def test_told():
    told = activity_words.told(activity(WEB, "a"), "us-east-1", "123456789012", {})
    assert told["AutoScalingGroupARN"] == (
        f"arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:{WEB.id}:autoScalingGroupName/web"
    )
    assert not {"EndTime", "StatusMessage"} & set(told)
    assert told["AutoScalingGroupState"] == "InService"
    ended = activity(WEB, status=ActivityStatus.SUCCESSFUL, ended_at=NOW, cluster_deleted=True)
    told = activity_words.told(ended, "us-east-1", "123456789012", {})
    assert (told["EndTime"], told["AutoScalingGroupState"]) == (NOW, "Deleted")


@pytest.mark.parametrize(("milliseconds", "told"), [(938, 1), (144, 0), (500, 1), (499, 0)])
def test_an_end_is_told_to_the_nearest_second(milliseconds, told):
    """Source: radkawar/stackd testdata/aws/autoscaling/retention_native.json."""
    ended = activity(WEB, status=ActivityStatus.SUCCESSFUL, ended_at=NOW + timedelta(milliseconds=milliseconds))
    shown = activity_words.told(ended, "us-east-1", "123456789012", {})["EndTime"]
    assert shown == NOW + timedelta(seconds=told)
