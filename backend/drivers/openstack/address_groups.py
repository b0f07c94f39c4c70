"""The port that keeps sets of addresses, on Neutron: address groups, which rules of security groups name.

Neutron knows them by extensions. That it has these does not say that its firewall heeds such rules: see the setting
``address_groups``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.errors import AddressGroupInUse, AddressGroupNotFound, CloudError, NoAddressGroups, Refused
from backend.drivers.installation import Installation
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.kept import Kept
from backend.drivers.openstack.layout import block_of
from backend.drivers.openstack.refusals import of_any, of_network_write
from backend.drivers.openstack.rest import NETWORK, Declined, Rest

_PATH: Final = "/address-groups"
_NEEDED: Final = frozenset({"address-group", "security-groups-remote-address-group"})
_FIELDS: Final = ["id", "description"]
_AGE: Final = timedelta(minutes=5)
_CHANGED_MEANWHILE: Final = frozenset({"AddressesAlreadyExist", "AddressesNotFound"})
_LOOKS: Final = 3
_LONGEST: Final = 200
_UNFIT: Final = re.compile(r"[^ -~]")
"""What names need not have for people to know a list by them, and not every database of a cloud takes."""


class AddressGroups:
    """Sets of addresses.

    Args:
        heeded: whether the cloud's firewall heeds rules that name them.
    """

    def __init__(self, rest: Rest, clock: Clock, installation: Installation, *, heeded: bool) -> None:
        self._rest = rest
        self._installation = installation
        self._heeded = heeded
        self._known: Kept[Scope, bool] = Kept(clock, self._ask)

    def check_lists(self, scope: Scope) -> None:
        if not self._heeded or not self._known.get(scope, _AGE):
            raise NoAddressGroups

    def create_list(self, scope: Scope, token: str, name: str, cidrs: Sequence[str]) -> str:
        self.check_lists(scope)
        shown = _UNFIT.sub("?", name)[:_LONGEST].strip()
        group = {"name": shown, "description": self._mark(token), "addresses": [*cidrs]}
        try:
            answer = self._rest.write(scope, NETWORK, "POST", _PATH, {"address_group": group})
        except Declined as declined:
            raise of_network_write(declined, 1) from declined
        return str(answer.item("address_group")["id"])

    def find_lists(self, scope: Scope, token: str) -> Sequence[str]:
        if not self._known.get(scope, _AGE):
            return ()
        mark = self._mark(token)
        with told():
            found = self._rest.listing(
                scope, NETWORK, _PATH, "address_groups", {"description": mark, "fields": _FIELDS}
            )
            return sorted(str(each["id"]) for each in found if each.get("description") == mark)

    def set_addresses(self, scope: Scope, list_id: str, cidrs: Sequence[str]) -> None:
        wanted = set(cidrs)
        for _ in range(_LOOKS):
            here = {block_of(each) for each in self._group(scope, list_id).get("addresses") or ()}
            try:
                self._put(scope, list_id, "add_addresses", wanted - here)
                self._put(scope, list_id, "remove_addresses", here - wanted)
            except _Other:  # somebody else is at it: what there is by now is to be seen
                continue
            return
        raise Refused(f"address group {list_id} is being changed by others")

    def delete_list(self, scope: Scope, list_id: str) -> None:
        try:
            self._rest.write(scope, NETWORK, "DELETE", f"{_PATH}/{list_id}", repeat=True)
        except Declined as declined:
            if declined.kind == "AddressGroupNotFound":
                return
            raise _refusal(declined, list_id) from declined

    def _group(self, scope: Scope, list_id: str) -> Mapping[str, Any]:
        try:
            return self._rest.item(scope, NETWORK, f"{_PATH}/{list_id}", "address_group")
        except Declined as declined:
            raise _refusal(declined, list_id) from declined

    def _put(self, scope: Scope, list_id: str, act: str, cidrs: set[str]) -> None:
        if not cidrs:
            return
        try:  # twice is not as good as once: Neutron refuses to add what is there, which a look then tells
            self._rest.write(scope, NETWORK, "PUT", f"{_PATH}/{list_id}/{act}", {"addresses": sorted(cidrs)})
        except Declined as declined:
            if declined.kind in _CHANGED_MEANWHILE:
                raise _Other from declined
            raise _refusal(declined, list_id) from declined

    def _mark(self, token: str) -> str:
        return f"coppice:{self._installation()}:list:{token}"

    def _ask(self, scope: Scope) -> bool:
        with told():
            listed = self._rest.listing(scope, NETWORK, "/extensions", "extensions")
            return {str(each.get("alias")) for each in listed} >= _NEEDED


class _Other(Exception):
    """The addresses are not those that were seen a moment ago."""


def _refusal(declined: Declined, list_id: str) -> CloudError:
    if declined.kind == "AddressGroupNotFound":
        return AddressGroupNotFound(list_id, request_id=declined.request_id)
    if declined.kind == "AddressGroupInUse":
        return AddressGroupInUse(declined.message, request_id=declined.request_id)
    return of_any(declined)
