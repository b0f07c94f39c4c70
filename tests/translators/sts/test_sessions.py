from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.ids import account_id
from backend.drivers.errors import CloudUnavailable
from backend.services.sessions import Owned, SessionRules, Sessions
from backend.store.secrets import Seal, new_key
from tests.factories import KEYS, NOW, OTHER, SCOPE, World, request
from tests.translators.ec2.wire import Asking
from translators.callers import acting
from translators.registry import Caller, find

ACCOUNT = account_id(SCOPE.project_id)
LASTING = {key: Owned(project, "s3cret") for project, key in KEYS.items()}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/path/deploy"


class Trusting:
    """Each account trusts itself; SCOPE's trusts OTHER's, too."""

    def project_of(self, number):
        return {account_id(each.project_id): each.project_id for each in (SCOPE, OTHER)}.get(number)

    def may_assume(self, project, by):
        return by == project or (project, by) == (SCOPE.project_id, OTHER.project_id)


@pytest.fixture
def world():
    world = World()
    rules = SessionRules(seal=Seal([new_key()]), roles=Trusting(), lasting=LASTING.get)
    world.backend = replace(world.backend, sessions=Sessions(world.store, world.clock, rules))
    yield world
    world.close()


@pytest.fixture
def aws(world):
    return Asking(world, "sts")


def as_session(world, key, operation, service="sts", **params):
    """What an operation answers to who signs with a temporary key."""
    session = world.backend.sessions.find(key)
    call = request(world.backend, service, operation, params, SCOPE)
    caller = acting(session, call.caller)
    return find(service, operation)(replace(call, caller=caller, account_id=account_id(caller.project_id)))


def test_a_user_s_session_is_the_user_for_twelve_hours(world, aws):
    given = aws("GetSessionToken")["Credentials"]
    assert given["AccessKeyId"].startswith("ASIA")
    assert given["Expiration"] == NOW + timedelta(hours=12)
    assert as_session(world, given["AccessKeyId"], "GetCallerIdentity") == aws("GetCallerIdentity")
    assert aws("GetSessionToken", DurationSeconds=900)["Credentials"]["Expiration"] == NOW + timedelta(minutes=15)


