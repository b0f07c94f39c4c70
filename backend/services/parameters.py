"""Parameters: a project's own, with versions and labels, and the public ones that name images."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from math import inf, prod
from typing import Final
from uuid import uuid4

from backend import errors
from backend.clock import Clock
from backend.domain import image_findings
from backend.domain.delegation import SecretUnreadable
from backend.domain.parameters import (
    Parameter,
    ParameterExists,
    ParameterMissing,
    ParameterRefused,
    ParameterType,
    key_of,
)
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.images import Image
from backend.drivers.resolution import image_of
from backend.services.catalog import asking
from backend.store import bindings, counting
from backend.store import parameters as rows
from backend.store.parameters import PARAMETERS
from backend.store.secrets import Seal
from backend.store.session import Connection, Store

# Source: AWS General Reference, "AWS Systems Manager endpoints and quotas".
MOST: Final = 10_000
VERSIONS: Final = 100
LABELS: Final = 10
TAGS: Final = 50
_AT_ONCE: Final = 200
"""Parameters read at once: more than a page has, and far fewer than a project may have."""
_MOST_STEPS: Final = 20_000_000
"""Of matching a value, at worst: some tenths of a second, while nothing else of the process goes on."""
_ONE_LETTER: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
"""What stands for one letter, however it is written."""
_REPEATS: Final = re.compile(r"[*+{?]")
_REPEATED_GROUP: Final = re.compile(r"\)[*+{?]")


@dataclass(frozen=True, slots=True)
class NewParameter:
    """A parameter as asked for; the type of one that is there may be left out."""

    name: str
    value: str = field(repr=False)
    type: ParameterType | None = None
    data_type: str | None = None
    tier: str = "Standard"
    description: str | None = None
    key_id: str | None = None
    allowed_pattern: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a project's parameters is asked for.

    Attributes:
        holds: whether one is meant; asked of those whose names begin with ``below``.
        after: the name of the last that was told before.
        most: how many are told at once.
    """

    holds: Callable[[Parameter], bool]
    most: int
    after: str = ""
    below: str = ""


@dataclass(frozen=True, slots=True)
class PublicImage:
    """A public parameter: the image that it means, and how many it has meant."""

    name: str
    image: Image
    number: int

    @property
    def changed_at(self) -> datetime:
        return self.image.created_at


