"""The port that makes security groups, on Neutron: one rule there for each peer."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from backend.domain.ids import short_id
from backend.domain.scope import Scope
from backend.drivers.errors import AddressGroupNotFound, CloudError, GroupInUse, SecurityGroupNotFound
from backend.drivers.group_making import NewGroup
from backend.drivers.installation import Installation
from backend.drivers.network import Rule
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.group_marks import marked, name_at
from backend.drivers.openstack.layout import rule_of
from backend.drivers.openstack.refusals import of_any, of_network_write
from backend.drivers.openstack.rest import NETWORK, Declined, Rest

_PORTED: Final = frozenset({"tcp", "udp"})
_EVERY_PORT: Final = (0, 65535)
_RULES: Final = "/security-group-rules"
_FIELDS: Final = ["id", "description"]
_log = logging.getLogger(__name__)


class SecurityGroups:
    def __init__(self, rest: Rest, installation: Installation) -> None:
        self._rest = rest
        self._installation = installation

    def create_security_group(self, scope: Scope, new: NewGroup) -> str:
        asked = {
            "security_group": {
                "name": name_at(new.name, new.network_id),
                "description": marked(self._installation(), new.network_id, new.token),
            }
        }
        try:
            answer = self._rest.write(scope, NETWORK, "POST", "/security-groups", asked)
        except Declined as declined:
            raise of_network_write(declined, 1) from declined
        made = answer.item("security_group")
        try:  # AWS lets IPv4 out alone; where this fails the engine does it later
            self._delete(scope, [each["id"] for each in made.get("security_group_rules") or () if _v6(each)])
        except CloudError as error:
            _log.warning("security group %s still lets IPv6 out: %s", made["id"], error)
        return str(made["id"])

    def find_security_group(self, scope: Scope, new: NewGroup) -> str | None:
        mark = marked(self._installation(), new.network_id, new.token)
        with told():
            found = self._rest.listing(
                scope, NETWORK, "/security-groups", "security_groups", {"description": mark, "fields": _FIELDS}
            )
            return next((str(each["id"]) for each in found if each.get("description") == mark), None)

    def delete_security_group(self, scope: Scope, group_id: str) -> None:
        try:
            self._rest.write(scope, NETWORK, "DELETE", f"/security-groups/{group_id}", repeat=True)
        except Declined as declined:
            if declined.kind == "SecurityGroupNotFound":
                return
            if declined.kind == "SecurityGroupInUse":
                raise GroupInUse(declined.message, request_id=declined.request_id) from declined
            raise of_any(declined) from declined

    def security_group_rules(self, scope: Scope, group_id: str) -> Sequence[Rule]:
        return [rule_of(each) for each in self._documents(scope, group_id)]

    def change_rules(
        self, scope: Scope, group_id: str, *, add: Sequence[Rule] = (), remove: Sequence[Rule] = ()
    ) -> None:
        here = self._documents(scope, group_id)
        there = {rule_of(each) for each in here}
        asked = {told_as: each for each in add if (told_as := as_told(each)) is not None and told_as not in there}
        if asked:
            self._add(scope, group_id, [*asked])
        gone = {as_told(each) for each in remove}
        self._delete(scope, [each["id"] for each in here if rule_of(each) in gone])

    @staticmethod
    def as_told(rule: Rule) -> Rule | None:
        return as_told(rule)

    def _documents(self, scope: Scope, group_id: str) -> list[Mapping[str, Any]]:
        """The rules of a group; one without any may be gone."""
        with told():
            found = list(
                self._rest.listing(scope, NETWORK, _RULES, "security_group_rules", {"security_group_id": group_id})
            )
        if not found:
            try:
                self._rest.item(scope, NETWORK, f"/security-groups/{group_id}", "security_group")
            except Declined as declined:
                raise _of_rules(declined, group_id, ()) from declined
        return [each for each in found if each.get("security_group_id") == group_id]

    def _add(self, scope: Scope, group_id: str, rules: Sequence[Rule]) -> None:
        bodies = [_body(group_id, rule) for rule in rules]
        try:
            self._rest.write(scope, NETWORK, "POST", _RULES, {"security_group_rules": bodies}, repeat=True)
        except Declined as declined:
            self._unless_there(declined, group_id, bodies)
            if len(bodies) == 1:
                return
        else:
            return
        for body in bodies:
            try:
                self._rest.write(scope, NETWORK, "POST", _RULES, {"security_group_rule": body}, repeat=True)
            except Declined as declined:
                self._unless_there(declined, group_id, [body])

    @staticmethod
    def _unless_there(declined: Declined, group_id: str, bodies: Sequence[Mapping[str, Any]]) -> None:
        if declined.kind != "SecurityGroupRuleExists":
            raise _of_rules(declined, group_id, bodies) from declined

    def _delete(self, scope: Scope, rules: Sequence[str]) -> None:
        for rule_id in rules:
            try:
                self._rest.write(scope, NETWORK, "DELETE", f"{_RULES}/{rule_id}", repeat=True)
            except Declined as declined:
                if declined.kind != "SecurityGroupRuleNotFound":
                    raise of_any(declined) from declined


def as_told(rule: Rule) -> Rule | None:
    """How Neutron tells a rule: all ports are none, and there is no port 0, which nothing uses."""
    if rule.ipv6 and rule.protocol == "icmp":
        rule = replace(rule, protocol="icmpv6")
    if rule.protocol not in _PORTED:
        return rule
    if (rule.port_from, rule.port_to) in {_EVERY_PORT, (1, 65535), (None, None)}:
        return replace(rule, port_from=None, port_to=None)
    if rule.port_to == 0:
        return None
    return replace(rule, port_from=max(rule.port_from or 0, 1))


def _body(group_id: str, rule: Rule) -> Mapping[str, Any]:
    body: dict[str, Any] = {
        "security_group_id": group_id,
        "direction": "ingress" if rule.ingress else "egress",
        "ethertype": "IPv6" if rule.ipv6 else "IPv4",
    }
    if rule.protocol != "-1":
        body["protocol"] = rule.protocol
    if rule.port_from is not None:
        body["port_range_min"] = rule.port_from
    if rule.port_to is not None:
        body["port_range_max"] = rule.port_to
    if rule.group_id is not None:
        body["remote_group_id"] = rule.group_id
    elif rule.list_id is not None:
        body["remote_address_group_id"] = rule.list_id
    else:
        body["remote_ip_prefix"] = rule.cidr
    if rule.description:
        body["description"] = rule.description
    return body


def _of_rules(declined: Declined, group_id: str, bodies: Sequence[Mapping[str, Any]]) -> CloudError:
    """What became of these rules. Neutron has one word for a group that is gone, be it theirs or one they name."""
    if declined.kind == "AddressGroupNotFound":
        named = sorted({str(each["remote_address_group_id"]) for each in bodies if "remote_address_group_id" in each})
        gone = next((each for each in named if each in declined.message), "")
        return AddressGroupNotFound(gone, request_id=declined.request_id)
    if declined.kind == "SecurityGroupNotFound":
        for missing in (group_id, *(each["remote_group_id"] for each in bodies if "remote_group_id" in each)):
            if missing in declined.message:
                return SecurityGroupNotFound(short_id(missing), request_id=declined.request_id)
    return of_network_write(declined, max(len(bodies), 1))


def _v6(document: Mapping[str, Any]) -> bool:
    return document.get("ethertype") == "IPv6"
