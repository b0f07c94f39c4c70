import pytest


@pytest.fixture(autouse=True)
def groups(world):
    world.group("a")
    world.group("b")


def tag(group, key, value="", **more):
    return {"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": key, "Value": value, **more}


@pytest.fixture
def put(world):
    return lambda *tags: world.call("CreateOrUpdateTags", Tags=list(tags))


def listed(world, *filters, **params):
    asked = [{"Name": name, "Values": list(values)} for name, *values in filters]
    answer = world.call("DescribeTags", Filters=asked, **params)
    return [(item["ResourceId"], item["Key"], item["Value"], item["PropagateAtLaunch"]) for item in answer["Tags"]]


def test_put_over_and_delete(world, put):
    put(tag("b", "k", "1", PropagateAtLaunch=True), tag("a", "k", "2"))
    put(tag("a", "k", "3", PropagateAtLaunch=True))
    assert listed(world) == [("a", "k", "3", True), ("b", "k", "1", True)]
    world.call("DeleteTags", Tags=[tag("a", "k", "other"), tag("b", "k")])
    assert listed(world) == [("a", "k", "3", True)]
    assert world.call("DescribeTags")["Tags"][0]["ResourceType"] == "auto-scaling-group"


def test_filters(world, put):
    put(tag("a", "x", "1", PropagateAtLaunch=True), tag("a", "y", "2"), tag("b", "x", "2"))
    assert [row[:2] for row in listed(world, ("auto-scaling-group", "a"))] == [("a", "x"), ("a", "y")]
    assert [row[:2] for row in listed(world, ("key", "x"), ("value", "2"))] == [("b", "x")]
    assert [row[:2] for row in listed(world, ("propagate-at-launch", "true"))] == [("a", "x")]
    assert len(listed(world, ("propagate-at-launch", "true", "false"))) == 3
    assert len(listed(world, ("key", "x"), ("key", "y"))) == 3
    assert [row[:2] for row in listed(world, ("key", "x"), ("value", "2"), ("key", "y"))] == [("a", "y"), ("b", "x")]
    both = listed(world, ("auto-scaling-group", "a"), ("auto-scaling-group", "b"), ("key", "x"))
    assert [row[:2] for row in both] == [("a", "x"), ("b", "x")]
    assert len(listed(world, ("value", "1"), ("value", "2"))) == 3
    assert len(listed(world, ("propagate-at-launch", "true"), ("propagate-at-launch", "false"))) == 3
    assert listed(world, ("propagate-at-launch", "perhaps")) == []


def test_pages(world, put):
    put(*(tag("a", f"k{number}") for number in range(3)))
    first = world.call("DescribeTags", MaxRecords=2)
    rest = world.call("DescribeTags", MaxRecords=2, NextToken=first["NextToken"])
    assert [item["Key"] for item in first["Tags"] + rest["Tags"]] == ["k0", "k1", "k2"]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (tag("x", "k"), "AutoScalingGroup not found - AutoScaling Group x not found"),
        ({"Key": "k"}, "The ResourceId of a tag must be specified."),
        ({"ResourceId": "a", "Key": "k"}, "The ResourceType of a tag must be specified."),
        (
            {**tag("a", "k"), "ResourceType": "instance"},
            "Invalid ResourceType: instance. Valid values: [auto-scaling-group]",
        ),
        (tag("a", "AWS:k"), "aws: prefixed tag key names are not allowed for external use."),
    ],
)
@pytest.mark.parametrize("operation", ["CreateOrUpdateTags", "DeleteTags"])
def test_refusals(refused, operation, item, words):
    error = refused(operation, Tags=[item])
    assert (error.code, error.message) == ("ValidationError", words)


def test_a_size_of_batches_is_one(put, refused):
    """It is refused where it would say nothing; a tag that is taken away is not asked what it said."""
    put({**tag("a", "coppice:batch:launches"), "Value": "5"})
    error = refused("CreateOrUpdateTags", Tags=[{**tag("a", "coppice:batch:launches"), "Value": "0"}])
    assert error.message == "The value of the tag coppice:batch:launches is a number from 1 to 1000."
    error = refused("DeleteTags", Tags=[tag("nobody", "coppice:batch:else")])
    assert "not found" in error.message


def test_limits(put, refused):
    for start in (0, 25):
        put(*(tag("a", str(number)) for number in range(start, start + 25)))
    error = refused("CreateOrUpdateTags", Tags=[tag("a", "one more")])
    assert error.code == "LimitExceeded"
    error = refused("CreateOrUpdateTags", Tags=[tag("b", str(number)) for number in range(26)])
    assert "at most 25" in error.message
    error = refused("CreateOrUpdateTags", Tags=[tag("b", "k"), tag("b", "k", "2")])
    assert error.message == "Duplicate keys found in tags list."


def test_unknown_filter(refused):
    assert refused("DescribeTags", Filters=[{"Name": "tag:x", "Values": []}]).message.startswith("Filter type tag:x")
