"""Entries of the journal as they are written, on every database."""

from datetime import timedelta

import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind, begun, over
from backend.store import activities, journal
from tests.factories import NOW, activity, cluster, node, uuid_of

WEB = cluster("web")
LATER = NOW + timedelta(seconds=5)
REASON = Reason(ReasonKind.NO_CAPACITY, {"type": "t", "zone": "z"})


@pytest.fixture
def add(store):
    def begin(name, **values):
        made = activity(WEB, name, **values)
        store.transact(lambda conn: journal.begin(conn, [made]))
        return made

    return begin


@pytest.fixture
def do(store):
    return lambda act, *arguments, **options: store.transact(lambda conn: act(conn, *arguments, **options))


@pytest.fixture
def read(store):
    def find(entry):
        with store.read() as conn:
            return activities.find(conn, entry.id)

    return find


def test_entries_of_moves_and_of_what_is_over_at_once_are_written_together(do, read):
    cause = Cause(CauseKind.USER_DETACHED, NOW, {"server": "s"})
    move = begun(uuid_of("move"), WEB, ActivityKind.DETACH, [cause], NOW).about(node(WEB))
    refused = over(
        uuid_of("refused"), WEB, ActivityKind.LAUNCH, ActivityStatus.FAILED, causes=[cause], at=NOW, reason=REASON
    )
    do(journal.begin, [move, refused])
    do(journal.begin, [])
    assert (read(move), read(refused)) == (move, refused)
    assert (move.status, move.progress, move.ended_at) == (ActivityStatus.IN_PROGRESS, 50, None)
    assert (refused.status, refused.progress, refused.ended_at) == (ActivityStatus.FAILED, 100, NOW)
    do(journal.end, [move.id, refused.id], ActivityStatus.SUCCESSFUL, LATER)
    assert (read(move).status, read(refused)) == (ActivityStatus.SUCCESSFUL, refused)


def test_an_end_is_never_overwritten(do, read, add):
    made = add("a")
    do(journal.end, [made.id, None], ActivityStatus.FAILED, LATER, REASON)
    do(journal.end, [made.id], ActivityStatus.SUCCESSFUL, LATER)
    after = read(made)
    assert (after.status, after.progress, after.ended_at) == (ActivityStatus.FAILED, 100, LATER)
    assert after.reason == REASON


def test_progress_never_goes_back(do, read, add):
    made, ended = add("a", progress=30), add("b", status=ActivityStatus.FAILED, progress=100, ended_at=NOW)
    do(journal.advance, [made.id, ended.id, None], ActivityStatus.IN_PROGRESS, progress=50)
    do(journal.advance, [made.id], ActivityStatus.PRE_IN_SERVICE, progress=20)
    assert (read(made).progress, read(made).status) == (50, ActivityStatus.IN_PROGRESS)
    do(journal.advance, [made.id, ended.id], ActivityStatus.DRAINING)
    assert (read(made).progress, read(made).status) == (50, ActivityStatus.DRAINING)
    assert read(ended) == ended


def test_servers_are_named_once_they_are_known(do, read, add):
    made = add("a", server_id=None)
    do(journal.name_servers, {made.id: "s"})
    do(journal.name_servers, {})
    assert read(made).server_id == "s"


def test_open_entries_say_what_keeps_them_so(do, read, add):
    entry, ended = add("open"), add("ended")
    reason = Reason(ReasonKind.NOT_AUTHORIZED, {"detail": "expired"})
    do(journal.end, [ended.id], ActivityStatus.SUCCESSFUL, LATER)
    do(journal.remark, {entry.id: reason, ended.id: reason})
    assert (read(entry).reason, read(ended).reason) == (reason, None)
    do(journal.unremark, [entry.id, None])
    assert (read(entry).reason, read(entry).ended_at) == (None, None)
