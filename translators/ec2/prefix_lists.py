"""Prefix lists that customers manage. There are none of AWS's own: its services have no addresses on this cloud.

Source of the words, where they are not marked: hashicorp/terraform-provider-aws #20991, #25046, #26034, #43528 and its
internal/service/ec2; floci-io/floci #2105, #2273, which were checked with AWS; aws-samples/update-aws-ip-ranges #1;
aws/aws-application-networking-k8s #172.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.prefix_lists import MOST_ENTRIES, Family, ListChange, ListEntry, ListState, PrefixList, order_of
from translators import arns
from translators.ec2 import actions, blocks, tag_words
from translators.errors import AWSError
from translators.nouns import Asked, Noun
from translators.registry import Call, Result, operation

_RESERVED: Final = ("com.amazonaws.", "com.amazon.", "com.aws.")
_LONGEST: Final = 255
_MOST_CHANGES: Final = 100
_PAGE: Final = actions.Bounds(1, 100, 100)
_WHY: Final = {
    ListState.MODIFY_FAILED: "The following resources do not support the new maximum size: ",
    ListState.DELETE_FAILED: "The prefix list is referenced by the following resources: ",
}
"""Why a change failed, before the resources. Unsourced: AWS documents that they are named."""


@dataclass(frozen=True, slots=True)
class _List:
    """A list as its caller sees it."""

    kept: PrefixList
    call: Call

    @property
    def id(self) -> str:
        return _id(self.kept)

    @property
    def message(self) -> str | None:
        if self.kept.state not in _WHY:
            return None
        groups = ", ".join(f"{arns.SECURITY_GROUP}-{each}" for each in (self.kept.message or "").split())
        return _WHY[self.kept.state] + (groups or "security groups of the cloud's own")


def _id(kept: PrefixList) -> str:
    return f"{arns.PREFIX_LIST}-{kept.id}"


def _lists(call: Call, asked: Asked) -> Iterable[_List]:
    digits = actions.digits_named(asked, "PrefixListIds", actions.PREFIX_LIST)
    return [_List(each, call) for each in call.backend.prefix_lists.list(call.scope, digits)]


PREFIX_LISTS: Final = Noun(
    answer="PrefixLists",
    items=_lists,
    members={
        "PrefixListId": lambda each: each.id,
        "AddressFamily": lambda each: str(each.kept.family),
        "State": lambda each: str(each.kept.state),
        "StateMessage": lambda each: each.message,
        "PrefixListArn": lambda each: arns.ec2(each.call.region, each.call.account_id, "prefix-list", each.id),
        "PrefixListName": lambda each: each.kept.name,
        "MaxEntries": lambda each: each.kept.max_entries,
        "Version": lambda each: each.kept.version,
        "OwnerId": lambda each: each.call.account_id,
        "IpamPrefixListResolverSyncEnabled": False,
    },
    order=lambda each: each.id,
    filters={"owner-id": "OwnerId", "prefix-list-id": "PrefixListId", "prefix-list-name": "PrefixListName"},
    namings=(actions.by_ids("PrefixListIds", actions.PREFIX_LIST, lambda each: each.id),),
    # The manual of the operation has no filter of tags; that of Terraform's aws_ec2_managed_prefix_lists sends one.
    tagging=tag_words.kept(lambda each: each.id, told=tag_words.whole),
    pages=actions.pages("PrefixListIds", _PAGE),
)

actions.describes("DescribeManagedPrefixLists", PREFIX_LISTS)


def _entries(call: Call, _: Asked) -> Iterable[ListEntry]:
    version: int | None = call.params.get("TargetVersion")
    return call.backend.prefix_lists.entries(call.scope, _named(call), version)


ENTRIES: Final = Noun(
    answer="Entries",
    items=_entries,
    members={"Cidr": lambda entry: entry.cidr, "Description": lambda entry: entry.description},
    order=lambda entry: [*order_of(entry.cidr)],
    pages=actions.pages("", _PAGE),
)

actions.reads("GetManagedPrefixListEntries")(ENTRIES.describe)


def _users(call: Call, _: Asked) -> Iterable[tuple[str, Call]]:
    found = call.backend.prefix_lists.users(call.scope, _named(call))
    return ((f"{arns.SECURITY_GROUP}-{each}", call) for each in found)


USERS: Final[Noun[tuple[str, Call]]] = Noun(
    answer="PrefixListAssociations",
    items=_users,
    members={"ResourceId": lambda each: each[0], "ResourceOwner": lambda each: each[1].account_id},
    order=lambda each: each[0],
    pages=actions.pages("", actions.Bounds(5, 255, 255)),
)

actions.reads("GetManagedPrefixListAssociations")(USERS.describe)


@operation("ec2", "CreateManagedPrefixList")
def create(call: Call) -> Result:
    params = call.params
    name = _name(params["PrefixListName"])
    family = _family(params["AddressFamily"])
    most = _size(params["MaxEntries"])
    entries = _given(params.get("Entries"))
    tags = tag_words.of_one(params.get("TagSpecifications"), "prefix-list")
    token = actions.client_token(call, longest=_LONGEST)
    actions.check_dry_run(call)
    made = call.backend.prefix_lists.create(call.scope, name, family, most, entries, token)
    call.backend.resource_tags.put(call.scope, [_id(made)], tags)
    return _told(call, made)


@operation("ec2", "ModifyManagedPrefixList")
def modify(call: Call) -> Result:
    params = call.params
    if params.get("IpamPrefixListResolverSyncEnabled"):
        raise AWSError("UnsupportedOperation", "There are no IPAM prefix list resolvers here.")
    current, most = _version(params.get("CurrentVersion")), params.get("MaxEntries")
    add, remove = _given(params.get("AddEntries")), list(_given(params.get("RemoveEntries")))
    if both := [cidr for cidr in remove if cidr in add]:
        raise _refused(
            f"Request cannot contain Cidr {both[0]} in both AddPrefixListEntries and RemovePrefixListEntries"
        )
    if most is not None and (add or remove):
        raise AWSError(
            "InvalidParameterCombination",
            "You cannot modify the entries and the maximum entries for the prefix list in the same request.",
        )
    name: str | None = params.get("PrefixListName")
    if most is None and not add and not remove and not name:
        raise AWSError("InvalidRequest", "The request received was invalid.")
    change = ListChange(current, _name(name) if name else None, None if most is None else _size(most), add, remove)
    digits = _writable(call)
    return _told(call, call.backend.prefix_lists.modify(call.scope, digits, change))


@operation("ec2", "RestoreManagedPrefixListVersion")
def restore(call: Call) -> Result:
    previous, current = _version(call.params["PreviousVersion"]), _version(call.params["CurrentVersion"])
    digits = _writable(call)
    return _told(call, call.backend.prefix_lists.restore(call.scope, digits, previous or 0, current or 0))


@operation("ec2", "DeleteManagedPrefixList")
def delete(call: Call) -> Result:
    digits = _writable(call)
    kept = call.backend.prefix_lists.delete(call.scope, digits)
    told = _told(call, kept)
    if kept.state is not ListState.DELETE_FAILED:
        call.backend.resource_tags.remove(call.scope, [_id(kept)], None)
    return told


def _told(call: Call, kept: PrefixList) -> Result:
    return {"PrefixList": PREFIX_LISTS.shown(call, [_List(kept, call)])[0]}


def _named(call: Call) -> str:
    """The digits of the list that a request is about."""
    return actions.digits_of(actions.ONE_PREFIX_LIST, call.params["PrefixListId"])


def _writable(call: Call) -> str:
    """The same; a dry run ends here."""
    digits = _named(call)
    if call.params.get("DryRun"):
        if not call.backend.prefix_lists.list(call.scope, [digits]):
            raise actions.not_found(actions.ONE_PREFIX_LIST, [call.params["PrefixListId"]])
        actions.check_dry_run(call)
    return digits


def _name(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST:
        raise _refused(f"The prefix list name must be 1 to {_LONGEST} characters in length.")  # unsourced
    if text.startswith(_RESERVED):
        raise _refused(f"The prefix list name cannot begin with ({', '.join(_RESERVED)}).")
    return text


def _family(text: str) -> Family:
    if text not in set(Family):
        raise _refused(f"Value ({text[:64]}) for parameter addressFamily is invalid.")  # unsourced
    return Family(text)


def _size(most: int) -> int:
    if not 1 <= most <= MOST_ENTRIES:
        raise _refused(f"Must specify a max size between 1 and {MOST_ENTRIES}")
    return most


def _version(given: int | None) -> int | None:
    if given is not None and given < 1:
        raise _refused("The specified value for version is not valid. The value must be greater than (1).")
    return given


def _given(entries: Sequence[Mapping[str, Any]] | None) -> dict[str, str | None]:
    """Blocks in their canonical form, as everywhere in EC2, with their descriptions.

    Raises:
        AWSError: one is none, or is there twice.
    """
    if len(entries or ()) > _MOST_CHANGES:
        raise _refused(f"The number of entries per request cannot exceeds limit ({_MOST_CHANGES}).")
    found: dict[str, str | None] = {}
    for each in entries or ():
        text: str = each["Cidr"]
        cidr = blocks.canonical(text)
        if cidr is None:
            raise _refused(f"The CIDR ({text[:64]}) is not valid.")  # unsourced
        description: str = each.get("Description") or ""
        if len(description) > _LONGEST:
            raise _refused(f"A description may have up to {_LONGEST} characters.")  # unsourced
        if cidr in found:
            raise _refused(f"The CIDR ({cidr}) is specified more than once.")  # unsourced
        found[cidr] = description or None
    return found


def _refused(words: str) -> AWSError:
    return AWSError("InvalidParameterValue", words)
