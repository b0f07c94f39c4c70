"""Identities and parameters in their tables, on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError

from backend.domain.identities import Attachment, InstanceProfile, ManagedPolicy, Role, everywhere
from backend.domain.parameters import Parameter, ParameterMissing, ParameterType, ParameterVersionMissing, key_of
from backend.domain.scope import Scope
from backend.store import identities as rows
from backend.store import parameters
from backend.store.parameters import PARAMETERS

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
HERE, OTHER = Scope("project", "us-east-1"), Scope("other", "us-east-1")
ALL = everywhere(HERE)


def role(name="Web", **values):
    return Role(**{"id": f"AROA{name}", "name": name, "path": "/", "trust": "{}", "created_at": AT, **values})


def add(store, records, *made, scope=ALL):
    def work(conn):
        for each in made:
            folded = {"folded": rows.folded(each.name)} if hasattr(each, "name") else {}
            records.add(conn, scope, each, **folded)

    store.transact(work)


def test_a_role_is_found_as_it_was_written_and_in_its_own_case_alone(store):
    made = role(path="/" + "p" * 510 + "/", trust='{"é": "' + "x" * 100_000 + '"}', tags={"b": "1", "a": "\u00df"})
    add(store, rows.ROLES, made)
    with store.read() as conn:
        assert rows.named(rows.ROLES, conn, ALL, "Web") == made
        assert list(rows.named(rows.ROLES, conn, ALL, "Web").tags) == ["b", "a"]
        assert rows.named(rows.ROLES, conn, ALL, "web") is None
        assert rows.taken(rows.ROLES, conn, ALL, "WEB")
        assert rows.named(rows.ROLES, conn, everywhere(OTHER), "Web") is None


def test_a_name_is_given_once_in_any_case(store):
    add(store, rows.ROLES, role())
    with pytest.raises(IntegrityError):
        add(store, rows.ROLES, role("WEB"))
    add(store, rows.ROLES, role(id="AROAother"), scope=everywhere(OTHER))


def test_a_role_that_something_has_does_not_go(store):
    add(store, rows.ROLES, role())
    add(store, rows.PROFILES, InstanceProfile("AIPA1", "p", "/", AT, "AROAWeb"))
    with pytest.raises(IntegrityError):
        store.transact(lambda conn: rows.ROLES.remove(conn, ALL, id="AROAWeb"))
    store.transact(lambda conn: rows.PROFILES.change(conn, ALL, "AIPA1", role_id=None))
    assert store.transact(lambda conn: rows.ROLES.remove(conn, ALL, id="AROAWeb")) == 1


def test_what_is_held_is_there(store):
    policy = ManagedPolicy("ANPA1", "p", "/", 1, 1, AT, AT)
    add(store, rows.POLICIES, policy)
    assert store.transact(lambda conn: rows.named(rows.POLICIES, conn, ALL, "p", hold=True)) == policy
    store.transact(lambda conn: rows.POLICIES.remove(conn, ALL, id="ANPA1"))
    assert store.transact(lambda conn: rows.named(rows.POLICIES, conn, ALL, "p", hold=True)) is None


def test_uses_are_counted_by_project(store):
    arn = "arn:aws:iam::aws:policy/" + "x" * 1900
    add(store, rows.ROLES, role("a", boundary=arn), role("b"))
    for number, name in enumerate(("a", "b")):
        add(store, rows.ATTACHMENTS, Attachment(str(number), f"AROA{name}", "ANPA1", arn))
    with store.read() as conn:
        assert rows.attached(conn, ALL) == {"ANPA1": 2}
        assert rows.bounded(conn, ALL) == {arn: 1}
        assert rows.attached(conn, everywhere(OTHER)) == {}


def version(number, *, latest, name="/" + "n" * 1000, **values):
    given = {"type": ParameterType.STRING, "value": "v" * 8192, "changed_at": AT, "changed_by": "arn"}
    return Parameter(
        id=f"{number}-{key_of(name)[:20]}",
        parameter=key_of(name),
        name=name,
        number=number,
        latest=latest,
        **{**given, **values},
    )


def test_versions_of_a_parameter(store):
    first, second = version(1, latest=False, labels=("live",)), version(2, latest=True)
    store.transact(lambda conn: PARAMETERS.add(conn, HERE, first, second))
    with store.read() as conn:
        assert parameters.find(conn, HERE, first.name) == second
        assert parameters.heads(conn, HERE, most=9) == [replace(second, value="")]
        assert parameters.heads(conn, HERE, after=second.name, most=9) == []
        assert parameters.heads(conn, HERE, below=second.name[:2], most=9) == [replace(second, value="")]
        assert parameters.heads(conn, HERE, below="%", most=9) == []
        assert parameters.heads(conn, OTHER, most=9) == []
        assert parameters.find(conn, HERE, first.name, "1") == first
        assert parameters.find(conn, HERE, first.name, "live") == first
        with pytest.raises(ParameterVersionMissing):
            parameters.find(conn, HERE, first.name, "3")
        for scope in (OTHER, Scope("project", "eu-west-1")):
            with pytest.raises(ParameterMissing):
                parameters.find(conn, scope, first.name)
    with pytest.raises(IntegrityError):
        store.transact(lambda conn: PARAMETERS.change(conn, HERE, first.id, number=second.number))
