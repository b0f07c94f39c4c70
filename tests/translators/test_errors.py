from __future__ import annotations

import inspect

import pytest

from backend import errors as findings
from backend.domain import server_findings
from backend.domain.delegation import SecretUnreadable
from translators import errors, load, registry
from translators.ec2.errors import TABLE

assert load


class Narrow(server_findings.ServerUnknown):
    pass


def test_what_is_awss_already_stays_as_it_is() -> None:
    error = errors.AWSError("X", "y")
    assert errors.translate(error, "ec2") is error


def test_a_subtype_takes_the_row_of_its_type() -> None:
    told = errors.translate(Narrow("0123456789abcdef0"), "ec2")
    assert told is not None
    assert told.code == "InvalidInstanceID.NotFound"


@pytest.mark.parametrize("service", ["ec2", "sts", "nowhere"])
def test_what_is_no_finding_is_nobodys_error(service: str) -> None:
    assert errors.translate(ValueError("x"), service) is None


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("autoscaling", "ServiceUnavailable"),
        ("ec2", "Unavailable"),
        ("elbv2", "ServiceUnavailable"),
        ("sts", "ServiceUnavailable"),
    ],
)
@pytest.mark.parametrize("kind", [findings.StoreUnavailable, findings.CommitUnknown])
def test_a_store_that_is_away_is_told_as_what_passes(service: str, code: str, kind: type) -> None:
    told = errors.translate(kind("connection refused"), service)
    assert told is not None
    assert (told.code, told.status) == (code, 503)
    assert "refused" not in told.message


def test_a_service_has_one_table() -> None:
    with pytest.raises(ValueError, match="already"):
        errors.register("ec2", {})


def test_faults_are_told_by_status() -> None:
    assert errors.AWSError("X", "y", 412).fault == "Sender"
    assert errors.AWSError("X", "y", 500).fault == "Receiver"


@pytest.mark.parametrize("kind", TABLE)
def test_every_row_of_ec2_makes_an_error(kind: type[findings.Finding]) -> None:
    values = {"int": 7, "tuple[str, ...]": ("us-east-1a",), "bool": False}
    parameters = inspect.signature(kind).parameters.values()
    found = kind(*(values.get(str(parameter.annotation), "0123456789abcdef0") for parameter in parameters))
    told = errors.translate(found, "ec2")
    assert told is not None
    assert told.code
    assert told.message
    assert "None" not in told.message
    assert 400 <= told.status < 600


@pytest.mark.parametrize("service", sorted(registry.supported()))
def test_while_keys_are_away_every_service_says_that_it_is_unavailable(service):
    away, lost, database = (
        errors.translate(found, service)
        for found in (findings.KeysUnreached("away"), SecretUnreadable("away"), findings.StoreUnavailable("away"))
    )
    assert (away.code, away.status) == (lost.code, lost.status) == (database.code, database.status)
    assert away.status in (500, 503)
    assert "away" not in away.message + lost.message
