from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.factories import World, request
from translators.errors import AWSError
from translators.filters import always, never
from translators.nouns import Asked, Naming, Noun, Tagging
from translators.registry import Call


@dataclass(frozen=True)
class Tree:
    name: str
    height: int | None = None


@dataclass
class Wood:
    """A wood whose list is old: ``planted`` are not in it yet."""

    trees: list[Tree] = field(default_factory=lambda: [Tree("oak", 30), Tree("ash", 20), Tree("elm")])
    planted: list[Tree] = field(default_factory=list)
    tags: dict[str, Mapping[str, str]] = field(default_factory=lambda: {"oak": {"owner": "me"}})
    asked: list[Asked] = field(default_factory=list)
    tagged: list[list[str]] = field(default_factory=list)

    def items(self, _: Call, asked: Asked) -> Iterable[Tree]:
        self.asked.append(asked)
        return (*self.trees, *self.planted) if asked.fresh else self.trees

    def tags_of(self, _: Call, trees: Sequence[Tree]) -> list[Mapping[str, str]]:
        self.tagged.append([tree.name for tree in trees])
        return [self.tags.get(tree.name, {}) for tree in trees]

    def noun(self, **values: Any) -> Noun[Tree]:
        given: dict[str, Any] = {
            "answer": "Trees",
            "items": self.items,
            "members": {
                "Name": lambda tree: tree.name,
                "Size": lambda tree: None if tree.height is None else {"Metres": tree.height},
                "Rings": [{"Colour": "brown"}, {"Colour": "grey"}],
                "Alive": True,
            },
            "order": lambda tree: tree.name,
            "filters": {
                "name": "Name",
                "height": "Size.Metres",
                "colour": "Rings.Colour",
                "alive": "Alive",
                "initial": lambda tree: tree.name[0],
                **always(False, "felled"),
                **never("disease"),
            },
            "namings": (
                Naming("Names", lambda tree: tree.name, lambda names: AWSError("NoTree", ", ".join(names)), self.check),
            ),
            "tagging": Tagging(self.tags_of, lambda tags: {"Tags": sorted(tags)} if tags else {}),
        }
        return Noun(**{**given, **values})

    def check(self, names: Sequence[str]) -> None:
        for name in names:
            if not name.isalpha():
                raise AWSError("NoName", name)


@pytest.fixture
def ask(world: World) -> Callable[..., Call]:
    return lambda **params: request(world.backend, "ec2", "DescribeTrees", params)


@pytest.fixture
def world() -> Iterable[World]:
    world = World()
    yield world
    world.close()


def names(told: Mapping[str, Any]) -> list[str]:
    return [tree["Name"] for tree in told["Trees"]]


def test_all_are_told_in_order(ask: Callable[..., Call]) -> None:
    told = Wood().noun().describe(ask())
    rings = [{"Colour": "brown"}, {"Colour": "grey"}]
    assert told == {
        "Trees": [
            {"Name": "ash", "Size": {"Metres": 20}, "Rings": rings, "Alive": True},
            {"Name": "elm", "Rings": rings, "Alive": True},
            {"Name": "oak", "Size": {"Metres": 30}, "Rings": rings, "Alive": True, "Tags": ["owner"]},
        ]
    }


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("name", "o*", ["oak"]),
        ("height", "20", ["ash"]),
        ("height", "*", ["ash", "oak"]),
        ("colour", "grey", ["ash", "elm", "oak"]),
        ("alive", "true", ["ash", "elm", "oak"]),
        ("initial", "e", ["elm"]),
        ("felled", "false", ["ash", "elm", "oak"]),
        ("felled", "true", []),
        ("disease", "*", []),
        ("tag:owner", "me", ["oak"]),
    ],
)
def test_filters_look_at_what_is_told(ask: Callable[..., Call], name: str, value: str, expected: list[str]) -> None:
    assert names(Wood().noun().describe(ask(Filters=[{"Name": name, "Values": [value]}]))) == expected


