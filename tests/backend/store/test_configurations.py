"""Launch configurations' rows on every database."""

import pytest

from backend.domain.launch_findings import ProfileExists
from backend.domain.profile import BlockDevice, ServerSpec
from backend.store import configurations
from tests.factories import OTHER, SCOPE, launch_configuration


@pytest.fixture
def add(store):
    def insert(name, **values):
        made = launch_configuration(name, **values)
        store.transact(lambda conn: configurations.insert(conn, made))
        return made

    return insert


def test_what_is_written_is_read(store, add):
    spec = ServerSpec(
        image="i",
        instance_type="t",
        security_group_ids=("a", "b"),
        security_group_names=("c",),
        user_data="eA==",
        block_devices=(BlockDevice("/dev/sda", 8, "gp3"),),
        public_address=False,
        tags={"k": "v"},
    )
    made = add("lc", spec=spec, document={"EbsOptimized": True})
    with store.read() as conn:
        assert configurations.find(conn, SCOPE, "lc") == made
        assert configurations.find(conn, OTHER, "lc") is None
        assert configurations.count(conn, SCOPE) == 1
    assert store.transact(lambda conn: configurations.find(conn, SCOPE, "lc", lock=True)) == made


def test_a_name_is_taken_once(store, add):
    add("lc")
    with pytest.raises(ProfileExists):
        store.transact(lambda conn: configurations.insert(conn, launch_configuration("lc", id="x")))
    add("lc", scope=OTHER)


def test_pages_and_names(store, add):
    for name in ("c", "a", "b"):
        add(name)
    with store.read() as conn:
        first = configurations.page(conn, SCOPE, limit=2)
        rest = configurations.page(conn, SCOPE, limit=2, after=first.marker)
        some = configurations.page(conn, SCOPE, limit=9, among=["c", "x"])
        assert configurations.existing(conn, SCOPE, ["a", "x"]) == {"a"}
        assert configurations.existing(conn, SCOPE, []) == set()
    assert [item.name for item in first.items] == ["a", "b"]
    assert [item.name for item in rest.items] == ["c"]
    assert rest.marker is None
    assert [item.name for item in some.items] == ["c"]


def test_remove(store, add):
    made = add("lc")
    store.transact(lambda conn: configurations.remove(conn, made.id))
    with store.read() as conn:
        assert configurations.find(conn, SCOPE, "lc") is None


def test_creation_of_those_there_are(store, add):
    made = add("lc")
    with store.read() as conn:
        assert configurations.created(conn, SCOPE, {"lc", "gone"}) == {"lc": made.created_at}
        assert configurations.created(conn, OTHER, {"lc"}) == configurations.created(conn, SCOPE, set()) == {}