class Parameters:
    """Each call may raise StoreUnavailable; those that ask for public ones CloudNotReached, NotPermitted."""

    def __init__(self, store: Store, catalog: Catalog, clock: Clock, seal: Seal) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock
        self._seal = seal

    def public(self, scope: Scope, name: str) -> PublicImage | None:
        """A public parameter; None where there is none, or no image that it could mean."""
        with asking():
            images = self._catalog.aliased(scope, name)
        return PublicImage(name, images[-1], len(images)) if images else None

    def image(self, scope: Scope, reference: str) -> Image | None:
        """The image of a short id, or of what stands for one (``resolve:ssm:NAME``); None where there is none."""
        try:
            with self._store.read() as conn:
                bound = bindings.image(conn, scope, reference)
        except image_findings.ImageNotFound:
            return None
        with asking():
            return image_of(self._catalog, scope, bound)

    def all_public(self, scope: Scope, prefix: str) -> Sequence[PublicImage]:
        """The public parameters below a path, by name."""
        names = sorted(name for name in self._catalog.aliases if name.startswith(prefix))
        return [found for name in names if (found := self.public(scope, name)) is not None]

    def find(self, scope: Scope, name: str, selector: str | None = None) -> Parameter:
        """A version of a parameter: the latest, or that of a number or label.

        Raises:
            ParameterMissing, ParameterVersionMissing
        """
        with self._store.read() as conn:
            return rows.find(conn, scope, name, selector)

    def page(self, scope: Scope, asked: Asked) -> tuple[Sequence[Parameter], bool]:
        """The next of what is asked for, the latest version of each without its value, by name; whether more follow."""
        found: list[Parameter] = []
        after = asked.after
        with self._store.read() as conn:
            while True:
                some = rows.heads(conn, scope, after=after, below=asked.below, most=_AT_ONCE)
                found += [each for each in some if asked.holds(each)]
                if len(found) > asked.most:
                    return found[: asked.most], True
                if len(some) < _AT_ONCE:
                    return found, False
                after = some[-1].name

    def whole(self, scope: Scope, listed: Sequence[Parameter]) -> Sequence[Parameter]:
        """Some of those that were listed, with their values; those that are gone meanwhile are left out."""
        with self._store.read() as conn:
            found = PARAMETERS.of(conn, scope, [each.id for each in listed])
        return [found[each.id] for each in listed if each.id in found]

    def history(self, scope: Scope, name: str) -> Sequence[Parameter]:
        """All versions that are kept, oldest first. Raises ParameterMissing."""
        with self._store.read() as conn:
            found = PARAMETERS.all(conn, scope, parameter=key_of(name))
        if not found:
            raise ParameterMissing(name)
        return sorted(found, key=lambda each: each.number)

    def opened(self, parameter: Parameter) -> str:
        """Its value in clear. Raises ParameterRefused where no key opens it."""
        if parameter.type is not ParameterType.SECURE:
            return parameter.value
        try:
            return self._seal.open(parameter.value)
        except SecretUnreadable as reason:
            raise ParameterRefused(parameter.name, "sealed", str(reason)) from reason

    def put(self, scope: Scope, wanted: NewParameter, by: str, *, overwrite: bool) -> Parameter:
        """Write a parameter, or its next version.

        Args:
            by: ARN of who asks.

        Raises:
            ParameterExists: it is there, and is not to be overwritten.
            ParameterRefused, LimitExceeded
        """
        check_value(wanted)
        key = key_of(wanted.name)

        def work(conn: Connection) -> Parameter:
            rows.lock(conn, scope, key)
            present = PARAMETERS.one(conn, scope, parameter=key, latest=True)
            if present is None:
                counting.check(conn, scope, "parameters", MOST, partial(PARAMETERS.count, conn, scope, latest=True))
            elif not overwrite:
                raise ParameterExists(wanted.name)
            made = self._version(wanted, present, by, key)
            if present is not None:
                PARAMETERS.change(conn, scope, present.id, latest=False, tags={})
                self._drop_oldest(conn, scope, present)
            rows.add(conn, scope, made)
            return made

        try:
            return counting.transact(self._store, work)
        except ParameterExists:
            if not overwrite:
                raise
            return self._store.transact(work)  # another wrote its first version meanwhile

    def delete(self, scope: Scope, names: Collection[str]) -> Sequence[str]:
        """Delete parameters with all their versions; those that there were."""
        wanted = {key_of(name): name for name in names}

        def work(conn: Connection) -> list[str]:
            return [name for key, name in wanted.items() if PARAMETERS.remove(conn, scope, parameter=key)]

        return self._store.transact(work)

    def label(self, scope: Scope, name: str, number: int | None, labels: Sequence[str]) -> Parameter:
        """Call a version by labels, which another one then has no more.

        Raises:
            ParameterMissing, ParameterVersionMissing, LimitExceeded
        """

        def work(conn: Connection) -> Parameter:
            rows.lock(conn, scope, key_of(name))
            meant = rows.find(conn, scope, name, None if number is None else str(number))
            kept = tuple(dict.fromkeys((*meant.labels, *labels)))
            if len(kept) > LABELS:
                raise errors.LimitExceeded("labels", LABELS)
            for other in PARAMETERS.all(conn, scope, parameter=meant.parameter):
                if other.id != meant.id and set(other.labels) & set(labels):
                    left = tuple(each for each in other.labels if each not in labels)
                    PARAMETERS.change(conn, scope, other.id, labels=left)
            PARAMETERS.change(conn, scope, meant.id, labels=kept)
            return replace(meant, labels=kept)

        return self._store.transact(work)

    def unlabel(self, scope: Scope, name: str, number: int, labels: Sequence[str]) -> Sequence[str]:
        """Take labels from a version; those that it had. Raises ParameterMissing, ParameterVersionMissing."""

        def work(conn: Connection) -> list[str]:
            rows.lock(conn, scope, key_of(name))
            meant = rows.find(conn, scope, name, str(number))
            gone = [each for each in labels if each in meant.labels]
            PARAMETERS.change(conn, scope, meant.id, labels=tuple(each for each in meant.labels if each not in gone))
            return gone

        return self._store.transact(work)

    def retag(self, scope: Scope, name: str, put: Mapping[str, str], remove: Sequence[str] = ()) -> None:
        """Set and take away tags. Raises ParameterMissing, LimitExceeded."""

        def work(conn: Connection) -> None:
            rows.lock(conn, scope, key_of(name))
            latest = rows.find(conn, scope, name)
            tags = {key: value for key, value in {**latest.tags, **put}.items() if key not in remove}
            if len(tags) > TAGS:
                raise errors.LimitExceeded("tags", TAGS)
            PARAMETERS.change(conn, scope, latest.id, tags=tags)

        self._store.transact(work)

    def _version(self, wanted: NewParameter, present: Parameter | None, by: str, key: str) -> Parameter:
        kind = wanted.type or (present.type if present else ParameterType.STRING)
        if present is not None and ParameterType.SECURE in {kind, present.type} and kind is not present.type:
            raise ParameterRefused(wanted.name, "type_changed", present.type)
        return Parameter(
            id=uuid4().hex,
            parameter=key,
            name=wanted.name,
            number=1 if present is None else present.number + 1,
            latest=True,
            type=kind,
            value=self._closed(wanted) if kind is ParameterType.SECURE else wanted.value,
            data_type=wanted.data_type or (present.data_type if present else "text"),
            tier=wanted.tier,
            changed_at=self._clock.now(),
            changed_by=by,
            description=wanted.description if wanted.description is not None or not present else present.description,
            key_id=wanted.key_id or (present.key_id if present else None),
            allowed_pattern=wanted.allowed_pattern,
            tags=present.tags if present is not None else wanted.tags,
        )

    def _closed(self, wanted: NewParameter) -> str:
        try:
            return self._seal.close(wanted.value)
        except SecretUnreadable as reason:
            raise ParameterRefused(wanted.name, "sealed", str(reason)) from reason

    def _drop_oldest(self, conn: Connection, scope: Scope, present: Parameter) -> None:
        """Make room for one version more. Raises ParameterRefused where the oldest has a label."""
        if PARAMETERS.count(conn, scope, parameter=present.parameter) < VERSIONS:
            return
        versions = PARAMETERS.all(conn, scope, parameter=present.parameter)
        oldest = min(versions, key=lambda each: each.number)
        if oldest.labels:
            raise ParameterRefused(present.name, "labelled", str(oldest.number))
        PARAMETERS.remove(conn, scope, id=oldest.id)