def test_a_path_into_nothing_that_is_told_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Wood().noun(filters={"leaf": "Leaf.Colour"})


def test_things_are_named(ask: Callable[..., Call]) -> None:
    noun = Wood().noun()
    assert names(noun.describe(ask(Names=["oak", "elm", "oak"]))) == ["elm", "oak"]
    for asked, code, words in ((["fir", "oak", "yew"], "NoTree", "fir, yew"), (["oak", "x-1"], "NoName", "x-1")):
        with pytest.raises(AWSError) as refused:
            noun.describe(ask(Names=asked))
        assert (refused.value.code, refused.value.message) == (code, words)


def test_ids_of_nothing_are_nothing(ask: Callable[..., Call]) -> None:
    """Not everything: what is done to the things of an empty list must not be done to all."""
    assert Wood().noun().of_ids(ask(), []) == []


def test_what_is_named_and_new_is_found(ask: Callable[..., Call]) -> None:
    wood = Wood(planted=[Tree("fir")])
    assert names(wood.noun(aging=True).describe(ask(Names=["fir"]))) == ["fir"]
    assert [asked.fresh for asked in wood.asked] == [False, True]
    wood.asked.clear()
    wood.noun(aging=True).describe(ask(Names=["oak"]))
    wood.noun(aging=True).describe(ask())
    assert [asked.fresh for asked in wood.asked] == [False, False]
    with pytest.raises(AWSError):
        wood.noun().describe(ask(Names=["fir"]))


def test_several_namings_are_joined_by_and(ask: Callable[..., Call]) -> None:
    noun = Wood().noun()
    initials = Naming("Initials", lambda tree: tree.name[0], lambda names: AWSError("NoInitial", names[0]))
    both = Wood().noun(namings=(*noun.namings, initials))
    assert names(both.describe(ask(Names=["oak", "elm"], Initials=["o", "a"]))) == ["oak"]
    with pytest.raises(AWSError) as refused:
        both.describe(ask(Names=["oak"], Initials=["z"]))
    assert refused.value.code == "NoInitial"


def first(call: Call, items: Sequence[Tree], key: Callable[[Tree], Any]) -> tuple[Sequence[Tree], dict[str, Any]]:
    return items[:1], {"NextToken": key(items[0])}


def test_a_page_has_its_own_tags_read_and_no_others(ask: Callable[..., Call]) -> None:
    wood = Wood()
    told = wood.noun(pages=first).describe(ask(Filters=[{"Name": "name", "Values": ["o*"]}]))
    assert (names(told), told["NextToken"]) == (["oak"], "oak")
    assert wood.tagged == [["oak"]]
    wood.tagged.clear()
    assert names(wood.noun(pages=first).describe(ask(Filters=[{"Name": "tag-key", "Values": ["*"]}]))) == ["oak"]
    assert wood.tagged == [["oak", "ash", "elm"]], "once, for filter and answer"


def test_what_a_request_means_is_kept_after_what_it_names_is_found(ask: Callable[..., Call]) -> None:
    noun = Wood().noun(keeps=lambda _, tree: tree.height is not None)
    assert names(noun.describe(ask())) == ["ash", "oak"]
    assert names(noun.describe(ask(Names=["elm"]))) == []


def test_a_request_is_checked_first(ask: Callable[..., Call]) -> None:
    def check(_: Call) -> None:
        raise AWSError("NoWay", "")

    wood = Wood()
    with pytest.raises(AWSError):
        wood.noun(check=check).describe(ask())
    assert wood.asked == []


def test_answers_are_arranged(ask: Callable[..., Call]) -> None:
    def arranged(trees: Sequence[tuple[Tree, dict[str, Any]]]) -> list[dict[str, Any]]:
        return [{"Name": tree.name, "Words": len(words)} for tree, words in trees]

    assert Wood().noun(arranged=arranged).describe(ask())["Trees"][1] == {"Name": "elm", "Words": 3}
