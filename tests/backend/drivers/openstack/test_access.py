from __future__ import annotations

from dataclasses import replace

import pytest

from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.drivers.openstack.access import Access, Delegation, Entry, Misconfigured
from tests.backend.drivers.openstack.fake import denied, granted, refused


class Given:
    """The delegation that one owner gave."""

    def __init__(self, delegation: Delegation) -> None:
        self._delegation = delegation

    def find(self, project_id: str) -> Delegation | None:
        return self._delegation if project_id == "p-1" else None


def no_role(auth):
    """Keystone of a service user without a role in any project."""
    if "project" in auth.get("scope", {}):
        return denied("User u-service has no access to project p-1")
    return granted(auth)


def opened(settings, services, delegation=None):
    return Access(settings, Entry.read(settings), Given(delegation) if delegation else None, services)


def test_a_role_in_the_project_is_the_first_way(settings, services):
    opened(settings, services, Delegation("trust-1")).project("p-1")
    (login,) = services.logins
    assert login["identity"]["password"]["user"]["name"] == "coppice"
    assert login["scope"] == {"project": {"id": "p-1"}}


def test_a_trust_is_used_where_there_is_no_role(settings, services):
    services.login = no_role
    access = opened(settings, services, Delegation("trust-1"))
    plugin = access.project("p-1")
    assert services.logins[-1]["scope"] == {"OS-TRUST:trust": {"id": "trust-1"}}
    assert access.project("p-1") is plugin
    assert len(services.logins) == 2


def test_an_application_credential_needs_no_scope(settings, services):
    configured = replace(settings, access=("delegation", "role"))
    opened(configured, services, Delegation("cred-1", "its secret")).project("p-1")
    (login,) = services.logins
    assert login["identity"]["application_credential"] == {"id": "cred-1", "secret": "its secret"}


def test_nobody_s_leave_is_told_with_keystone_s_words_and_its_request(settings, services):
    services.login = no_role
    with pytest.raises(NotAuthorized, match="has no access to project") as told:
        opened(settings, services).project("p-1")
    assert told.value.request_id == "req-keystone-1"
    only = replace(settings, access=("delegation",))
    with pytest.raises(NotAuthorized, match="Nobody delegated project p-1"):
        opened(only, services).project("p-1")


def test_keystone_out_of_reach_is_no_verdict(settings, services):
    services.login = lambda _auth: (_ for _ in ()).throw(refused())
    with pytest.raises(CloudUnavailable):
        opened(settings, services).project("p-1")


def test_a_delegation_that_is_revoked_is_told_and_a_new_one_is_found(settings, services):
    configured = replace(settings, access=("delegation",))
    access = opened(configured, services, Delegation("trust-1"))
    access.project("p-1").invalidate()
    services.login = lambda _auth: denied("Trust trust-1 could not be found")
    with pytest.raises(NotAuthorized, match="trust-1"):
        access.project("p-1")
    services.login = granted
    access.project("p-1")


def test_the_service_user_logs_in_on_its_own_project_and_on_the_system(settings, services):
    access = opened(settings, services)
    access.own("project")
    access.own("system")
    assert services.logins[1]["scope"] == {"system": {"all": True}}
    assert services.logins[0]["scope"] == {"project": {"name": "service", "domain": {"name": "Default"}}}


def test_the_password_is_never_shown(settings):
    assert "secret" not in repr(Entry.read(settings))
    assert "its secret" not in repr(Delegation("cred-1", "its secret"))


@pytest.mark.parametrize(
    "auth", ["{auth_url: 'http://x', username: u}", "{auth_url: 'http://x', application_credential_id: a}"]
)
def test_an_entry_without_a_password_is_no_service_user(tmp_path, settings, auth):
    file = tmp_path / "other.yaml"
    file.write_text(f"clouds: {{coppice: {{auth: {auth}}}}}")
    with pytest.raises(Misconfigured):
        Entry.read(replace(settings, clouds_file=str(file)))
    with pytest.raises(Misconfigured, match="no usable entry elsewhere"):
        Entry.read(replace(settings, cloud="elsewhere"))
