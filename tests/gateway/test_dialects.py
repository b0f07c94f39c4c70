"""What the gateway says for a service: records that name what exists, and one that has words of its own."""

import pytest

from gateway import dialects, models
from gateway.auth.refusals import Refusal
from gateway.validation import Failure

NEEDED = Failure("ResourceId", None, "Member must not be null")
LONG = Failure("Tag.1.Key", "x" * 3, "Member must have length less than or equal to 2")


def said(error):
    return error.code, error.message, error.status


def test_records_name_what_exists():
    for service in dialects.NAMES:
        dialect, model = dialects.of(service), models.service_model(service)
        shapes = {shape.name for shape in model.error_shapes}
        assert set(dialect.query_codes) <= shapes
        if dialect.namespace or dialect.query_codes:
            assert "json" in model.metadata["protocols"]
    assert set(dialects.NAMES) <= set(models.SERVICES)


@pytest.mark.parametrize("service", [name for name in models.SERVICES if name not in {"ec2", "sns", "sqs"}])
def test_most_services_say_it_alike_what_is_invalid(service):
    assert said(dialects.of(service).invalid([LONG]))[:2] == (
        "ValidationError",
        f"1 validation error detected: Value 'xxx' at 'Tag.1.Key' failed to satisfy constraint: {LONG.expectation}",
    )


def test_sqs_names_what_is_missing_and_what_is_invalid():
    dialect = dialects.of("sqs")
    assert said(dialect.invalid([LONG, NEEDED])) == (
        "MissingParameter",
        "The request must contain the parameter ResourceId.",
        400,
    )
    assert said(dialect.invalid([LONG])) == (
        "InvalidParameterValue",
        f"Value xxx for parameter Tag.1.Key is invalid. Reason: {LONG.expectation}.",
        400,
    )


def test_sns_names_what_is_missing_and_what_is_invalid():
    dialect = dialects.of("sns")
    assert said(dialect.invalid([LONG, NEEDED])) == (
        "InvalidParameter",
        "Invalid parameter: ResourceId Reason: no value for required parameter",
        400,
    )
    assert said(dialect.invalid([LONG])) == (
        "InvalidParameter",
        f"Invalid parameter: Tag.1.Key Reason: {LONG.expectation}",
        400,
    )


@pytest.mark.parametrize("service", [name for name in models.SERVICES if name != "ec2"])
def test_most_services_say_it_alike(service):
    dialect = dialects.of(service)
    assert said(dialect.denied("Not you.")) == ("AccessDenied", "Not you.", 403)
    assert said(dialect.refused(Refusal.unknown_key()))[::2] == ("InvalidClientTokenId", 403)
    assert said(dialect.unknown_action("X", "1")) == ("InvalidAction", "Could not find operation X for version 1", 400)


def test_ec2_has_words_of_its_own():
    dialect = dialects.of("ec2")
    # Source: conformance/recorded, of the name of the list.
    assert said(dialect.invalid([LONG, NEEDED])) == (
        "MissingParameter",
        "The request must contain the parameter resourceIdSet",
        400,
    )
    assert said(dialect.invalid([LONG])) == (
        "InvalidParameterValue",
        f"Value (xxx) for parameter key is invalid. {LONG.expectation}.",
        400,
    )
    assert said(dialect.denied("Not you.")) == (
        "UnauthorizedOperation",
        "You are not authorized to perform this operation. Not you.",
        403,
    )
    assert said(dialect.refused(Refusal.unknown_key()))[::2] == ("AuthFailure", 401)
    assert dialect.throttled == ("RequestLimitExceeded", "Request limit exceeded.", 503)


def test_both_load_balancing_services_share_the_names_of_their_actions():
    assert {dialects.of(service).actions for service in ("elb", "elbv2")} == {"elasticloadbalancing"}
    assert dialects.of("autoscaling").actions == ""
