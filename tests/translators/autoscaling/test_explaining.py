"""Why a group is as it is, told as tags to who asks for them by name."""

from dataclasses import replace

import pytest

from backend.domain.brakes import Brake
from backend.domain.quotas import Quota
from backend.errors import KeysUnreached
from backend.store import brakes, quotas
from backend.store.guarded import Guard, guard
from backend.store.secrets import Seal, new_key
from backend.store.tables import clusters
from tests.factories import NOW, OTHER, SCOPE, request
from translators.autoscaling.explaining import KEY, WORDS
from translators.errors import AWSError
from translators.registry import find


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
    assert dict(world.backend.explanations.of(OTHER, ["web"], WORDS)) == {}


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


def test_it_is_told_page_by_page(world, group):
    world.group("app")
    asked = _asked("web", "app", "nobody")
    whole = world.call("DescribeTags", **asked)
    assert "NextToken" not in whole
    for most in (1, 2, 3, 100):
        found, more = [], {}
        while True:
            answer = world.call("DescribeTags", **asked, MaxRecords=most, **more)
            assert len(answer["Tags"]) <= most
            found += answer["Tags"]
            if "NextToken" not in answer:
                break
            more = {"NextToken": answer["NextToken"]}
        assert found == whole["Tags"]


def test_what_is_gone_between_two_pages_is_left_out(world, group):
    world.group("app")
    asked = _asked("web", "app")
    first = world.call("DescribeTags", **asked, MaxRecords=1)
    world.call("DeleteAutoScalingGroup", AutoScalingGroupName="app", ForceDelete=True)
    world.store.transact(lambda conn: conn.execute(clusters.delete().where(clusters.c.name == "app")))
    rest = world.call("DescribeTags", **asked, NextToken=first["NextToken"])
    assert {each["ResourceId"] for each in rest["Tags"]} == {"web"}
    assert rest["Tags"][0]["Key"] == f"{KEY}:status"


def test_groups_that_have_an_operator_are_left_out_where_that_is_asked(world, group):
    world.store.transact(lambda conn: conn.execute(clusters.update().values(operator="eks.amazonaws.com")))
    assert world.call("DescribeTags", **_asked("web"))["Tags"]
    assert world.call("DescribeTags", **_asked("web"), IncludeManagedResources=False)["Tags"] == []


def test_a_launch_that_the_project_may_not_have_is_not_foretold(world):
    world.store.transact(lambda conn: quotas.put(conn, SCOPE.project_id, Quota.INSTANCES, 1))
    world.group("web", desired=2)
    told = _explained(world, "web")
    assert told["web", "next-pass"].splitlines() == ["CreateServers 1", "new->Pending 1"]
    assert ("web", "blocked-by") not in told
    world.store.transact(lambda conn: quotas.put(conn, SCOPE.project_id, Quota.INSTANCES, 0))
    told = _explained(world, "web")
    assert told["web", "next-pass"] == "nothing"
    assert told["web", "blocked-by"] == "the project has as many instances as it may have in this region: 0"


@pytest.mark.parametrize(
    "other",
    [
        "DescribeAutoScalingGroups",
        "DescribeInstanceRefreshes",
        "DescribeLifecycleHooks",
        "DescribeScalingActivities",
    ],
)
def test_who_may_not_ask_for_what_it_tells_of_is_told_nothing(world, group, other):
    def demand(operation):
        if operation == other:
            raise AWSError("AccessDenied", operation, 403)

    call = replace(request(world.backend, "autoscaling", "DescribeTags", _asked("web")), demand=demand)
    with pytest.raises(AWSError) as refused:
        find("autoscaling", "DescribeTags")(call)
    assert (refused.value.code, refused.value.message) == ("AccessDenied", other)
    plain = replace(call, params={})
    assert find("autoscaling", "DescribeTags")(plain) == {"Tags": []}


def test_a_group_whose_launch_data_lies_sealed_is_explained_while_the_keys_cannot_be_had(world):
    key, away = new_key(), [True]

    def keys():
        if away[0]:
            raise KeysUnreached("the manager at 192.0.2.7 is away")
        return [key]

    guard(world.store.engine, Guard(Seal([key]), closes=True))
    world.group("web", desired=2)
    guard(world.store.engine, Guard(Seal((), keys, lazily=True, clock=world.clock)))
    told = _explained(world, "web")
    why = "nothing can be launched: The request was refused: the keys that open its launch data cannot be had now."
    assert (told["web", "blocked-by"], told["web", "next-pass"]) == (why, "nothing, before the keys can be had")
    assert "192.0.2.7" not in str(told)
    away[0] = False
    world.clock.move(60)
    assert _explained(world, "web")["web", "next-pass"].startswith("CreateServers ")
