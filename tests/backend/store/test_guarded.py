"""What is launched, in the clear or sealed: read either way, written as the installation wants it, and sealed anew."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from backend.domain.delegation import SecretUnreadable
from backend.domain.profile import LaunchConfiguration, ServerSpec, Template, TemplateVersion
from backend.errors import KeysUnreached
from backend.store import configurations, templates
from backend.store.guarded import Guard, guard
from backend.store.sealed import PLACES, How, SomeUnreadable, census, reseal
from backend.store.secrets import KeyMissing, Seal, new_key
from tests.factories import NOW, SCOPE, uuid_of

DATA = "IyEvYmluL3NoIHRva2VuPXMzY3JldA=="
SPEC = ServerSpec(image="i", instance_type="t3.micro", user_data=DATA)
KEY = new_key()
SEALED = Guard(Seal([KEY]), closes=True)
CLEAR = Guard(Seal([KEY]))


def configuration(name: str) -> LaunchConfiguration:
    return LaunchConfiguration(uuid_of(name), SCOPE.project_id, SCOPE.region, name, SPEC, {"UserData": DATA}, NOW)


def keep(store, number=1):
    made = Template(uuid_of("t"), SCOPE.project_id, SCOPE.region, "t", 1, 0, NOW, "me")

    def work(conn):
        for each in range(number):
            configurations.insert(conn, configuration(f"lc-{each:04}"))
        templates.add(conn, made)
        for each in range(1, number + 1):
            version = TemplateVersion(made.id, "t", each, False, None, SPEC, {"UserData": DATA}, NOW, "me")
            templates.add_version(conn, version)

    store.transact(work)


def kept(store):
    """The user data as they are read."""
    with store.read() as conn:
        configured = configurations.page(conn, SCOPE, limit=1000).items
        template = templates.find(conn, SCOPE, name="t")
        versions = templates.versions(conn, template, limit=1000)
    return {each.spec.user_data for each in (*configured, *versions)} | {
        each.document["UserData"] for each in (*configured, *versions)
    }


def lies(store):
    """Everything of both tables, as it lies there."""
    with store.read() as conn:
        rows = [
            row
            for table in ("launch_configurations", "template_versions")
            for row in conn.execute(text(f"SELECT spec, document FROM {table}"))
        ]
    return [cell for row in rows for cell in row]


def test_user_data_lie_sealed_where_that_is_wanted(store):
    guard(store.engine, SEALED)
    keep(store)
    assert not any(DATA in cell or "t3.micro" in cell for cell in lies(store))
    assert kept(store) == {DATA}
    guard(store.engine, CLEAR)
    assert kept(store) == {DATA}, "what is sealed is read, also where nothing more is sealed"


def test_what_is_in_the_clear_is_sealed_and_laid_open_again_in_batches(store):
    guard(store.engine, CLEAR)
    keep(store, 201)
    places = [PLACES["launch configurations"], PLACES["launch templates"]]
    assert all(DATA in cell for cell in lies(store))
    assert [reseal(store, place, CLEAR) for place in places] == [0, 0]
    assert [reseal(store, place, SEALED) for place in places] == [201, 201]
    assert not any(DATA in cell for cell in lies(store))
    assert kept(store) == {DATA}
    new = new_key()
    both = Guard(Seal([new, KEY]), closes=True)
    assert [reseal(store, place, both) for place in places] == [201, 201]
    guard(store.engine, Guard(Seal([new])))
    assert kept(store) == {DATA}
    assert [reseal(store, place, Guard(Seal([new]))) for place in places] == [0, 0]
    assert all(DATA in cell for cell in lies(store))


def test_what_is_sealed_with_the_first_key_already_is_left_alone(store):
    guard(store.engine, SEALED)
    keep(store)
    before = lies(store)
    assert reseal(store, PLACES["launch configurations"], SEALED) == 1
    assert lies(store) == before


def test_one_that_nothing_opens_keeps_no_other_from_being_sealed_anew(store):
    new = new_key()
    guard(store.engine, SEALED)
    keep(store)
    guard(store.engine, Guard(Seal([new_key()]), closes=True))
    store.transact(lambda conn: configurations.insert(conn, configuration("lost")))
    place, both = PLACES["launch configurations"], Guard(Seal([new, KEY]), closes=True)
    assert census(store, place, both.seal) == {How.OLDER: 1, How.LOST: 1}
    with pytest.raises(SomeUnreadable, match="opens 1 of the launch configurations") as told:
        reseal(store, place, both)
    assert told.value.number == 1
    assert census(store, place, both.seal) == {How.FIRST: 1, How.LOST: 1}
    guard(store.engine, both)
    with store.read() as conn, pytest.raises(SecretUnreadable):
        configurations.find(conn, SCOPE, "lost")


def test_without_its_key_nothing_is_taken_and_nothing_is_launched_without_its_data(store):
    guard(store.engine, SEALED)
    keep(store)
    guard(store.engine, Guard(Seal(), closes=True))
    with pytest.raises(KeyMissing):
        store.transact(lambda conn: configurations.insert(conn, configuration("other")))
    with store.read() as conn, pytest.raises(KeyMissing):
        configurations.find(conn, SCOPE, "lc-0000")
    with pytest.raises(KeyMissing):
        reseal(store, PLACES["launch configurations"], Guard(Seal()))


def test_while_keys_are_away_both_are_told_so(store):
    guard(store.engine, SEALED)
    keep(store)

    def away():
        raise KeysUnreached("the manager is away")

    guard(store.engine, replace(SEALED, seal=Seal((), away, lazily=True)))
    with pytest.raises(KeysUnreached):
        store.transact(lambda conn: configurations.insert(conn, configuration("other")))
    with pytest.raises(KeysUnreached), store.read() as conn:
        configurations.find(conn, SCOPE, "lc-0000")
