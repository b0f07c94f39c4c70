"""A little Octavia: trees that take one change at a time, as far as the driver that makes balancers asks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.backend.drivers.openstack.fake import (
    CATALOG,
    HOST,
    Asked,
    FakeServices,
    Reply,
    granted,
    octavia_fault,
)
from tests.backend.drivers.openstack.samples import ZONES, network, subnet

LBAAS = "/balancing/v2/lbaas"
_ONE = {
    "loadbalancers": "loadbalancer",
    "listeners": "listener",
    "pools": "pool",
    "healthmonitors": "healthmonitor",
    "l7policies": "l7policy",
}


def offer_balancing(services: FakeServices) -> None:
    """A cloud whose catalog has Octavia, and around it what balancers stand in."""
    services.login = lambda auth: granted(auth, {**CATALOG, "load-balancer": f"{HOST}/balancing"})
    services.on("GET", "/compute/v2.1/os-availability-zone", Reply(200, ZONES))
    services.on("GET", "/network/v2.0/networks", Reply(200, {"networks": [network()]}))
    services.on("GET", "/network/v2.0/subnets", Reply(200, {"subnets": [subnet()]}))
    services.on("GET", "/network/v2.0/security-groups", Reply(200, {"security_groups": []}))


@dataclass
class FakeOctavia:
    """Its objects by noun and id.

    Attributes:
        pending: answers for which a tree stays pending after each change.
        knows_groups: it takes ``vip_sg_ids``.
        meanwhile: what happens once, by pool, just before members of it are changed.
    """

    services: FakeServices
    pending: int = 0
    knows_groups: bool = True
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    things: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {noun: {} for noun in _ONE})
    members: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    _left: int = 0
    _made: int = 0

    def __post_init__(self) -> None:
        for method, answer in (
            ("GET", self._read),
            ("POST", self._create),
            ("PUT", self._change),
            ("DELETE", self._delete),
        ):
            self.services.on(method, f"{LBAAS}/.*", answer)

    def all(self, noun: str) -> list[dict[str, Any]]:
        return list(self.things[noun].values())

    def _read(self, asked: Asked) -> Reply:
        noun, identity, child = _split(asked.path)
        if child == "members":
            return Reply(200, {"members": self.members.get(identity, [])})
        if identity:
            found = self.things[noun].get(identity)
            if found is None:
                return octavia_fault(404, f"{_ONE[noun]} {identity} not found.")
            if noun == "loadbalancers":
                status = "PENDING_UPDATE" if self._left else "ACTIVE"
                self._left = max(self._left - 1, 0)
                found = {**found, "provisioning_status": status}
            return Reply(200, {_ONE[noun]: found})
        chosen = self.all(noun)
        for tag in asked.query.get("tags", ()):
            chosen = [each for each in chosen if tag in each["tags"]]
        return Reply(200, {noun: chosen})

    def _create(self, asked: Asked) -> Reply:
        noun, identity, child = _split(asked.path)
        if (refused := self._unknown(asked)) is not None:
            return refused
        if (busy := self._begin(asked)) is not None:
            return busy
        self._made += 1
        made = f"{self._made:08d}-0000-4000-8000-000000000000"
        if child == "rules":
            self.things[noun][identity]["rules"].append({"id": made, **asked.body["rule"]})
            return Reply(201, {"rule": {"id": made}})
        thing = {"id": made, "tags": [], **asked.body[_ONE[noun]]}
        if noun == "loadbalancers":
            thing |= {"vip_address": thing.get("vip_address", "10.0.0.9"), "provisioning_status": "PENDING_CREATE"}
        if noun in {"listeners", "pools"}:
            thing["loadbalancers"] = [{"id": thing["loadbalancer_id"]}]
        if noun == "l7policies":
            thing["rules"] = []
        if noun == "healthmonitors":
            self.things["pools"][thing["pool_id"]]["healthmonitor_id"] = made
        self.things[noun][made] = thing
        return Reply(201, {_ONE[noun]: thing})

    def _unknown(self, asked: Asked) -> Reply | None:
        """What an older Octavia says to what it does not know."""
        if self.knows_groups or "vip_sg_ids" not in asked.body.get("loadbalancer", {}):
            return None
        return octavia_fault(400, "Unknown attribute for argument load_balancer.loadbalancer: vip_sg_ids")

    def _change(self, asked: Asked) -> Reply:
        if (refused := self._unknown(asked)) is not None:
            return refused
        noun, identity, child = _split(asked.path)
        if child == "members" and (happens := self.meanwhile.pop(identity, None)) is not None:
            happens()
        if (busy := self._begin(asked)) is not None:
            return busy
        if child == "members" and "member" in asked.body:
            changed = asked.path.rpartition("/")[2]
            next(each for each in self.members[identity] if each["id"] == changed).update(asked.body["member"])
            return Reply(200)
        if child == "members":
            known = {(each["address"], each["protocol_port"]): each for each in self.members.setdefault(identity, [])}
            here = dict(known) if asked.query.get("additive_only") == ["true"] else {}
            fresh = {"name": "", "operating_status": "ONLINE", "provisioning_status": "ACTIVE"}
            for each in asked.body["members"]:
                key = (each["address"], each["protocol_port"])
                here[key] = {"id": f"m-{len(here)}", **fresh, **known.get(key, {}), **each}
            self.members[identity] = list(here.values())
            return Reply(202)
        self.things[noun][identity].update(asked.body[_ONE[noun]])
        return Reply(200, {_ONE[noun]: self.things[noun][identity]})

    def _delete(self, asked: Asked) -> Reply:
        noun, identity, child = _split(asked.path)
        if (busy := self._begin(asked)) is not None:
            return busy
        if child is not None:
            gone = asked.path.rpartition("/")[2]
            self.members[identity] = [each for each in self.members[identity] if each["id"] != gone]
            return Reply(204)
        if self.things[noun].pop(identity, None) is None:
            return octavia_fault(404, f"{_ONE[noun]} {identity} not found.")
        if noun == "loadbalancers":
            for each in self.things.values():
                each.clear()
        for pool in self.all("pools"):
            if pool.get("healthmonitor_id") == identity:
                pool["healthmonitor_id"] = None
        return Reply(204)

    def _begin(self, asked: Asked) -> Reply | None:
        if self._left:
            return octavia_fault(409, "Load Balancer is immutable and cannot be updated.")
        self.writes.append(f"{asked.method} {asked.path.removeprefix(LBAAS)}")
        self._left = self.pending
        return None


def _split(path: str) -> tuple[str, str, str | None]:
    found = re.fullmatch(rf"{LBAAS}/(\w+)(?:/([^/]+)(?:/(\w+)(?:/[^/]+)?)?)?", path)
    assert found, path
    return found[1], found[2] or "", found[3]
