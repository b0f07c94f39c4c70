"""One security group brought to what its row says: the cloud's rules are those of the rows, or the group is ended.

What is here is what a request left undone: it died, or the cloud's answer was lost. Nothing is taken away by what is
found at the cloud alone: a group is ended there by the id or the token that its row has.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from backend.domain.prefix_lists import Twin
from backend.domain.scope import Scope
from backend.domain.security_groups import CONFIRMED, UNSETTLED, GroupRule, GroupState, KeptGroup
from backend.drivers import errors
from backend.drivers.catalog import Catalog
from backend.drivers.group_making import GroupMaking, ListPeer, NewGroup, as_told, peers_of
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of
from backend.store import prefix_lists
from backend.store import security_groups as rows
from backend.store.security_groups import GROUPS, LEASED, RULES, GroupLease
from backend.store.session import Connection

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A group as its rows say.

    Attributes:
        generation: of the rules.
        ids: the cloud's ids of the kept groups that its rules name.
        lists: likewise of prefix lists, as far as the cloud has them.
        lacking: lists that it has not yet. ``unmade``: those of them that nobody is at.
    """

    group: KeptGroup
    generation: int
    rules: list[GroupRule]
    ids: dict[str, str]
    lists: dict[str, ListPeer]
    lacking: list[str]
    unmade: list[str]


@dataclass(frozen=True, slots=True)
class _Missing:
    """The cloud took no rule, as a group is gone that one of them names; or this one, which the next look finds."""

    short_id: str


@dataclass(frozen=True, slots=True)
class _MissingList:
    """The cloud took no rule, as it has lost a list that one of them names."""

    cloud_id: str


def settle(context: Context, lease: GroupLease) -> Job:
    """The job of one look: yields the calls it waits for, and is sent their answers."""
    making = context.cloud.groups
    wanted = yield Write(partial(_read, lease))
    if wanted is None:
        return
    if making is None:
        yield Write(partial(LEASED.release, lease=lease, due_at=context.now() + CONFIRMED))
        return
    steps = {GroupState.MAKING: _unmake, GroupState.DELETING: _end, GroupState.AVAILABLE: _agree}
    step = partial(steps[wanted.group.state], making, context.catalog, lease.scope, wanted)
    (answer,) = yield [Call(lease.scope, partial(answer_of, step))]
    context.count("settled_groups")
    lost = [each for each, peer in wanted.lists.items() if peer.cloud_id == getattr(answer, "cloud_id", None)]
    if lost or wanted.unmade:
        # What comes of a look at these has this group looked at again.
        yield Write(partial(prefix_lists.pull, scope=lease.scope, peers=[*lost, *wanted.unmade], at=context.now()))
    if isinstance(answer, _Missing):
        yield Write(partial(_look_at, context, lease.scope, wanted, answer.short_id))
    elif isinstance(answer, errors.SecurityGroupNotFound) or answer is None:
        _tell(lease, wanted, gone=isinstance(answer, errors.CloudError))
        context.held_up.over(lease)
        yield Write(partial(_forget, context, lease))
        return
    pause = _pause(context, lease, answer)
    if wanted.lacking:
        pause = min(pause, UNSETTLED)
    yield Write(partial(rows.release, lease=lease, generation=wanted.generation, now=context.now(), pause=pause))


def _unmake(making: GroupMaking, _: Catalog, scope: Scope, wanted: _Wanted) -> None:
    """What was made and never told; None: there is nothing of it."""
    group = wanted.group
    found = making.find_security_group(scope, NewGroup(group.name, group.description, group.network_id, group.token))
    if found is not None:
        making.delete_security_group(scope, found)


def _end(making: GroupMaking, _: Catalog, scope: Scope, wanted: _Wanted) -> None:
    if wanted.group.cloud_id is not None:
        making.delete_security_group(scope, wanted.group.cloud_id)


def _agree(making: GroupMaking, catalog: Catalog, scope: Scope, wanted: _Wanted) -> bool | _Missing | _MissingList:
    """Let the cloud have the rules, and no others; whether it had other ones.

    That the group is gone is for its own rules to say: a rule is refused with the same word where its peer is gone.
    """
    group_id = wanted.group.cloud_id or ""
    ids = wanted.ids
    if any(rule.of_group and rule.peer not in ids for rule in wanted.rules):
        ids = {each.short_id: each.id for each in catalog.security_groups(scope)} | ids
    here = making.security_group_rules(scope, group_id)
    rules = as_told(making, wanted.rules, ids, wanted.lists)
    add = [rule for told, rule in rules.items() if told not in here]
    remove = [rule for rule in here if rule not in rules]
    try:
        if add or remove:
            making.change_rules(scope, group_id, add=add, remove=remove)
    except errors.SecurityGroupNotFound as missing:
        return _Missing(missing.detail)
    except errors.AddressGroupNotFound as missing:
        return _MissingList(missing.detail)
    return bool(add or remove)


def _read(lease: GroupLease, conn: Connection) -> _Wanted | None:
    generation = LEASED.fence(conn, lease)
    if generation is None:
        return None
    group = GROUPS.one(conn, lease.scope, id=lease.group_id)
    if group is None:
        return None
    rules = RULES.all(conn, lease.scope, group_id=group.id)
    peers = {rule.peer for rule in rules if rule.of_group}
    named = prefix_lists.named_by(conn, lease.scope, {rule.peer for rule in rules if rule.of_list})
    lists = peers_of(named.values())
    ids = rows.cloud_ids(conn, lease.scope, peers)
    lacking = [peer for peer in named if peer not in lists]
    unmade = [peer for peer in lacking if named[peer].twin is Twin.NONE]
    return _Wanted(group, generation, rules, ids, lists, lacking, unmade)


def _look_at(context: Context, scope: Scope, wanted: _Wanted, missing: str, conn: Connection) -> None:
    """Look at a group now that the rules of another name and that may be gone: this one waits for what comes of it."""
    if missing in wanted.ids and GROUPS.one(conn, scope, id=missing) is not None:
        LEASED.pull(conn, (missing,), context.now())


def _forget(context: Context, lease: GroupLease, conn: Connection) -> None:
    if LEASED.fence(conn, lease) is not None:
        rows.forget(conn, lease.scope, lease.group_id, context.now())


def _pause(context: Context, lease: GroupLease, answer: object) -> timedelta:
    if isinstance(answer, _Missing):
        LOG.warning(
            "project=%s security group %s: no rule is taken, group %s is gone at the cloud",
            lease.scope.project_id,
            lease.group_id,
            answer.short_id,
        )
        return context.pause(lease, errors.SecurityGroupNotFound(answer.short_id))
    if isinstance(answer, _MissingList):
        LOG.warning(
            "project=%s security group %s: no rule is taken, a prefix list is gone at the cloud",
            lease.scope.project_id,
            lease.group_id,
        )
        return context.pause(lease, errors.AddressGroupNotFound(answer.cloud_id))
    if isinstance(answer, errors.CloudError):
        context.count("unreached")
        LOG.warning("project=%s security group %s: %s", lease.scope.project_id, lease.group_id, answer)
        return context.pause(lease, answer)
    context.held_up.over(lease)
    if answer:
        LOG.info("project=%s security group %s: rules mended", lease.scope.project_id, lease.group_id)
    return CONFIRMED


def _tell(lease: GroupLease, wanted: _Wanted, *, gone: bool) -> None:
    words = "is gone at the cloud" if gone else "is ended"
    LOG.warning(
        "project=%s security group %s (%s) %s", lease.scope.project_id, lease.group_id, wanted.group.name, words
    )
