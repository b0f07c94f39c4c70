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


class Elsewhere:
    """Keys that come when they are asked for, which may be done where nobody waits for a transaction to end."""

    def __init__(self, *keys):
        self.keys = keys
        self.at_work = False
        self.looks = 0

    def __call__(self):
        assert not self.at_work, "everybody who writes waits for this"
        self.looks += 1
        return self.keys

    def work(self, work):
        """The same, within a transaction."""

        def within(conn):
            self.at_work = True
            try:
                return work(conn)
            finally:
                self.at_work = False

        return within


def test_keys_are_waited_for_before_a_transaction_and_not_within_it(store):
    keys = Elsewhere(KEY)
    guard(store.engine, Guard(Seal((), keys, lazily=True), closes=True))
    store.transact(keys.work(lambda conn: configurations.insert(conn, configuration("one"))))
    guard(store.engine, Guard(Seal([new_key()], keys)))
    found = store.transact(keys.work(lambda conn: configurations.find(conn, SCOPE, "one", lock=True)))
    assert (found.spec.user_data, keys.looks) == (DATA, 2)


def test_what_nothing_opens_ends_a_transaction_after_one_look(store):
    guard(store.engine, SEALED)
    keep(store)
    other = Elsewhere(new_key())
    guard(store.engine, Guard(Seal(other.keys, other)))
    with pytest.raises(SecretUnreadable):
        store.transact(other.work(lambda conn: configurations.find(conn, SCOPE, "lc-0000", lock=True)))
    assert other.looks == 1


def test_a_transaction_ends_where_keys_are_away(store):
    def away():
        raise KeysUnreached("the manager is away")

    guard(store.engine, replace(SEALED, seal=Seal((), away, lazily=True)))
    runs = []

    def work(conn):
        runs.append(1)
        configurations.insert(conn, configuration("one"))

    with pytest.raises(KeysUnreached, match="the manager is away"):
        store.transact(work)
    assert len(runs) == 1


def test_keys_that_a_new_seal_needs_are_waited_for_before_rows_are_held(store, monkeypatch):
    """What an older key sealed is opened where others may write meanwhile."""
    guard(store.engine, SEALED)
    keep(store, 3)
    new, place = new_key(), PLACES["launch configurations"]
    opened, at_work, once = Seal.open, [], store.transact

    def transact(work):
        at_work.append(True)
        try:
            return once(work)
        finally:
            at_work.clear()

    def open_outside(seal, sealed):
        assert not at_work
        return opened(seal, sealed)

    monkeypatch.setattr(store, "transact", transact)
    monkeypatch.setattr(Seal, "open", open_outside)
    assert reseal(store, place, Guard(Seal([new, KEY]), closes=True)) == 3
    monkeypatch.undo()
    assert census(store, place, Seal([new])) == {How.FIRST: 3}


def test_what_is_written_anew_meanwhile_is_not_overwritten(store, monkeypatch):
    guard(store.engine, SEALED)
    keep(store, 2)
    new, place, once = new_key(), PLACES["launch templates"], store.transact
    newer = {"newer": Seal([KEY]).close("newer")}
    runs = []

    def transact(work):
        runs.append(work)
        if len(runs) == 1:
            statement = text("UPDATE template_versions SET document = :newer WHERE version = 1")
            once(lambda conn: conn.execute(statement, newer))
        return once(work)

    monkeypatch.setattr(store, "transact", transact)
    assert reseal(store, place, Guard(Seal([new, KEY]), closes=True)) == 2
    monkeypatch.undo()
    assert len(runs) == 2
    assert census(store, place, Seal([new])) == {How.FIRST: 2}
    with store.read() as conn:
        found = conn.execute(text("SELECT document FROM template_versions WHERE version = 1")).scalar_one()
    assert Seal([new]).open(found) == "newer"
