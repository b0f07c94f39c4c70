"""Sizes of batches: whose number holds, and what a pass makes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain.activity import Cause, CauseKind
from backend.domain.batch_sizes import MOST, TAG, Batch, BatchUnreadable, Sized, asked, of_tag, ordered
from backend.domain.cluster import Tag
from backend.domain.node import LeavesFor, NodeState
from backend.domain.traffic import RegistrationState
from backend.domain.warm_pools import WarmPool
from backend.engine.acts.create_servers import CreateServers
from backend.engine.acts.delete_server import DeleteServer
from backend.engine.acts.members import ChangeMembers
from backend.engine.draft import Wish
from backend.engine.phases.capacity import meet_capacity
from backend.engine.settings import SIZES, EngineSettings
from tests.backend.engine.drafts import SETTINGS, SOURCE, draft, launched, member, node, owner, plan
from tests.factories import NOW


def test_each_has_a_field_of_the_settings_and_an_end():
    assert set(SIZES) == set(Batch) == set(MOST)
    for batch, name in SIZES.items():
        assert 1 <= getattr(SETTINGS, name) <= MOST[batch]


def test_the_narrowest_of_an_operators_numbers_holds():
    wide = Sized("", "", Batch.LAUNCHES, 1)
    region, project, both = (Sized(*place, Batch.LAUNCHES, 2) for place in (("", "r"), ("p", ""), ("p", "r")))
    assert ordered([region, wide])[Batch.LAUNCHES] == 2
    assert ordered([Sized("p", "", Batch.LAUNCHES, 3), region, wide])[Batch.LAUNCHES] == 3
    assert ordered([Sized("p", "r", Batch.LAUNCHES, 4), project, wide])[Batch.LAUNCHES] == 4
    assert ordered([both, Sized("", "", Batch.DELETIONS, 9)]) == {Batch.LAUNCHES: 2, Batch.DELETIONS: 9}


def test_a_tag_makes_a_batch_smaller_and_never_larger():
    operators = {Batch.DELETIONS: 10}
    assert SETTINGS.sized(operators, {}).deletions == 10
    assert SETTINGS.sized(operators, {Batch.DELETIONS: 3}).deletions == 3
    assert SETTINGS.sized(operators, {Batch.DELETIONS: 30}).deletions == 10
    assert SETTINGS.sized({}, {Batch.DELETIONS: SETTINGS.deletions + 1}).deletions == SETTINGS.deletions
    assert SETTINGS.sized({}, {}) is SETTINGS


@pytest.mark.parametrize(("holds", "tag", "size"), [(100, 1, 10), (95, 1, 10), (100, 11, 11), (5, 1, 1), (1, 1, 1)])
@pytest.mark.parametrize("batch", list(Batch))
def test_a_tag_makes_no_batch_smaller_than_a_tenth(batch, holds, tag, size):
    """Each call and each pass costs all others something."""
    wide = replace(SETTINGS, launches=1000)
    assert getattr(wide.sized({batch: holds}, {batch: tag}), SIZES[batch]) == size


def test_the_first_launches_are_no_more_than_the_others():
    assert SETTINGS.sized({Batch.LAUNCHES: 7}, {}).first_launches == 7


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("role", "web", None),
        (f"{TAG}launches", "5", (Batch.LAUNCHES, 5)),
        (f"{TAG}servers-per-call", "100", (Batch.SERVERS, 100)),
    ],
)
def test_what_a_tag_says(key, value, expected):
    assert of_tag(key, value) == expected


@pytest.mark.parametrize("value", ["", "0", "-1", "1001", "99999999999", "٣", "1.5", "many"])
def test_what_is_no_size(value):
    with pytest.raises(BatchUnreadable, match="is a number from 1 to 1000"):
        of_tag(f"{TAG}launches", value)
    assert asked([Tag(f"{TAG}launches", value, propagate=False)]) == {}


def test_a_word_that_no_batch_has_is_told_with_those_there_are():
    with pytest.raises(BatchUnreadable, match="followed by one of servers-per-call, launches"):
        of_tag(f"{TAG}launch", "5")


def _tags(**sizes: int) -> tuple[Tag, ...]:
    return tuple(Tag(TAG + name.replace("_", "-"), str(size), propagate=False) for name, size in sizes.items())


def test_launches_of_a_pass_and_servers_of_a_call():
    cluster = owner(desired=10)
    alive = node(cluster, "proves-it")
    made = plan(cluster, alive, sizes={Batch.LAUNCHES: 6}, tags=_tags(servers_per_call=3))
    assert len(launched(made)) == 6
    calls = [len(act.node_ids) for act in made.acts if isinstance(act, CreateServers)]
    assert calls == [3, 3]
    assert made.due_at == plan(cluster, alive, sizes={Batch.LAUNCHES: 6}).due_at  # at once: there is more to do


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_what_replaces_what_lacks_and_what_warms_share_the_launches_of_a_pass(size):
    cluster = owner(desired=20, maximum=30, warm_pool=WarmPool())
    here = [node(cluster, f"n{number}", zone="us-east-1a") for number in range(20)]
    made = plan(cluster, *here, sizes={Batch.LAUNCHES: size})
    states = [each.state for each in launched(made)]
    assert (states.count(NodeState.PENDING), states.count(NodeState.WARMED_PENDING)) == (min(size, 3), max(size - 3, 0))
    assert made.due_at == NOW


@pytest.mark.parametrize(
    ("size", "weight", "replacing", "others"),
    [(1, 1, 1, 0), (2, 1, 2, 0), (3, 1, 2, 1), (2, 2, 2, 0), (1, 3, 3, 0), (5, 2, 4, 1), (9, 2, 4, 2)],
)
def test_what_replaces_a_node_is_launched_together(size, weight, replacing, others):
    """However much the node counts, so that what is desired is there all the while."""
    cluster = owner(desired=2 * weight + 2, maximum=20)
    old = [node(cluster, f"n{number}", units=weight) for number in range(2)]
    made = draft(cluster, *old, settings=replace(SETTINGS, launches=size))
    cause = Cause(CauseKind.MAXIMUM_LIFETIME, NOW)
    made.wishes += [Wish(each, cause, LeavesFor.LIFETIME) for each in old]
    meet_capacity(made)
    there = [each.replaces is not None for each in launched(made)]
    assert (there.count(True), there.count(False)) == (replacing, others)
    assert made.again is (replacing < 2 * weight or others < 2)


def test_deletions_of_a_pass():
    cluster = owner()
    going = [node(cluster, f"n{number}", state=NodeState.TERMINATING) for number in range(5)]
    made = plan(cluster, *going, sizes={Batch.DELETIONS: 2})
    assert sum(isinstance(act, DeleteServer) for act in made.acts) == 2
    assert sum(isinstance(act, DeleteServer) for act in plan(cluster, *going).acts) == 5


def test_registrations_of_a_pass_joining():
    cluster = owner(desired=5, sources=(SOURCE,))
    here = [node(cluster, f"n{number}", address=f"10.0.0.{number}") for number in range(5)]
    made = plan(cluster, *here, sizes={Batch.REGISTRATIONS: 2})
    (act,) = (act for act in made.acts if isinstance(act, ChangeMembers))
    first = [target.owner for target in act.targets]
    assert len(first) == 2
    assert {key[0] for key in made.changes.after.registrations} == set(first)
    again = plan(
        cluster, *here, registrations=made.changes.after.registrations.values(), sizes={Batch.REGISTRATIONS: 2}
    )
    (act,) = (act for act in again.acts if isinstance(act, ChangeMembers))
    second = [target.owner for target in act.targets]
    assert len(second) == 2
    assert not set(first) & set(second)


def test_registrations_of_a_pass_leaving():
    """Who waits for its turn keeps its member as it is, and its server."""
    cluster = owner(sources=(SOURCE,))
    going = [node(cluster, f"n{number}", state=NodeState.TERMINATING, state_at=NOW) for number in range(5)]
    known = [member(each, health="healthy") for each in going]
    made = plan(cluster, *going, registrations=known, sizes={Batch.REGISTRATIONS: 2})
    states = [each.state for each in made.changes.after.registrations.values()]
    assert states.count(RegistrationState.LEAVING) == 2
    assert states.count(RegistrationState.REGISTERED) == 3
    assert not any(isinstance(act, DeleteServer) for act in made.acts)


def test_settings_of_another_size_are_settings_of_the_engine():
    assert isinstance(SETTINGS.sized({Batch.SERVERS: 3}, {}), EngineSettings)
