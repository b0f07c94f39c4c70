"""What all lists share: how many at a time, where to go on, and which names may be asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from backend.domain.cluster import Cluster
from backend.domain.page import Page
from translators import paging
from translators.autoscaling.errors import constraint
from translators.errors import AWSError
from translators.registry import Call, Result

T = TypeVar("T")


def limit_of(call: Call, default: int, most: int) -> int:
    """MaxRecords, or the default.

    Raises:
        AWSError: it is outside 1 to ``most``.
    """
    asked: int | None = call.params.get("MaxRecords")
    if asked is None:
        return default
    if asked > most:
        raise constraint(asked, "maxRecords", f"Member must have value less than or equal to {most}")
    if asked < 1:
        raise constraint(asked, "maxRecords", "Member must have value greater than or equal to 1")
    return asked


def marker_of(call: Call) -> str | None:
    """What the token of the page before stands for.

    Raises:
        AWSError: InvalidNextToken.
    """
    token = call.params.get("NextToken")
    if not token:
        return None
    return str(paging.decode(token, call.operation, paging.binding(call)))


def with_managed(call: Call) -> bool:
    """Whether what belongs to groups that have an operator is told, too."""
    return call.params.get("IncludeManagedResources") is not False


def refused_token(call: Call) -> AWSError:
    """The refusal of this request's token."""
    return paging.refusal(call.params["NextToken"], "autoscaling")


def result(call: Call, page: Page[T], member: str, told: Callable[[T], Any]) -> Result:
    """The answer that holds a page, with a token where there is more."""
    answer: dict[str, Any] = {member: [told(item) for item in page.items]}
    if page.marker is not None:
        answer["NextToken"] = paging.encode(call.operation, page.marker, paging.binding(call))
    return answer


def among(call: Call, member: str, most: int) -> Sequence[str]:
    """A list of names or ids that narrows what is asked for; empty means all.

    Raises:
        AWSError: there are more than ``most``.
    """
    given: Sequence[str] = call.params.get(member) or ()
    if len(given) > most:
        wire = member[0].lower() + member[1:]
        raise constraint(given, wire, f"Member must have length less than or equal to {most}")
    return given


def group_of(call: Call) -> Cluster:
    """The group a request names.

    Raises:
        ClusterNotFound
    """
    return call.backend.clusters.get(call.scope, call.params["AutoScalingGroupName"])
