"""The port that makes balancers, on Octavia: each call makes one change of a tree at most, for Octavia takes no more.

What is made carries tags: ``coppice=INSTALLATION``, ``coppice-key=KEY`` and ``coppice-is=DIGEST``. A pool is done when
its monitor carries the same digest, a policy when it has all its rules and is switched on: until then its digest is
not told, and it is put again. A balancer is marked before its first certificate lies in Barbican.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from backend.domain.scope import Scope
from backend.drivers.balancer_making import (
    BalancerPlan,
    BlendPlan,
    Endpoint,
    ListenerPlan,
    Part,
    PartKind,
    PoolPlan,
    Present,
    RulePlan,
    Standing,
    Tree,
    digest_of,
)
from backend.drivers.errors import Busy, CloudError, NoBalancing, PoolNotFound, QuotaExceeded, Refused
from backend.drivers.installation import Installation, nobody
from backend.drivers.openstack import octavia, precedence
from backend.drivers.openstack.blends import Blends, shares
from backend.drivers.openstack.certificate_secrets import CertificateSecrets
from backend.drivers.openstack.network import OpenStackNetworking
from backend.drivers.openstack.octavia import CHILDREN, CONDITIONS, DIGEST, KEY, MADE, SECRETS, SHARE, tagged
from backend.drivers.openstack.refusals import of_any
from backend.drivers.openstack.rest import BALANCING, Declined, Rest
from backend.drivers.openstack.settings import OpenStackSettings

Document = Mapping[str, Any]
_log = logging.getLogger(__name__)

_STANDING: Final = {"ACTIVE": Standing.ACTIVE, "ERROR": Standing.FAILED}
_PATHS: Final = {
    PartKind.POOL: "pools",
    PartKind.BLEND: "pools",
    PartKind.LISTENER: "listeners",
    PartKind.RULE: "l7policies",
}
_GROUPS: Final = "vip_sg_ids"
_NO_GROUPS: Final = "security groups of load balancers take an Octavia of API version 2.29 (release 2025.1) or later"
# Source: octavia/common/exceptions.py, QuotaException.
_QUOTA: Final = re.compile(r"Quota has been met for resources: ([\w ]+)")


class OpenStackBalancers:
    def __init__(
        self,
        rest: Rest,
        settings: OpenStackSettings,
        networking: OpenStackNetworking,
        secrets: CertificateSecrets,
        installation: Installation = nobody,
    ) -> None:
        self._rest = rest
        self._settings = settings
        self._networking = networking
        self._secrets = secrets
        self._installation = installation
        self._blends = Blends(self._members)

    blends = True

    def lacks(self, scope: Scope, part: Part) -> str | None:
        del scope
        return octavia.lacks(part)

    def lacks_certificates(self, scope: Scope) -> str | None:
        return None if self._secrets.offered(scope) else octavia.NO_LISTENER.format("HTTPS")

    def misplaced(self, scope: Scope, rules: Sequence[RulePlan]) -> tuple[RulePlan, RulePlan] | None:
        del scope
        return next(precedence.misplaced(rules), None)

    def create(self, scope: Scope, plan: BalancerPlan) -> Tree:
        found = self.find(scope, plan.key)
        if found is not None:
            return found
        subnet = self._networking.placement(scope, plan.subnet_id)
        body = {
            "name": plan.name,
            "project_id": scope.project_id,
            "vip_subnet_id": plan.subnet_id if subnet is None else subnet.real_id,
            "tags": self._tags(plan.key, digest_of(plan)),
        }
        if plan.address is not None:
            body["vip_address"] = plan.address
        groups = _groups(plan)
        try:
            made = self._write(scope, "POST", "/loadbalancers", {"loadbalancer": {**body, **groups}})
        except Declined as declined:
            self._check_groups(groups, declined)
            made = self._sent(scope, "POST", "/loadbalancers", {"loadbalancer": body})
        return self._tree(made["loadbalancer"], ())

    def find(self, scope: Scope, key: str) -> Tree | None:
        if not self._rest.offers(scope, BALANCING):
            raise NoBalancing("the cloud's catalog has no load balancing service")
        return next((self._tree(each, ()) for each in self._made(scope, key)), None)

    def twins(self, scope: Scope, key: str, balancer_id: str) -> Sequence[str]:
        return [each["id"] for each in self._made(scope, key) if each["id"] != balancer_id]

    def _made(self, scope: Scope, key: str) -> Iterator[Document]:
        """What was made here under a key, and is not being deleted."""
        for each in self._listing(scope, "loadbalancers", tags=f"{KEY}{key}"):
            if self._is_ours(each) and each["provisioning_status"] not in {"PENDING_DELETE", "DELETED"}:
                yield each

    def tree(self, scope: Scope, balancer_id: str) -> Tree | None:
        try:
            found = self._rest.item(scope, BALANCING, f"/lbaas/loadbalancers/{balancer_id}", "loadbalancer")
        except Declined as declined:
            if declined.status == 404 and balancer_id in declined.message:
                self._forget(scope, balancer_id)
                return None
            raise _refusal(declined) from declined
        if found["provisioning_status"] == "DELETED":
            self._forget(scope, balancer_id)
            return None
        if _STANDING.get(found["provisioning_status"], Standing.PENDING) is Standing.PENDING:
            return self._tree(found, ())
        return self._tree(found, tuple(self._parts(scope, found)))

    def change(self, scope: Scope, balancer_id: str, plan: BalancerPlan) -> None:
        path = f"/loadbalancers/{balancer_id}"
        marked = self._secrets.offered(scope) and _is_marked(
            self._item(scope, "loadbalancers", "loadbalancer", balancer_id)
        )
        tags = [*self._tags(plan.key, digest_of(plan)), *([SECRETS] if marked else ())]
        body = {"name": plan.name, "tags": tags}
        groups = _groups(plan)
        try:
            self._write(scope, "PUT", path, {"loadbalancer": {**body, **groups}})
        except Declined as declined:
            self._check_groups(groups, declined)
            self._sent(scope, "PUT", path, {"loadbalancer": body})

    def put(self, scope: Scope, tree: Tree, part: Part) -> str:
        here = {(each.kind, each.key): each for each in tree.parts}
        present = here.get((part.kind, part.key))
        tags = self._tags(part.key, digest_of(part))
        if isinstance(part, PoolPlan):
            return self._put_pool(scope, tree, part, present, tags)
        if isinstance(part, BlendPlan):
            return self._put_blend(scope, tree, part, present, tags)
        ids = {each.key: each.id for each in tree.parts if each.kind in {PartKind.POOL, PartKind.BLEND}}
        if isinstance(part, ListenerPlan):
            if part.certificates and not tree.marked:
                self._mark(scope, tree.id)
                return present.id if present else ""
            references = self._secrets.put(scope, tree.id, part.certificates) if part.certificates else ()
            return self._put_listener(scope, tree, octavia.listener_body(part, ids, references), present, tags)
        listener = here[PartKind.LISTENER, part.listener_key].id
        return self._put_rule(scope, listener, part, ids, present, tags)

    def remove(self, scope: Scope, tree: Tree, present: Present) -> None:
        del tree
        if present.kind is PartKind.SECRET:
            used = octavia.references_of_all(self._listing(scope, "listeners"))
            if not any(present.id in each for each in used):
                self._secrets.remove(scope, present.id)
            return
        self._delete(scope, f"/{_PATHS[present.kind]}/{present.id}")

    def delete(self, scope: Scope, balancer_id: str) -> None:
        """Its secrets go before it: afterwards nothing tells of them. What is deleted needs them no more."""
        if self._secrets.offered(scope):
            self._sweep(scope, balancer_id)
        self._delete(scope, f"/loadbalancers/{balancer_id}?cascade=true", balancer_id)

    def idle(self, scope: Scope, balancer_id: str) -> bool:
        """Nobody can tell: what Octavia counts is some seconds old, and a connection made since would be cut."""
        del scope, balancer_id
        return False

    def put_endpoints(self, scope: Scope, pool_id: str, endpoints: Sequence[Endpoint]) -> None:
        """Members that nodes stand for one a call: a batch that tells no weight gives them the usual one."""
        path = f"/pools/{pool_id}/members"
        members = [
            {"address": each.address, "protocol_port": each.port, "weight": each.weight, **_monitored(each)}
            for each in endpoints
            if each.weight is not None
        ]
        if members:
            self._sent(scope, "PUT", f"{path}?additive_only=true", {"members": members}, pool_id)
        kept = {(each.address, each.port): each for each in endpoints if each.weight is None}
        for member in self._members(scope, pool_id) if kept else ():
            each = kept.get((member["address"], member["protocol_port"]))
            if each is not None:
                self._sent(scope, "PUT", f"{path}/{member['id']}", {"member": _monitored(each)}, pool_id)

    def remove_endpoints(self, scope: Scope, pool_id: str, endpoints: Sequence[Endpoint]) -> None:
        """One a call: Octavia is busy with it afterwards, and the rest is asked for again."""
        gone = {(each.address, each.port) for each in endpoints}
        for each in self._members(scope, pool_id):
            if (each["address"], each["protocol_port"]) in gone and not (each.get("name") or "").startswith("coppice-"):
                self._delete(scope, f"/pools/{pool_id}/members/{each['id']}")

    def _members(self, scope: Scope, pool_id: str) -> list[Document]:
        try:
            return list(self._rest.listing(scope, BALANCING, f"/lbaas/pools/{pool_id}/members", "members"))
        except Declined as declined:
            raise _refusal(declined, pool_id) from declined

    # parts -----------------------------------------------------------------------------------------------------------

    def _put_pool(self, scope: Scope, tree: Tree, plan: PoolPlan, present: Present | None, tags: list[str]) -> str:
        """A pool, then its monitor: one a call."""
        body, wanted = octavia.pool_body(plan), octavia.monitor_body(plan)
        marks = [each for each in tags if not each.startswith(SHARE)]
        tags = [*tags, f"{CHILDREN}{int(wanted is not None)}"]
        sharing = shares({"tags": tags})
        if present is None:
            if sharing and wanted is None:  # its digest alone says that it is done, and it has no members yet
                tags = [each for each in tags if not each.startswith(DIGEST)]
            fixed = {"protocol": octavia.POOL_PROTOCOLS[plan.protocol], "loadbalancer_id": tree.id}
            made = self._sent(scope, "POST", "/pools", {"pool": {**body, **fixed, "tags": tags}})
            return str(made["pool"]["id"])
        found = self._item(scope, "pools", "pool", present.id)
        if sharing and sharing == shares(found) and self._follow(scope, found, self._of(scope, "pools", tree.id)):
            return present.id
        if not {*tags} <= {*found["tags"]}:
            self._sent(scope, "PUT", f"/pools/{present.id}", {"pool": {**body, "tags": tags}}, present.id)
            return present.id
        monitor_id = found.get("healthmonitor_id")
        if wanted is None:
            if monitor_id:
                self._delete(scope, f"/healthmonitors/{monitor_id}")
            return present.id
        kind = wanted.pop("type")
        if not monitor_id:
            asked = {**wanted, "type": kind, "pool_id": present.id, "tags": marks}
            self._sent(scope, "POST", "/healthmonitors", {"healthmonitor": asked}, present.id)
        elif self._item(scope, "healthmonitors", "healthmonitor", monitor_id)["type"] != kind:
            self._delete(scope, f"/healthmonitors/{monitor_id}")
        else:
            changed = {"healthmonitor": {**wanted, "tags": marks}}
            self._sent(scope, "PUT", f"/healthmonitors/{monitor_id}", changed, present.id)
        return present.id

    def _put_blend(self, scope: Scope, tree: Tree, plan: BlendPlan, present: Present | None, tags: list[str]) -> str:
        """A pool, then its members, then its monitor: nothing forwards to it before it has all."""
        lack = octavia.lacks(plan)  # pools that were alike need not be any more
        if lack is not None:
            raise Refused(lack)
        return self._put_pool(scope, tree, octavia.pool_of_blend(plan), present, [*tags, *octavia.shares_of(plan)])

    def follow(self, scope: Scope, tree: Tree) -> None:
        """Raises Busy, too, where a blend is not as it is to be after it was changed: its pools were others by then."""
        pools = self._of(scope, "pools", tree.id)
        for each in filter(shares, pools):
            if self._follow(scope, each, pools) and self._change_of(scope, each, pools) is not None:
                raise Busy(f"pool {each['id']} has not yet the members that it is to have")

    def _follow(self, scope: Scope, blend: Document, pools: Sequence[Document]) -> bool:
        """Bring members of a blend to those of its balancer's pools; whether that took a change."""
        members = self._change_of(scope, blend, pools)
        if members is not None:
            self._sent(scope, "PUT", f"/pools/{blend['id']}/members", {"members": members}, blend["id"])
        return members is not None

    def _change_of(self, scope: Scope, blend: Document, pools: Sequence[Document]) -> list[dict[str, Any]] | None:
        return self._blends.change(scope, blend, self._blends.wanted(scope, blend, pools))

    def _mark(self, scope: Scope, balancer_id: str) -> None:
        """Note on a balancer that it may have secrets, before the first of them is made."""
        found = self._item(scope, "loadbalancers", "loadbalancer", balancer_id)
        tags = [*(found.get("tags") or ()), *([] if _is_marked(found) else [SECRETS])]
        self._sent(scope, "PUT", f"/loadbalancers/{balancer_id}", {"loadbalancer": {"tags": tags}}, balancer_id)

    def _sweep(self, scope: Scope, balancer_id: str) -> None:
        """Delete what a balancer that is to go has in Barbican. What Barbican refuses holds no deletion up."""
        try:
            found = self._rest.item(scope, BALANCING, f"/lbaas/loadbalancers/{balancer_id}", "loadbalancer")
        except Declined as declined:
            if declined.status == 404 and balancer_id in declined.message:
                self._forget(scope, balancer_id)
                return
            raise _refusal(declined) from declined
        if not _is_marked(found) or not self._is_ours(found):
            return
        try:
            self._sweep_out(scope, balancer_id)
        except Refused as refusal:
            words = (scope.project_id, balancer_id, refusal.detail)
            _log.warning("project=%s secrets of balancer %s stay in Barbican: %s", *words)

    def _forget(self, scope: Scope, balancer_id: str) -> None:
        """Delete what a balancer that is gone has left, whoever deleted it: its mark went with it. Nobody waits."""
        try:
            if self._secrets.offered(scope):
                self._sweep_out(scope, balancer_id)
        except CloudError as error:
            words = (scope.project_id, balancer_id, error)
            _log.warning("project=%s secrets of balancer %s, which is gone, may stay in Barbican: %s", *words)

    def _sweep_out(self, scope: Scope, balancer_id: str) -> None:
        """Delete a balancer's secrets, but for those that another one's listeners have."""
        found = self._secrets.left(scope, balancer_id, ())
        others = [each for each in self._listing(scope, "listeners") if not _is_of(each, balancer_id)] if found else []
        used = octavia.references_of_all(others)
        for secret in found:
            if not any(secret.id in each for each in used):
                self._secrets.remove(scope, secret.id)

    def _put_listener(
        self, scope: Scope, tree: Tree, body: dict[str, Any], present: Present | None, tags: list[str]
    ) -> str:
        fixed = {name: body.pop(name) for name in ("protocol", "protocol_port")}
        if present is None:
            asked = {**body, **fixed, "loadbalancer_id": tree.id, "tags": tags}
            made = self._sent(scope, "POST", "/listeners", {"listener": asked})
            return str(made["listener"]["id"])
        self._sent(scope, "PUT", f"/listeners/{present.id}", {"listener": {**body, "tags": tags}}, present.id)
        return present.id

    def _put_rule(  # noqa: PLR0917 - what a policy is made of
        self,
        scope: Scope,
        listener_id: str,
        plan: RulePlan,
        pools: Mapping[str, str],
        present: Present | None,
        tags: list[str],
    ) -> str:
        """Made switched off, given its rules, and switched on: with half of them it would meet too much."""
        rules, body = octavia.rules(plan), {**octavia.policy_body(plan, pools), "position": plan.position}
        conditions = octavia.digest_of_conditions(plan)
        tags = [*tags, f"{CHILDREN}{len(rules)}", f"{CONDITIONS}{conditions}"]
        if present is None:
            asked = {**body, "listener_id": listener_id, "admin_state_up": False, "tags": tags}
            made = self._sent(scope, "POST", "/l7policies", {"l7policy": asked})
            return str(made["l7policy"]["id"])
        found = self._item(scope, "l7policies", "l7policy", present.id)
        if tagged(found, CONDITIONS) != conditions:
            self._delete(scope, f"/l7policies/{present.id}")
        elif len(found["rules"]) < len(rules):
            rule = {"rule": rules[len(found["rules"])]}
            self._sent(scope, "POST", f"/l7policies/{present.id}/rules", rule, present.id)
        else:
            asked = {"l7policy": {**body, "admin_state_up": True, "tags": tags}}
            self._sent(scope, "PUT", f"/l7policies/{present.id}", asked, present.id)
        return present.id

    def _left(self, scope: Scope, balancer_id: str) -> list[Present]:
        """Secrets of a balancer that no listener of the project has.

        None where Barbican does not tell: no other change waits for it.
        """
        used = octavia.references_of_all(self._listing(scope, "listeners"))
        try:
            left = self._secrets.left(scope, balancer_id, used)
        except CloudError as error:
            _log.warning("project=%s secrets of balancer %s are not told: %s", scope.project_id, balancer_id, error)
            return []
        return [Present(PartKind.SECRET, f"{each.name}.{each.id}", each.id, "") for each in left]

    def _parts(self, scope: Scope, balancer: Document) -> list[Present]:
        found: list[Present] = []
        pools = self._of(scope, "pools", balancer["id"])
        listeners = self._of(scope, "listeners", balancer["id"])
        monitors = {each["id"]: each for each in self._listing(scope, "healthmonitors")} if pools else {}
        if _is_marked(balancer):
            found += self._left(scope, balancer["id"])
        fronts = {each["id"] for each in listeners}
        policies = self._listing(scope, "l7policies") if fronts else []
        found += [_present(PartKind.LISTENER, each, done=True) for each in listeners]
        for each in pools:
            monitor = monitors.get(each.get("healthmonitor_id") or "")
            done = monitor is None if tagged(each, CHILDREN) == "0" else _alike(monitor, each)
            found.append(_present(PartKind.BLEND if shares(each) else PartKind.POOL, each, done=done))
        for each in policies:
            if each["listener_id"] in fronts and self._is_ours(each):
                whole = str(len(each["rules"])) == tagged(each, CHILDREN)
                found.append(_present(PartKind.RULE, each, done=whole and each["admin_state_up"]))
        return found

    def _of(self, scope: Scope, noun: str, balancer_id: str) -> list[Document]:
        listed = self._listing(scope, noun, loadbalancer_id=balancer_id)
        return [each for each in listed if self._is_ours(each)]

    def _tags(self, key: str, digest: str) -> list[str]:
        return [f"{MADE}{self._installation()}", f"{KEY}{key}", f"{DIGEST}{digest}"]

    def _is_ours(self, document: Document) -> bool:
        return f"{MADE}{self._installation()}" in (document.get("tags") or ())

    def _check_groups(self, groups: Document, declined: Declined) -> None:
        """Refuse what was declined, but for groups that the operator has kept where Octavia knows none.

        Before API version 2.29 it has none: its addresses take what listeners take, from everywhere, and members that
        let a balancer's group in let nobody in.
        """
        if not groups or declined.status != 400 or _GROUPS not in declined.message:
            raise _refusal(declined) from declined
        if self._settings.balancer_groups != "record":
            raise Refused(_NO_GROUPS, request_id=declined.request_id) from declined

    def _tree(self, balancer: Document, parts: tuple[Present, ...]) -> Tree:
        standing = _STANDING.get(balancer["provisioning_status"], Standing.PENDING)
        port = balancer.get("vip_port_id") if self._settings.public_addresses == "floating" else None
        digest, address = tagged(balancer, DIGEST), balancer["vip_address"] or ""
        return Tree(balancer["id"], address, standing, digest, parts, port, _is_marked(balancer))

    # requests --------------------------------------------------------------------------------------------------------

    def _listing(self, scope: Scope, noun: str, **asked: str) -> list[Document]:
        try:
            params = {"project_id": scope.project_id, **asked}
            return list(self._rest.listing(scope, BALANCING, f"/lbaas/{noun}", noun, params))
        except Declined as declined:
            raise _refusal(declined) from declined

    def _item(self, scope: Scope, path: str, noun: str, identity: str) -> Document:
        try:
            return self._rest.item(scope, BALANCING, f"/lbaas/{path}/{identity}", noun)
        except Declined as declined:
            raise _refusal(declined, identity) from declined

    def _sent(self, scope: Scope, method: str, path: str, body: Any, about: str = "") -> Mapping[str, Any]:
        try:
            return self._write(scope, method, path, body)
        except Declined as declined:
            raise _refusal(declined, about) from declined

    def _write(self, scope: Scope, method: str, path: str, body: Any) -> Mapping[str, Any]:
        return self._rest.write(scope, BALANCING, method, f"/lbaas{path}", body, repeat=method == "PUT").body or {}

    def _delete(self, scope: Scope, path: str, about: str = "") -> None:
        about = about or path.rpartition("/")[2]
        try:
            self._rest.write(scope, BALANCING, "DELETE", f"/lbaas{path}", repeat=True)
        except Declined as declined:
            if declined.status != 404 or about not in declined.message:
                raise _refusal(declined) from declined


