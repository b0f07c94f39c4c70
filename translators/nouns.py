"""What a service lists, as records: how requests name such things, what answers say of one, what lists are filtered by.

One description of a noun serves them all. It knows no service: codes, words and pages come with the records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from translators.errors import AWSError
from translators.filters import Constant, Field, Fields, Filters, looking, matching
from translators.registry import Call

T = TypeVar("T")
Words = dict[str, Any]
Tags = Mapping[str, str]
Plain = str | bool | int | tuple[Any, ...] | Mapping[str, Any]
Members = Mapping[str, Callable[[T], Any] | Plain]
"""Member of an answer -> what it holds: a constant, or a function of the item, whose None leaves the member out."""
Pages = Callable[[Call, Sequence[T], Callable[[T], Any]], tuple[Sequence[T], Words]]
"""(call, all of them in order, what they are ordered by) -> a page of them, and the members that lead to the next."""

_NOTHING: Final[Tags] = {}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which things are asked for.

    Attributes:
        named: input member -> what it names; empty where all things are meant.
        fresh: a listing that is some seconds old does not do.
    """

    named: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Naming(Generic[T]):
    """A way in which requests name things.

    Attributes:
        member: the input member, a list of names.
        of: an item's name.
        missing: the refusal of names of nothing.
        check: refuses a text that can be no such name.
    """

    member: str
    of: Callable[[T], str]
    missing: Callable[[Sequence[str]], AWSError]
    check: Callable[[Sequence[str]], None] | None = None


@dataclass(frozen=True, slots=True)
class Tagging(Generic[T]):
    """Tags of things.

    Attributes:
        of: those of several items, in their order.
        member: the members of an answer that tell of them.
    """

    of: Callable[[Call, Sequence[T]], Sequence[Tags]]
    member: Callable[[Tags], Words]


