"""What a newer version wrote into rows does not make an older one fail."""

from __future__ import annotations

from types import SimpleNamespace

from backend.domain.activity import ActivityKind, Cause, CauseKind
from backend.store import rows
from tests import factories
from tests.factories import NOW

ACTIVITY = factories.activity(factories.cluster())


def _row(activity, **other):
    return SimpleNamespace(**{**rows.activity_values(activity), **other})


def test_an_entry_of_a_kind_that_is_not_known_is_read():
    known = Cause(CauseKind.USER_CREATED, NOW, {})
    causes = [*rows.causes_document([known]), ["from_the_future", 1, {}]]
    found = rows.activity_of(_row(ACTIVITY, kind="from_the_future", causes=causes, reason=["from_the_future", {}]))
    assert (found.kind, found.causes, found.reason) == (ActivityKind.NOTE, (known,), None)


def test_one_of_a_known_kind_is_read_as_it_was_written():
    assert rows.activity_of(_row(ACTIVITY)) == ACTIVITY
