"""Rules of composite alarms as tables: what they come to, who says so, and what holds actions back."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.alarms import AlarmState, Held, Holder
from backend.domain.composite_states import Change, ChildState, afresh, after, grounds, holds, suppressed
from backend.domain.composites import Composite, Suppressor

A, O, I = AlarmState.ALARM, AlarmState.OK, AlarmState.INSUFFICIENT_DATA  # noqa: E741
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
FIRST, SECOND = ["is", "ALARM", 0], ["is", "ALARM", 1]


@pytest.mark.parametrize(
    ("tree", "states", "met", "by"),
    [
        (True, [], True, set()),
        (False, [], False, set()),
        (FIRST, [A], True, {0}),
        (["is", "INSUFFICIENT_DATA", 0], [O], False, {0}),
        (["not", FIRST], [O], True, {0}),
        (["and", FIRST, SECOND], [A, O], False, {1}),
        (["and", FIRST, SECOND], [A, A], True, {0, 1}),
        (["or", FIRST, SECOND], [A, O], True, {0}),
        (["or", FIRST, SECOND], [O, I], False, {0, 1}),
        (["or", ["not", FIRST], ["and", SECOND, True]], [A, O], False, {0, 1}),
        (["least", 2, "ALARM", False, False, [0, 1]], [A, O], False, {1}),
        (["least", 66, "ALARM", False, True, [0, 0, 1]], [A, O], True, {0}),
        (["least", 67, "ALARM", False, True, [0, 0, 1]], [A, O], False, {1}),
        (["least", 50, "ALARM", True, True, [0, 1]], [A, I], True, {1}),
    ],
)
def test_what_a_rule_comes_to(tree, states, met, by):
    """Source: of quorums conformance/recorded alarm_composites.dependencies."""
    assert (holds(tree, states), grounds(tree, states)) == (met, by)


def children(*states, at=NOW):
    """Each changed a second after the one before."""
    return [ChildState(f"c{n}", state, at + timedelta(seconds=n)) for n, state in enumerate(states)]


EITHER = Composite("", ["or", FIRST, SECOND], ("c0", "c1"))
BOTH = Composite("", ["and", FIRST, SECOND], ("c0", "c1"))


@pytest.mark.parametrize(
    ("composite", "seen", "now", "state", "teller"),
    [
        (EITHER, (O, O), (A, A), O, "c0"),  # the first was enough
        (BOTH, (O, O), (A, A), O, "c1"),
        (EITHER, (A, A), (O, O), A, "c1"),
        (EITHER, (O, O), (O, A), O, "c1"),
        (EITHER, (O, O), (A, O), A, None),  # set by hand, and the rule now says so, too
        (EITHER, (O, O), (O, O), A, None),  # set by hand: it stays until another changes
        (EITHER, (O, I), (O, O), A, "c1"),  # as this one has
    ],
)
def test_the_one_that_made_it_so_is_told(composite, seen, now, state, teller):
    verdict = after(composite, seen, children(*now), state)
    assert (None if verdict is None else [each.name for each in verdict.because]) == (teller and [teller])
    if verdict is not None:
        assert verdict.at == verdict.because[0].at


def test_a_new_rule_rests_on_all_that_say_so():
    """Source: conformance/recorded alarm_composites.dependencies/13."""
    verdict = afresh(EITHER, children(O, I))
    assert (verdict.state, [each.name for each in verdict.because], verdict.at) == (O, ["c0", "c1"], None)


QUIET, LOUD = ChildState("s", O, NOW), ChildState("s", A, NOW)
HOLDING = Suppressor("s", "s", timedelta(seconds=5), timedelta(seconds=7))


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def change(was=O, to=A, at=NOW):
    return Change(was, to, at)


@pytest.mark.parametrize(
    ("other", "seen", "held", "changed", "at", "expected"),
    [
        # a change while all is quiet waits, and is then acted on
        (QUIET, O, None, change(), 0, (Held(Holder.WAIT, O, later(5)), None)),
        (QUIET, O, Held(Holder.WAIT, O, later(5)), None, 4, (Held(Holder.WAIT, O, later(5)), None)),
        (QUIET, O, Held(Holder.WAIT, O, later(5)), None, 5, (None, O)),
        # the suppressor came in time
        (LOUD, O, Held(Holder.WAIT, O, later(5)), None, 3, (Held(Holder.ALARM, O), None)),
        (LOUD, A, None, change(), 0, (Held(Holder.ALARM, O), None)),
        # it went: its extension counts from then
        (QUIET, A, Held(Holder.ALARM, O), None, 1, (Held(Holder.EXTENSION, O, later(7)), None)),
        (QUIET, O, Held(Holder.EXTENSION, O, later(7)), None, 7, (None, O)),
        (LOUD, O, Held(Holder.EXTENSION, O, later(7)), None, 3, (Held(Holder.ALARM, O), None)),
        # a change after it went is held as well, and longer ago is not
        (QUIET, A, None, None, 1, (Held(Holder.EXTENSION, None, later(7)), None)),
        (QUIET, O, Held(Holder.EXTENSION, None, later(7)), change(), 2, (Held(Holder.EXTENSION, O, later(7)), None)),
        (QUIET, O, Held(Holder.EXTENSION, None, later(7)), None, 8, (None, None)),
        (
            QUIET,
            O,
            Held(Holder.EXTENSION, None, later(7)),
            change(at=later(8)),
            8,
            (Held(Holder.WAIT, O, later(13)), None),
        ),
        # a change that is taken back leaves nothing to be done
        (QUIET, O, Held(Holder.WAIT, O, later(5)), change(A, O, later(2)), 2, (None, None)),
        (LOUD, A, Held(Holder.ALARM, O), change(A, O, later(2)), 2, (None, None)),
        # nothing is held of what was done already
        (LOUD, O, None, None, 9, (None, None)),
    ],
)
def test_what_holds_actions_back(other, seen, held, changed, at, expected):
    """Source: CloudWatch User Guide, "Composite alarm action suppression"; alarm_composites.suppression/11."""
    assert suppressed(HOLDING, other, seen, held, changed, later(at)) == expected


def test_documents_say_the_same():
    composite = Composite("ALARM(a)", FIRST, ("a",), HOLDING)
    assert Composite.of(composite.document()) == composite
    held = Held(Holder.EXTENSION, None, NOW)
    assert Held.of(held.document()) == held