def test_a_role_of_the_account_is_assumed_for_an_hour(world, aws):
    answer = aws("AssumeRole", RoleArn=ROLE, RoleSessionName="me", SourceIdentity="ci-job")
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/me"
    assert answer["SourceIdentity"] == "ci-job"
    assert answer["Credentials"]["Expiration"] == NOW + timedelta(hours=1)
    key = answer["Credentials"]["AccessKeyId"]
    told = as_session(world, key, "GetCallerIdentity")
    assert told["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert told["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert aws("GetAccessKeyInfo", AccessKeyId=key) == {"Account": ACCOUNT}


def test_roles_of_another_account_are_assumed_where_it_trusts(world):
    other = Asking(world, "sts", OTHER)
    key = other("AssumeRole", RoleArn=ROLE, RoleSessionName="me")["Credentials"]["AccessKeyId"]
    assert world.backend.sessions.find(key).project_id == SCOPE.project_id
    foreign = f"arn:aws:iam::{account_id(OTHER.project_id)}:role/deploy"
    refused = Asking(world, "sts").refused("AssumeRole", RoleArn=foreign, RoleSessionName="me")
    assert (refused.code, refused.status) == ("AccessDenied", 403)
    words = (
        f"User: arn:aws:iam::{ACCOUNT}:user/demo is not authorized to perform: sts:AssumeRole on resource: {foreign}"
    )
    assert refused.message == words


@pytest.mark.parametrize(
    ("arn", "code", "told"),
    [
        ("arn:aws:iam::999999999999:role/deploy", "AccessDenied", "sts:AssumeRole on resource"),
        (f"arn:aws:iam::{ACCOUNT}:user/somebody", "AccessDenied", "sts:AssumeRole on resource"),
        (f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/X", "AccessDenied", "sts:AssumeRole on"),
        ("nothing-valid-in-here", "ValidationError", "nothing-valid-in-here is invalid"),
        ("arn::b:::something/test-role", "ValidationError", "arn::b:::something/test-role is invalid"),
        ("arn:a::::something/test-role", "ValidationError", "arn:a::::something/test-role is invalid"),
        ("arn:a:::something/test-role", "ValidationError", "arn:a:::something/test-role is invalid"),
        ("arn:a:a::aaaaaaaaaa:", "ValidationError", "arn:a:a::aaaaaaaaaa: is invalid"),
    ],
)
def test_what_is_no_role_to_assume_is_refused(aws, arn, code, told):
    refused = aws.refused("AssumeRole", RoleArn=arn, RoleSessionName="me")
    assert refused.code == code
    assert told in refused.message


def test_sessions_do_not_outlive_the_rules_of_chains(world, aws):
    key = aws("AssumeRole", RoleArn=ROLE, RoleSessionName="me")["Credentials"]["AccessKeyId"]
    with pytest.raises(Exception, match="1 hour session limit for roles assumed by role chaining"):
        as_session(world, key, "AssumeRole", RoleArn=ROLE, RoleSessionName="again", DurationSeconds=3601)
    chained = as_session(world, key, "AssumeRole", RoleArn=ROLE, RoleSessionName="again", DurationSeconds=3600)
    session = world.backend.sessions.find(chained["Credentials"]["AccessKeyId"])
    assert session.base_key == "AKIAEXAMPLE", "the key that all of it rests on"
    with pytest.raises(Exception, match="Cannot call GetSessionToken with session credentials"):
        as_session(world, key, "GetSessionToken")
    with pytest.raises(Exception, match="Must specify userName when calling with non-User credentials"):
        as_session(world, key, "GetUser", "iam")


@pytest.mark.parametrize(
    "members",
    [
        {"Policy": "{}"},
        {"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/X"}]},
        {"Tags": [{"Key": "team", "Value": "x"}]},
        {"TransitiveTagKeys": ["team"]},
        {"ProvidedContexts": [{"ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter"}]},
    ],
)
def test_a_session_that_should_be_another_is_refused(aws, members):
    refused = aws.refused("AssumeRole", RoleArn=ROLE, RoleSessionName="me", **members)
    assert refused.code == "ValidationError"
    assert f"{next(iter(members))} is not supported" in refused.message


def test_an_external_id_that_nobody_asks_for_is_taken(aws):
    assert aws("AssumeRole", RoleArn=ROLE, RoleSessionName="me", ExternalId="agreed-upon")["Credentials"]


@pytest.mark.parametrize("members", [{"SerialNumber": "arn:aws:iam::1:mfa/x", "TokenCode": "123456"}])
def test_there_are_no_devices(aws, members):
    assert "MFA one time pass code" in aws.refused("GetSessionToken", **members).message


def test_the_account_of_a_key_is_told(aws):
    assert aws("GetAccessKeyInfo", AccessKeyId="AKIAEXAMPLE") == {"Account": ACCOUNT}
    assert aws.refused("GetAccessKeyInfo", AccessKeyId="AKIAUNKNOWN00000").code == "ValidationError"
    assert aws.refused("GetAccessKeyInfo", AccessKeyId="ASIAUNKNOWN00000").code == "ValidationError"


def test_a_key_that_went_meanwhile_opens_nothing(world, aws):
    rules = SessionRules(seal=Seal([new_key()]), roles=Trusting())
    world.backend = replace(world.backend, sessions=Sessions(world.store, world.clock, rules))
    refused = aws.refused("GetSessionToken")
    assert (refused.code, refused.status) == ("InvalidClientTokenId", 403)


def test_where_nothing_seals_there_are_no_sessions():
    world = World()
    aws = Asking(world, "sts")
    assert "no key is set in [secrets]" in aws.refused("GetSessionToken").message
    refused = aws.refused("AssumeRole", RoleArn=ROLE, RoleSessionName="me")
    assert refused.code == "AccessDenied"
    assert "This account has no such role: iam create-role makes one." in refused.message
    assert isinstance(request(world.backend, "sts", "GetSessionToken", {}).caller, Caller)
    world.close()


def test_accounts_that_cannot_be_asked_are_no_refusal(world, aws):
    class Away:
        def project_of(self, number):
            raise CloudUnavailable("the file cannot be read")

    rules = SessionRules(seal=Seal([new_key()]), roles=Away())
    world.backend = replace(world.backend, sessions=Sessions(world.store, world.clock, rules))
    refused = aws.refused("AssumeRole", RoleArn=ROLE, RoleSessionName="me")
    assert (refused.code, refused.status) == ("ServiceUnavailable", 503)


