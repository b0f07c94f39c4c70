from __future__ import annotations

import inspect

import pytest

from backend import errors
from backend.drivers import errors as cloud
from backend.services.cloud_errors import finding_of

EVERY = [kind for _, kind in inspect.getmembers(cloud, inspect.isclass) if issubclass(kind, cloud.CloudError)]


def made(kind: type[cloud.CloudError]) -> cloud.CloudError:
    if issubclass(kind, cloud.QuotaExceeded):
        return kind("cores", 4, 2)
    if issubclass(kind, cloud.VolumeTooSmall):
        return kind(1, 8)
    return kind([], cloud.NoCapacity("what")) if issubclass(kind, cloud.PartlyMade) else kind("what")


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_answer_of_a_cloud_is_a_finding(kind: type[cloud.CloudError]) -> None:
    found = finding_of(made(kind), type="t3.micro", image="i", zone="z")
    assert isinstance(found, errors.Finding)
    plain = {cloud.Refused}
    if kind not in plain:
        assert not isinstance(found, errors.CloudRefused)


def test_a_part_that_was_made_is_told_by_what_refused_the_rest() -> None:
    partly = cloud.PartlyMade([], cloud.QuotaExceeded("cores", 4, 2))
    assert vars(finding_of(partly)) == {"resource": "cores", "requested": 4, "limit": 2}


def test_what_was_asked_for_is_named() -> None:
    assert vars(finding_of(cloud.NoCapacity("no valid host"), type="t3.micro", zone="z")) == {
        "type": "t3.micro",
        "zone": "z",
    }
    mismatch = finding_of(cloud.FlavorNotSupported("arm64"), type="t3.micro", image="abc")
    assert vars(mismatch) == {"type": "t3.micro", "architecture": "arm64", "image": "abc"}
    quota = finding_of(cloud.QuotaExceeded("cores", 4, 2))
    assert vars(quota) == {"resource": "cores", "requested": 4, "limit": 2}
    assert isinstance(finding_of(cloud.CloudUnavailable("down")), errors.CloudNotReached)
    assert isinstance(finding_of(cloud.OutcomeUnknown("lost")), errors.OutcomeUnclear)
