from __future__ import annotations

import pytest

from backend.domain.activity import Reason, ReasonKind
from backend.drivers import errors
from backend.drivers.metric_sources import Unanswered
from backend.engine.reasons import reason_of, reason_of_fault

WHERE = {"type": "t3.micro", "zone": "us-east-1a"}


@pytest.mark.parametrize(
    ("error", "kind", "data"),
    [
        (errors.ImageNotFound("0123"), ReasonKind.IMAGE_NOT_FOUND, {"image": "0123"}),
        (errors.KeyPairNotFound("k"), ReasonKind.KEY_PAIR_NOT_FOUND, {"name": "k"}),
        (errors.SecurityGroupNotFound("g"), ReasonKind.SECURITY_GROUP_NOT_FOUND, {"group": "g"}),
        (
            errors.PartitionNotFound("8"),
            ReasonKind.CLOUD_REFUSED,
            {"detail": "The placement group has no partition 8."},
        ),
        (errors.ServerGroupNotFound("pg"), ReasonKind.SERVER_GROUP_NOT_FOUND, {"group": "pg"}),
        (errors.SubnetNotFound("0" * 17), ReasonKind.SUBNET_NOT_FOUND, {"subnet": "0" * 17}),
        (errors.FlavorNotFound("t9"), ReasonKind.TYPE_NOT_FOUND, {"type": "t9"}),
        (errors.FlavorNotSupported("arm64"), ReasonKind.TYPE_NOT_SUPPORTED, WHERE),
        (errors.ProfileIncomplete("image"), ReasonKind.PROFILE_INCOMPLETE, {"missing": "image"}),
        (errors.NoCapacity("No valid host"), ReasonKind.NO_CAPACITY, WHERE),
        (
            errors.QuotaExceeded("instances", 7, 6),
            ReasonKind.QUOTA,
            {"resource": "instances", "requested": 7, "limit": 6, "type": "t3.micro"},
        ),
        (errors.NoAddresses("s"), ReasonKind.NO_ADDRESSES, {"subnet": "s"}),
        (errors.NotAuthorized("expired"), ReasonKind.NOT_AUTHORIZED, {"detail": "expired"}),
        (
            errors.NetworkMissing("us-east-1a"),
            ReasonKind.CLOUD_REFUSED,
            {"detail": "No default subnet for availability zone: 'us-east-1a'."},
        ),
        (errors.Refused("because"), ReasonKind.CLOUD_REFUSED, {"detail": "because"}),
        (errors.NoBalancing(), ReasonKind.CLOUD_REFUSED, {"detail": "The cloud has no load balancing service."}),
        (errors.PoolNotFound("p"), ReasonKind.SOURCE_NOT_FOUND, {}),
        (errors.CloudUnavailable("no answer"), ReasonKind.CLOUD_UNREACHED, {"detail": "no answer"}),
        (errors.OutcomeUnknown("no answer"), ReasonKind.OUTCOME_UNKNOWN, {"detail": "no answer"}),
        (errors.PartlyMade((), errors.NoCapacity("No valid host")), ReasonKind.NO_CAPACITY, WHERE),
        (errors.PartlyMade((), errors.CloudUnavailable("none")), ReasonKind.CLOUD_UNREACHED, {"detail": "none"}),
    ],
)
def test_every_refusal_has_its_reason(error, kind, data):
    assert reason_of(error, "t3.micro", "us-east-1a") == Reason(kind, data)


def _kinds(kind):
    return [kind, *(each for sub in kind.__subclasses__() for each in _kinds(sub))]


@pytest.mark.parametrize("kind", sorted(set(_kinds(errors.CloudError)) - {errors.CloudError}, key=str))
def test_only_a_refusal_is_told_as_one(kind):
    given = {
        errors.QuotaExceeded: ("instances", 7, 6),
        errors.PartlyMade: ((), errors.CloudUnavailable("none")),
        errors.VolumeTooSmall: (1, 8),
        Unanswered: ("because", {}),
    }
    reason = reason_of(kind(*given.get(kind, ("because",))), "t3.micro", "us-east-1a")
    asked = {ReasonKind.CLOUD_UNREACHED, ReasonKind.OUTCOME_UNKNOWN}
    assert (reason.kind not in asked) == issubclass(kind, errors.Refused)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("No valid host was found. There are not enough hosts available.", ReasonKind.NO_CAPACITY),
        ("Build of instance x aborted: No fixed IP addresses available for network: n", ReasonKind.NO_ADDRESSES),
        ("Quota exceeded for instances: Requested 1, but already used 3 of 2 instances", ReasonKind.QUOTA),
        ("Build of instance aborted", ReasonKind.SERVER_ERROR),
        (None, ReasonKind.SERVER_ERROR),
    ],
)
def test_a_servers_fault_tells_a_full_zone_from_a_broken_server(fault, kind):
    assert reason_of_fault(fault, "t3.micro", "us-east-1a").kind is kind
