from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, select

from backend.domain import session_findings
from backend.domain.identities import NOWHERE
from backend.domain.scope import Scope
from backend.services.roles import NewRole, Roles
from backend.services.sessions import MOST, Owned, Role, SessionRules, Sessions
from backend.store.guarded import Guard
from backend.store.sealed import PLACES, reseal
from backend.store.secrets import Seal, new_key
from backend.store.session import Store
from backend.store.tables import sessions
from tests.databases import memory
from tests.factories import HandClock

OLD, NEW = new_key(), new_key()


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def store(clock):
    store = memory.opened(clock)
    yield store
    memory.release(store)


BASE = Owned("p", "s3cret")


def sessions_of(store, clock, *keys, lasting=BASE):
    return Sessions(store, clock, SessionRules(seal=Seal(keys), lasting=lambda _: lasting))


def test_secret_and_token_lie_sealed(store, clock):
    made = sessions_of(store, clock, OLD).open("AKIAX", "p", timedelta(hours=1))
    with store.read() as conn:
        (row,) = conn.execute(select(sessions)).all()
    assert made.secret not in str(row)
    assert made.token not in str(row)
    assert made.secret not in repr(made)
    assert sessions_of(store, clock, OLD).find(made.access_key) == made


def test_a_session_that_nobody_can_open_is_none(store, clock, caplog):
    made = sessions_of(store, clock, OLD).open("AKIAX", "p", timedelta(hours=1))
    assert sessions_of(store, clock, NEW).find(made.access_key) is None
    assert "is of no use" in caplog.text
    assert made.secret not in caplog.text


def test_sessions_are_sealed_anew(store, clock):
    made = sessions_of(store, clock, OLD).open("AKIAX", "p", timedelta(hours=1))
    assert reseal(store, PLACES["temporary keys"], Guard(Seal([NEW, OLD]))) == 1
    assert sessions_of(store, clock, NEW).find(made.access_key) == made


def test_what_ended_is_known_for_some_time_so_that_it_can_be_told(store, clock):
    made = sessions_of(store, clock, OLD).open("AKIAX", "p", timedelta(hours=1))
    clock.move(2 * 3600)
    assert sessions_of(store, clock, OLD).find(made.access_key) == made


def test_a_session_rests_on_the_key_as_it_was(store, clock):
    made = sessions_of(store, clock, OLD).open("AKIAX", "p", timedelta(hours=1))
    assert made.rests_on("p", "s3cret")
    assert not made.rests_on("p", "another")
    assert not made.rests_on("q", "s3cret")
    assert "s3cret" not in repr(made)
    again = sessions_of(store, clock, OLD).open(made.access_key, "p", timedelta(hours=1))
    assert (again.base_key, again.rests_on("p", "s3cret")) == ("AKIAX", True)


class AnyName:
    """Accounts that let each other assume their roles."""

    def project_of(self, number):
        return "q" if number == "222222222222" else None

    def may_assume(self, project, by):
        return True


TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s"},"Action":"sts:AssumeRole"}]}'


def test_the_trust_policy_of_a_role_holds_in_whatever_case_it_is_named(store, clock):
    scope = Scope("q", NOWHERE)
    Roles(store, clock).create(scope, NewRole("Deploy", "/", TRUST % "111111111111"))
    rules = SessionRules(seal=Seal([OLD]), lasting=lambda _: BASE, roles=AnyName(), number_of=lambda _: "333333333333")
    own = Sessions(store, clock, rules)

    def assume(name, by):
        role = Role("222222222222", name, "me", by=frozenset({by}))
        return own.assume("AKIAX", "p", role, timedelta(hours=1)).project_id

    for name in ("Deploy", "deploy", "DEPLOY"):
        with pytest.raises(session_findings.RoleRefused):
            assume(name, "333333333333")
    assert assume("Deploy", "111111111111") == "q"
    assert assume("of-no-record", "333333333333") == "q"


@pytest.mark.parametrize("now", [None, Owned("q", "s3cret"), Owned("p", "another")])
def test_a_key_that_is_another_by_now_opens_none(store, clock, now):
    made = sessions_of(store, clock, OLD).open("AKIAX", "p", timedelta(hours=1))
    later = sessions_of(store, clock, OLD, lasting=now)
    with pytest.raises(session_findings.KeyGone):
        later.open(made.access_key, "p", timedelta(hours=1))
    if now is None or now.project_id != "p":
        with pytest.raises(session_findings.KeyGone):
            later.open("AKIAX", "p", timedelta(hours=1))


def test_a_key_has_so_many_and_with_one_more_its_oldest_goes(store, clock):
    own = sessions_of(store, clock, OLD)
    ended = own.open("AKIAX", "p", timedelta(minutes=15))
    clock.move(901)
    other = own.open("AKIAOTHER", "p", timedelta(hours=1))
    made = []
    for _ in range(MOST + 1):
        made.append(own.open("AKIAX", "p", timedelta(hours=1)))
        clock.move(1e-3)
    fresh = sessions_of(store, clock, OLD)
    assert [fresh.find(each.access_key) is None for each in (made[0], made[1], made[-1], other, ended)] == [
        *(True, False, False, False, False)
    ], "those of other keys stay, and what has ended does not count"


def test_a_key_that_is_none_is_asked_for_once_in_a_while(store, clock):
    own = sessions_of(store, clock, OLD)
    asked = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    for seconds, number in ((0, 1), (0, 1), (6, 2)):
        clock.move(seconds)
        assert own.find("ASIAABCDEFGHIJKLMNOP") is None
        assert len(asked) == number


def test_keys_that_are_none_are_remembered_in_a_bounded_number(store, clock):
    own = sessions_of(store, clock, OLD)
    for number in range(1100):
        letters = "".join("ABCDEFGHIJ"[int(digit)] for digit in f"{number:016d}")
        assert own.find(f"ASIA{letters}") is None
    assert len(own._missed) == 1024


@pytest.mark.parametrize(
    "key", ["AKIAEXAMPLE", "ASIA", "ASIA\0BCDEFGHIJKLMNOP", "ASIA" + "A" * 9000, "asiaabcdefghijklmnop"]
)
def test_only_keys_of_that_kind_are_asked_for(clock, key):
    nowhere = Store("sqlite:////nowhere/at/all", clock)
    assert sessions_of(nowhere, clock, OLD).find(key) is None
