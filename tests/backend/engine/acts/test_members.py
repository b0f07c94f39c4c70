from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from backend.domain.activity import ReasonKind
from backend.domain.traffic import Registration, RegistrationState
from backend.drivers import errors
from backend.drivers.balancing import Target
from backend.engine.acts.act import Result
from backend.engine.acts.members import Change, ChangeMembers
from backend.engine.revision import Revision
from tests.backend.engine.drafts import SETTINGS, node, owner, rows
from tests.factories import NOW, SCOPE

GROUP = owner()
NODE = node(GROUP, "n", activity_id="entry")
KEY = (NODE.id, "pool")
STATE = RegistrationState
HERE = Registration(
    NODE.id, "pool", GROUP.id, GROUP.project_id, GROUP.region, "s", "10.0.0.5", 80, None, STATE.ADDING, NOW
)
TARGETS = (Target(NODE.id, "10.0.0.5", 80, None), Target("gone", "10.0.0.6", 80, None))


def _concluded(change, error=None):
    act = ChangeMembers(SCOPE, "pool", change, TARGETS)
    revision = Revision(rows(GROUP, NODE, registrations=[HERE]), NOW, SETTINGS, Random(1))
    result = Result(act, error=error)
    assert bool(act.touches(result)) is (error is not None)
    act.conclude(result, revision)
    return revision


@pytest.mark.parametrize(
    ("change", "state", "due_at"),
    [(Change.ADD, STATE.REGISTERED, None), (Change.DRAIN, STATE.DRAINING, NOW + SETTINGS.deregistration)],
)
def test_what_was_done_is_written_down(change, state, due_at):
    revision = _concluded(change)
    assert revision.registrations == {KEY: replace(HERE, state=state, due_at=due_at)}
    assert revision.again


@pytest.mark.parametrize("error", [None, errors.PoolNotFound("pool"), errors.NoBalancing("none")])
def test_members_of_a_pool_that_is_gone_are_gone(error):
    assert _concluded(Change.REMOVE, error).registrations == {}
    if error is not None:
        assert _concluded(Change.DRAIN, error).registrations == {}


@pytest.mark.parametrize("error", [errors.Busy("busy"), errors.CloudUnavailable("away"), errors.OutcomeUnknown("lost")])
def test_what_was_not_heard_is_asked_for_again_soon_and_nothing_else_waits(error):
    revision = _concluded(Change.ADD, error)
    assert revision.registrations == {KEY: replace(HERE, due_at=NOW + SETTINGS.cloud_retry)}
    assert (revision.entries.remarks, revision.again) == ({}, False)
    assert not ChangeMembers(SCOPE, "pool", Change.ADD, TARGETS).rest(error, SETTINGS)


def test_what_was_refused_is_told_and_asked_for_later():
    revision = _concluded(Change.ADD, errors.NotAuthorized("no role"))
    assert revision.registrations == {KEY: replace(HERE, due_at=NOW + SETTINGS.refused_retry)}
    assert revision.entries.remarks["entry"].kind is ReasonKind.NOT_AUTHORIZED