def trust_of(principal, **more):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def made(world, principal, **more):
    """A role with a record, that trusts somebody."""
    kept = {name: more.pop(name) for name in ("MaxSessionDuration",) if name in more}
    iam = Asking(world, "iam")
    trust = principal if isinstance(principal, str) and principal.startswith("{") else trust_of(principal, **more)
    return iam("CreateRole", RoleName="ops", AssumeRolePolicyDocument=trust, **kept)["Role"]


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"AWS": ACCOUNT},
        {"AWS": ["222222222222", f"arn:aws:iam::{ACCOUNT}:root"]},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:user/demo"},
    ],
)
def test_a_role_that_names_its_caller_is_assumed(world, aws, principal):
    role = made(world, principal)
    answer = aws("AssumeRole", RoleArn=role["Arn"], RoleSessionName="me")
    assert answer["AssumedRoleUser"]["AssumedRoleId"] == f"{role['RoleId']}:me"
    key = answer["Credentials"]["AccessKeyId"]
    assert as_session(world, key, "GetCallerIdentity")["UserId"] == f"{role['RoleId']}:me"


@pytest.mark.parametrize(
    "trust",
    [
        trust_of({"Service": "ec2.amazonaws.com"}),
        trust_of({"AWS": f"arn:aws:iam::{ACCOUNT}:user/other"}),
        trust_of({"AWS": f"arn:aws:iam::{ACCOUNT}:user/*"}),
        trust_of({"AWS": "222222222222"}),
        trust_of("*", Condition={"StringEquals": {"sts:ExternalId": "x"}}),
        trust_of("*", Action="sts:TagSession"),
        trust_of("*", Effect="Deny"),
        json.dumps(
            {
                "Statement": [
                    {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"},
                    {"Effect": "Deny", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole"},
                ]
            }
        ),
    ],
)
def test_a_role_that_does_not_plainly_name_its_caller_is_not_assumed(world, aws, trust):
    role = made(world, trust)
    refused = aws.refused("AssumeRole", RoleArn=role["Arn"], RoleSessionName="me")
    assert (refused.code, refused.status) == ("AccessDenied", 403)


def test_a_recorded_role_is_assumed_from_elsewhere_where_account_and_role_trust(world):
    other = Asking(world, "sts", OTHER)
    arn = made(world, {"AWS": ACCOUNT})["Arn"]
    assert other.code("AssumeRole", RoleArn=arn, RoleSessionName="me") == "AccessDenied"
    trust = trust_of({"AWS": account_id(OTHER.project_id)})
    Asking(world, "iam")("UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=trust)
    key = other("AssumeRole", RoleArn=arn, RoleSessionName="me")["Credentials"]["AccessKeyId"]
    assert world.backend.sessions.find(key).project_id == SCOPE.project_id


def test_sessions_of_a_role_last_as_long_as_it_says(world, aws):
    arn = made(world, "*", MaxSessionDuration=7200)["Arn"]
    aws("AssumeRole", RoleArn=arn, RoleSessionName="me", DurationSeconds=7200)
    refused = aws.refused("AssumeRole", RoleArn=arn, RoleSessionName="me", DurationSeconds=7201)
    assert "exceeds the MaxSessionDuration set for this role" in refused.message
    wrong = arn.replace(":role/", ":role/path/")
    assert aws.code("AssumeRole", RoleArn=wrong, RoleSessionName="me") == "AccessDenied"


def test_where_roles_need_a_record_one_is_assumed_in_its_own_account(world):
    rules = SessionRules(seal=Seal([new_key()]), lasting=LASTING.get)
    world.backend = replace(world.backend, sessions=Sessions(world.store, world.clock, rules))
    role = made(world, {"AWS": ACCOUNT})
    given = Asking(world, "sts")("AssumeRole", RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]
    session = world.backend.sessions.find(given["AccessKeyId"])
    assert (session.project_id, session.role) == (SCOPE.project_id, "ops")
    assert Asking(world, "sts", OTHER).code("AssumeRole", RoleArn=role["Arn"], RoleSessionName="me") == "AccessDenied"
