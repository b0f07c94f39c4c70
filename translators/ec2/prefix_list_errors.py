"""The findings about prefix lists in EC2's codes and words; where these are from, ``prefix_lists`` says."""

from __future__ import annotations

from typing import Final

from backend.domain import prefix_list_findings as findings
from translators import arns
from translators.ec2 import actions
from translators.errors import AWSError, Row


def _shown(digits: str) -> str:
    return f"{arns.PREFIX_LIST}-{digits}"


def _missing(found: findings.ListNotFound) -> AWSError:
    kind = actions.PREFIX_LIST if found.named else actions.ONE_PREFIX_LIST
    return actions.not_found(kind, [_shown(found.list_id)])


TABLE: Final[dict[type[Exception], Row]] = {
    findings.ListNotFound: _missing,
    findings.ListBusy: lambda found: AWSError(
        "IncorrectState",
        f"The request cannot be completed while the prefix list ({_shown(found.list_id)}) is in the current state "
        f"({found.state}).",
    ),
    findings.ListVersionMismatch: lambda _: AWSError(
        "PrefixListVersionMismatch", "The prefix list has the incorrect version number."
    ),
    findings.ListVersionMissing: lambda found: AWSError(  # unsourced
        "InvalidParameterValue",
        f"The version ({found.version}) of the prefix list ({_shown(found.list_id)}) does not exist.",
    ),
    findings.ListFull: lambda found: AWSError(  # the code is AWS's, the words are unsourced
        "PrefixListMaxEntriesExceeded",
        f"You've reached the maximum number of entries for the prefix list ({found.most}).",
    ),
    # Of both of these the code is AWS's, and that the second ends so; the rest of the words is unsourced.
    findings.ListEntryExists: lambda found: AWSError(
        "InvalidPrefixListModification", f"The prefix list entry ({found.cidr}) already exists."
    ),
    findings.ListEntryMissing: lambda found: AWSError(
        "InvalidPrefixListModification", f"The prefix list entry ({found.cidr}) does not exist."
    ),
    findings.ListEntryUnfit: lambda found: AWSError(  # unsourced
        "InvalidParameterValue", f"The CIDR ({found.cidr}) is not of the address family {found.family}."
    ),
    findings.ListsUnsupported: lambda _: AWSError(
        "UnsupportedOperation",
        "Security group rules that reference a prefix list are not supported: this cloud's networks have no address "
        "groups.",
    ),
    # Both are answered before a client is told; these words are for what comes in between.
    findings.ListTwinMissing: lambda _: AWSError("Unavailable", "The prefix list is being made again.", 503),
    findings.ListTwinInUse: lambda _: AWSError("DependencyViolation", "The prefix list has a dependent object"),
}