def check_value(wanted: NewParameter) -> None:
    """Whether the value is as the parameter's own pattern says.

    A pattern is anybody's text, and some take for ever to be tried: those are refused. Raises ParameterRefused.
    """
    pattern = wanted.allowed_pattern
    if not pattern:
        return
    try:
        tried = re.compile(pattern)
        if _steps(pattern, len(wanted.value)) > _MOST_STEPS:
            raise ParameterRefused(wanted.name, "pattern_long", pattern)
        fits = tried.fullmatch(wanted.value)
    except (re.error, RecursionError, OverflowError):
        raise ParameterRefused(wanted.name, "pattern_bad", pattern) from None
    if fits is None:
        raise ParameterRefused(wanted.name, "pattern", pattern)


def _steps(pattern: str, letters: int) -> float:
    """How many steps matching takes at most: its ways through the pattern, each as long as that.

    Each repeat may end after any letter; of each group, any branch may be the one. Where groups themselves are
    repeated, and of what ``(?`` begins, nothing can be said.
    """
    plain = _ONE_LETTER.sub("x", pattern)
    if _REPEATED_GROUP.search(plain) or "(?" in plain:
        return inf
    ways: int = max(letters + 1, 2) ** len(_REPEATS.findall(plain))
    branches = [1]
    for letter in plain:
        if letter == "(":
            branches.append(1)
        elif letter == ")":
            ways *= branches.pop()
        elif letter == "|":
            branches[-1] += 1
    return ways * prod(branches) * len(pattern)