def _refusal(declined: Declined, about: str = "") -> CloudError:
    if octavia.is_busy(declined):
        return Busy(declined.message, request_id=declined.request_id)
    if quota := _QUOTA.search(declined.message):
        return QuotaExceeded(quota[1].strip(), 1, -1, declined.message, request_id=declined.request_id)
    if declined.status == 404 and about and about in declined.message:
        return PoolNotFound(declined.message, request_id=declined.request_id)
    return of_any(declined)


def _is_marked(balancer: Document) -> bool:
    return SECRETS in (balancer.get("tags") or ())


def _is_of(listener: Document, balancer_id: str) -> bool:
    return any(each["id"] == balancer_id for each in listener.get("loadbalancers") or ())


def _monitored(endpoint: Endpoint) -> dict[str, int]:
    return {} if endpoint.monitor_port is None else {"monitor_port": endpoint.monitor_port}


def _groups(plan: BalancerPlan) -> dict[str, list[str]]:
    return {_GROUPS: list(plan.security_group_ids)} if plan.security_group_ids else {}


def _present(kind: PartKind, document: Document, *, done: bool) -> Present:
    return Present(kind, tagged(document, KEY), document["id"], tagged(document, DIGEST) if done else "")


def _alike(monitor: Document | None, pool: Document) -> bool:
    return monitor is not None and tagged(monitor, DIGEST) == tagged(pool, DIGEST)
