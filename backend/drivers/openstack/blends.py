"""Blends: Octavia has weights for members of a pool and none for pools, so a forward by weights has a pool of its own.

It has the members of the others under their names, each with its share of what the forward gives to its pool. It
follows these: whoever changes members of a pool changes those of its blends next, and an engine looks after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from backend.domain.scope import Scope
from backend.drivers.openstack.octavia import KEY, SHARE, tagged

Document = Mapping[str, Any]
Place = tuple[str, int]
"""Address and port: a pool has one member there."""

_HEAVIEST: Final = 256
"""HAProxy's largest weight, and Octavia's."""
_SHARED: Final = re.compile(rf"{SHARE}(.+):([1-9][0-9]{{0,2}})")
"""Whoever has the project may write what they like on pools there."""
_GOING: Final = frozenset({"PENDING_DELETE", "DELETED"})


def shares(pool: Document) -> dict[str, int]:
    """Keys of the pools that a blend is of, with their weights; nothing where it is none."""
    told = (_SHARED.fullmatch(tag) for tag in pool.get("tags") or ())
    return {found[1]: int(found[2]) for found in told if found}


def blends_of(pools: Sequence[Document], pool_id: str) -> list[Document]:
    """The blends that have members of a pool, of all pools of its project."""
    own = next((each for each in pools if each["id"] == pool_id), None)
    if own is None or not tagged(own, KEY):
        return []
    return [each for each in pools if tagged(own, KEY) in shares(each) and _balancers(each) & _balancers(own)]


def weights(counts: Mapping[str, int], wanted: Mapping[str, int]) -> dict[str, int]:
    """What a member of each pool weighs, so that pools get their shares; of pools that have any.

    Args:
        counts: members that take traffic, by pool.
        wanted: the pools' weights.
    """
    shared = {pool: wanted[pool] / count for pool, count in counts.items() if count}
    heaviest = max(shared.values(), default=1.0)
    return {pool: max(1, round(each * _HEAVIEST / heaviest)) for pool, each in shared.items()}


class Blends:
    """Args: members: lists those of a pool, all of them."""

    def __init__(self, members: Callable[[Scope, str], Sequence[Document]]) -> None:
        self._members = members

    def wanted(self, scope: Scope, blend: Document, pools: Sequence[Document]) -> dict[Place, dict[str, Any]]:
        """All members that a blend is to have. Raises what the listing does.

        Args:
            pools: those of its project.
        """
        by_key = {tagged(each, KEY): each["id"] for each in pools if _balancers(each) & _balancers(blend)}
        wanted = {by_key[key]: weight for key, weight in shares(blend).items() if key in by_key}
        listed = {pool: _standing(self._members(scope, pool)) for pool in wanted}
        each_weighs = weights({pool: sum(_serves(one) for one in found) for pool, found in listed.items()}, wanted)
        made: dict[Place, dict[str, Any]] = {}
        for pool, found in listed.items():
            for one in found:
                told = _copied(one, each_weighs[pool] if _serves(one) else 0)
                known = made.get(_place(one))
                both = 0 if known is None else known["weight"]
                made[_place(one)] = {**told, "weight": min(told["weight"] + both, _HEAVIEST)}
        return made

    def change(
        self, scope: Scope, blend: Document, wanted: Mapping[Place, dict[str, Any]]
    ) -> list[dict[str, Any]] | None:
        """All members that a blend is to have, None where it has them."""
        here = {_place(one): _copied(one, one["weight"]) for one in _standing(self._members(scope, blend["id"]))}
        for place, one in here.items():
            if "subnet_id" not in wanted.get(place, one):  # a batch can tell it, and cannot take it back
                one.pop("subnet_id", None)
        return None if here == wanted else list(wanted.values())


def _balancers(pool: Document) -> frozenset[str]:
    return frozenset(each["id"] for each in pool.get("loadbalancers") or ())


def _standing(members: Sequence[Document]) -> list[Document]:
    return [each for each in members if each.get("provisioning_status") not in _GOING]


def _serves(member: Document) -> bool:
    return bool(member["weight"])


def _place(member: Document) -> Place:
    return member["address"], member["protocol_port"]


def _copied(member: Document, weight: int) -> dict[str, Any]:
    """A member as it is asked for; its health is asked for where it is said, whether or not that is its own port."""
    subnet = member.get("subnet_id")
    return {
        "address": member["address"],
        "protocol_port": member["protocol_port"],
        "name": member.get("name") or "",
        "weight": weight,
        "monitor_port": member.get("monitor_port") or member["protocol_port"],
        **({"subnet_id": subnet} if subnet else {}),
    }
