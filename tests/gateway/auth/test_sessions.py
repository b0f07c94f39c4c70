from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.session import mark_of
from gateway.auth import claims, sigv4
from gateway.auth.credentials import Credential, FirstOf, StaticCredentials
from gateway.auth.refusals import Refusal
from gateway.auth.sessions import SessionCredentials
from tests.gateway.world import CALLER, KEY, SECRET, action
from translators.callers import Session

NOW = datetime.now(UTC)
TEMPORARY, TOKEN = "ASIAEXAMPLE", "a-token"


class Keeping:
    def __init__(self, session):
        self.session = session

    def find(self, access_key):
        return self.session if access_key == self.session.access_key else None


def session(**values):
    given = {"created_at": NOW, "expires_at": NOW + timedelta(hours=1), "secret": "s3cret", "token": TOKEN}
    given |= {"base_project": CALLER.project_id, "base_mark": mark_of("s3cret", SECRET), **values}
    return Session(TEMPORARY, KEY, given.pop("project_id", CALLER.project_id), **given)


def credentials(kept, pairs=None):
    lasting = StaticCredentials({KEY: Credential(SECRET, CALLER)} if pairs is None else pairs)
    return SessionCredentials(lasting, Keeping(kept))


def verified(kept, token=TOKEN, pairs=None):
    request = action("ec2", "DescribeVpcs", key=TEMPORARY, secret="s3cret", token=token)
    return sigv4.verify(request, claims.read(request), credentials(kept, pairs), datetime.now(UTC))


def test_a_temporary_key_is_its_user_s():
    assert verified(session()).caller.user_name == CALLER.user_name
    assert verified(session()).caller.access_key == TEMPORARY
    assert credentials(session()).find(KEY).caller == CALLER


def test_a_role_s_key_acts_in_the_role_s_project():
    caller = verified(session(project_id="p-2", role="deploy", name="me")).caller
    assert (caller.project_id, caller.user_name, caller.assumed_role) == ("p-2", "me", "deploy/me")


@pytest.mark.parametrize("token", [None, "", "another"])
def test_its_token_must_come_with_it(token):
    with pytest.raises(Refusal) as refused:
        verified(session(), token)
    assert (refused.value.code, refused.value.ec2.code) == ("InvalidClientTokenId", "AuthFailure")


def test_it_ends():
    with pytest.raises(Refusal) as refused:
        verified(session(expires_at=NOW))
    assert (refused.value.code, refused.value.status) == ("ExpiredToken", 403)
    assert refused.value.message == "The security token included in the request is expired"
    assert refused.value.ec2.code == "RequestExpired"


def test_it_ends_with_the_key_that_it_was_opened_with():
    with pytest.raises(Refusal) as refused:
        verified(session(), pairs={})
    assert refused.value.code == "InvalidClientTokenId"


@pytest.mark.parametrize(
    "another",
    [
        Credential("another secret", CALLER),
        Credential(SECRET, replace(CALLER, project_id="p-2")),
        Credential("", CALLER),
    ],
)
@pytest.mark.parametrize("role", ["", "deploy"])
def test_a_key_of_the_same_id_that_is_another_is_not_the_one_it_was_opened_with(another, role):
    with pytest.raises(Refusal) as refused:
        verified(session(role=role), pairs={KEY: another})
    assert refused.value.code == "InvalidClientTokenId"


def test_the_first_place_that_knows_a_key_answers():
    one, two = (StaticCredentials({KEY: Credential(secret, CALLER)}) for secret in ("one", "two"))
    assert FirstOf(StaticCredentials({}), one, two).find(KEY).secret == "one"
    assert FirstOf(one).find("unknown") is None