@dataclass(eq=False, kw_only=True)
class Noun(Generic[T]):
    """A kind of thing that is listed.

    Attributes:
        answer: the output member that holds the list.
        items: the things there are, or at least those that are asked for by name.
        members: what an answer says of one.
        order: what a list is sorted by, a JSON value that no two share; None where it comes in order.
        filters: by name; as paths into ``members``, as constants where all things are alike or none has it, or as
            functions of an item.
        namings: ways to name them; where several are used, a thing must have all the names.
        tagging: their tags, where they can be filtered by them.
        aging: listings may be some seconds old: what is named and not there is looked for in a fresh one.
        check: what a request must not say, beside what is checked here.
        keeps: which of the things that were named, or of all, the request means.
        pages: how lists are cut; None where they never are.
        arranged: the list of the answer, made of items with their words; None for the words alone.
    """

    answer: str
    items: Callable[[Call, Asked], Iterable[T]]
    members: Members[T]
    filters: Filters[T] = field(default_factory=dict)
    order: Callable[[T], Any] | None = None
    namings: Sequence[Naming[T]] = ()
    tagging: Tagging[T] | None = None
    aging: bool = False
    check: Callable[[Call], None] | None = None
    keeps: Callable[[Call, T], bool] | None = None
    pages: Pages[T] | None = None
    arranged: Callable[[Sequence[tuple[T, Words]]], list[Words]] | None = None
    fields: Fields[T] = field(init=False)

    def __post_init__(self) -> None:
        self._constants = {name: value for name, value in self.members.items() if not callable(value)}
        self._functions = [(name, value) for name, value in self.members.items() if callable(value)]
        self.fields = {name: self._field(each) for name, each in self.filters.items()}

    def describe(self, call: Call) -> Words:
        """The answer to a request that lists them.

        Raises:
            AWSError: what is named does not exist, or a filter or a page's length is none.
        """
        if self.check is not None:
            self.check(call)
        return self.told(call, self.chosen(call, self.named_by(call.params)))

    def named_by(self, params: Mapping[str, Any]) -> dict[str, Sequence[str]]:
        """What a request names, by input member."""
        return {naming.member: params[naming.member] for naming in self.namings if params.get(naming.member)}

    def of_ids(self, call: Call, ids: Sequence[str]) -> list[T]:
        """The things of these ids (their first naming), none of none; raises AWSError where one does not exist."""
        return self.chosen(call, {self.namings[0].member: ids}) if ids else []

    def chosen(self, call: Call, named: Mapping[str, Sequence[str]]) -> list[T]:
        """The things of the given names, all where none are given, each once and as they are listed.

        Raises:
            AWSError: a name that cannot be one, or is of nothing.
        """
        used = [(naming, dict.fromkeys(named[naming.member])) for naming in self.namings if named.get(naming.member)]
        for naming, names in used:
            if naming.check is not None:
                naming.check(list(names))
        items = list(self.items(call, Asked(named)))
        if self.aging and any(_missing(naming, names, items) for naming, names in used):
            items = list(self.items(call, Asked(named, fresh=True)))
        for naming, names in used:
            if missing := _missing(naming, names, items):
                raise naming.missing(missing)
        for naming, names in used:
            items = [item for item in items if naming.of(item) in names]
        return items

    def matching(self, call: Call, items: Sequence[T]) -> tuple[list[T], Callable[[T], Tags]]:
        """What the request means of these things, and their tags, which are read when they are first looked at."""
        if self.keeps is not None:
            items = [item for item in items if self.keeps(call, item)]
        tags = _TagsOf(self.tagging, call, items)
        asked = call.params.get("Filters") or ()
        return matching(items, asked, self.fields, None if self.tagging is None else tags), tags

    def told(self, call: Call, items: Sequence[T]) -> Words:
        """The answer with what the request means of these things."""
        found, tags = self.matching(call, items)
        if self.order is not None:
            found.sort(key=self.order)
        page, token = self.pages(call, found, self.order or _itself) if self.pages else (found, {})
        return {self.answer: self.shown(call, page, tags), **token}

    def shown(self, call: Call, items: Sequence[T], tags: Callable[[T], Tags] | None = None) -> list[Words]:
        """Things as answers hold them."""
        tagging = self.tagging
        if tagging is None:
            told = [self.view(item) for item in items]
        else:
            if not isinstance(tags, _TagsOf) or not tags.read:
                tags = _TagsOf(tagging, call, items)  # of a page alone, where nothing was filtered by tags
            told = [{**self.view(item), **tagging.member(tags(item))} for item in items]
        return told if self.arranged is None else self.arranged(list(zip(items, told, strict=True)))

    def view(self, item: T) -> Words:
        """What answers say of a thing, but for its tags."""
        told = self._constants.copy()
        for name, function in self._functions:
            value = function(item)
            if value is not None:
                told[name] = value
        return told

    def _field(self, each: str | Constant | Field[T]) -> Field[T]:
        if isinstance(each, Constant):
            value = each.value
            return lambda _: value
        if not isinstance(each, str):
            return each
        head, _, rest = each.partition(".")
        member = self.members[head]
        function: Callable[[T], Any] = member if callable(member) else lambda _: member
        if not rest:
            return function
        look = looking(rest)
        return lambda item: look(function(item))


class _TagsOf(Generic[T]):
    """The tags of items, which are read together when the first of them is asked for."""

    def __init__(self, tagging: Tagging[T] | None, call: Call, items: Sequence[T]) -> None:
        self._tagging = tagging
        self._call = call
        self._items = items
        self._found: dict[int, Tags] = {}

    @property
    def read(self) -> bool:
        return bool(self._found)

    def __call__(self, item: T) -> Tags:
        if not self._found and self._tagging is not None:
            of = self._tagging.of(self._call, self._items)
            self._found = {id(each): tags for each, tags in zip(self._items, of, strict=True)}
        return self._found.get(id(item), _NOTHING)


def _itself(item: Any) -> Any:
    return item


def _missing(naming: Naming[T], names: Iterable[str], items: Iterable[T]) -> list[str]:
    known = {naming.of(item) for item in items}
    return [name for name in names if name not in known]
