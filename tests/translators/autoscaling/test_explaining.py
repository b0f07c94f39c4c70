"""Why a group is as it is, told as tags to who asks for them by name."""

import pytest

from backend.domain.brakes import Brake
from backend.store import brakes
from tests.factories import NOW, OTHER, SCOPE
from translators.autoscaling.explaining import KEY, WORDS


@pytest.fixture
def group(world):
    world.group("web", desired=2, maximum=4)


def _asked(*names, **more):
    filters = {"key": [KEY], "auto-scaling-group": list(names), **more}
    return {"Filters": [{"Name": name, "Values": values} for name, values in filters.items()]}


def _explained(world, *names):
    answer = world.call("DescribeTags", **_asked(*names))
    return {(each["ResourceId"], each["Key"].removeprefix(f"{KEY}:")): each["Value"] for each in answer["Tags"]}


def test_what_a_group_does_next_is_told(world, group):
    told = _explained(world, "web")
    assert told["web", "capacity"] == "2 wanted (1 to 4), 0 there"
    assert told["web", "next-pass"].startswith("CreateServers ")
    assert ("web", "blocked-by") not in told


def test_what_keeps_it_is_told_without_a_word_of_the_installation(world, group):
    world.call("SuspendProcesses", AutoScalingGroupName="web", ScalingProcesses=["Launch"])
    brakes.put(world.store, Brake("", "", NOW, "root@ops", "the switch is replaced"))
    told = _explained(world, "web")
    since = NOW.isoformat(timespec="seconds")
    assert told["web", "blocked-by"].splitlines() == [
        f"the cloud's operator lets nothing be launched and nothing ended since {since}: the switch is replaced",
        "Launch is suspended (ResumeProcesses)",
    ]
    assert told["web", "suspended"].startswith("Launch since ")
    assert not {"project", "engine", "id"} & {about for _, about in told}
    assert "root@ops" not in str(told)


def test_only_who_asks_is_told_and_of_no_group_but_their_own(world, group):
    world.group("app")
    assert world.call("DescribeTags")["Tags"] == []
    assert {name for name, _ in _explained(world, "web", "app", "nobody")} == {"app", "web"}
    assert world.backend.explanations.of(OTHER, ["web"], WORDS) == {}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (_asked(*(f"g{number}" for number in range(11))), f"{KEY} takes 1 to 10 values of the filter"),
        ({"Filters": [{"Name": "key", "Values": [KEY]}]}, f"{KEY} takes 1 to 10 values of the filter"),
        (_asked("web", value=["x"]), f"{KEY} takes no filter but auto-scaling-group beside it."),
        (_asked("web", **{"propagate-at-launch": ["true"]}), f"{KEY} takes no filter but auto-scaling-group"),
        (_asked("web", key=[KEY, "team"]), f"{KEY} takes no filter but auto-scaling-group"),
    ],
)
def test_it_is_asked_for_alone_and_by_names(refused, group, asked, words):
    error = refused("DescribeTags", **asked)
    assert (error.code, error.status) == ("ValidationError", 400)
    assert error.message.startswith(words)


def test_nothing_told_is_longer_than_its_bound(world, group):
    reason = "x" * 5000
    brakes.put(world.store, Brake(SCOPE.project_id, "", NOW, "root@ops", reason))
    assert len(_explained(world, "web")["web", "blocked-by"]) == 4000
