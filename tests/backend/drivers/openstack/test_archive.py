from __future__ import annotations

import hashlib
from functools import partial

import pytest

from backend.drivers.archives import NotArchived, sheaf_of
from backend.drivers.openstack.archive import open_archive
from tests.backend.drivers.openstack.fake import CATALOG, HOST, Reply, denied, granted, lost, refused
from tests.factories import NOW

SHEAF = sheaf_of("activities", NOW, [{"id": "a", "name": "für"}, {"id": "b"}])
OBJECT = f"/swift/v1/old%20records/{SHEAF.name}"


@pytest.fixture
def archive(settings, services, clock):
    services.login = partial(granted, catalog={**CATALOG, "object-store": f"{HOST}/swift/v1/"})
    return open_archive(settings, "old records", clock, services)


def test_an_object_a_sheaf(archive, services):
    services.on("PUT", OBJECT, Reply(201))
    archive.keep(SHEAF)
    (asked,) = services.asked
    assert asked.body == SHEAF.content.decode()
    assert asked.headers["ETag"] == hashlib.md5(SHEAF.content).hexdigest()
    assert asked.headers["X-Auth-Token"] == "token-1"
    assert services.logins[0]["scope"]["project"]["name"] == "service"


def test_the_container_is_made_where_there_is_none(archive, services):
    services.on("PUT", OBJECT, Reply(404, "<html>Not Found</html>"), Reply(201))
    services.on("PUT", "/swift/v1/old%20records", Reply(201))
    archive.keep(SHEAF)
    assert [asked.path.count("/") for asked in services.asked] == [6, 3, 6]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Reply(413, "quota\n  exceeded"), "413: quota exceeded"),
        (Reply(422), "422"),
        (Reply(404), "404"),
        (refused(), "could not be asked"),
        (lost(), "could not be asked"),
    ],
)
def test_what_was_not_kept_is_told(archive, services, answer, words):
    services.on("PUT", "/swift/v1/old%20records", Reply(202)).on("PUT", OBJECT, answer)
    with pytest.raises(NotArchived, match=words):
        archive.keep(SHEAF)


def test_a_cloud_without_swift(settings, services, clock):
    with pytest.raises(NotArchived, match="object-store"):
        open_archive(settings, "x", clock, services).keep(SHEAF)


def test_a_service_user_who_is_not_let_in(archive, services):
    services.login = lambda _auth: denied()
    with pytest.raises(NotArchived):
        archive.keep(SHEAF)
