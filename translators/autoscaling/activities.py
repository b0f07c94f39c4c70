"""Scaling activities: the journal as AWS lists it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from backend.services.activities import ActivityQuery
from translators.autoscaling.activity_words import told
from translators.autoscaling.errors import validation
from translators.autoscaling.listing import among, limit_of, marker_of, refused_token, result
from translators.registry import Call, Result, operation

_MOST_IDS: Final = 50
_FILTERS: Final = ("Status", "StartTimeLowerBound", "StartTimeUpperBound")


@operation("autoscaling", "DescribeScalingActivities")
def describe(call: Call) -> Result:
    params = call.params
    name = params.get("AutoScalingGroupName")
    ids = among(call, "ActivityIds", _MOST_IDS)
    # Activities asked for by id are told even when their group is gone: their callers poll them to the end.
    deleted = bool(params.get("IncludeDeletedGroups")) or (bool(ids) and name is None)
    query = ActivityQuery(cluster_name=name, deleted=deleted, ids=ids, **_bounds(params.get("Filters") or (), name))
    limit, after = limit_of(call, 100, 100), marker_of(call)
    try:
        page = call.backend.activities.page(call.scope, query, limit=limit, after=after)
    except (ValueError, OverflowError) as error:
        raise refused_token(call) from error
    region, account = call.region, call.account_id
    return result(call, page, "Activities", lambda activity: told(activity, region, account))


def _bounds(filters: Sequence[Mapping[str, Any]], group: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in filters:
        name, values = item.get("Name", ""), list(item.get("Values") or ())
        if name not in _FILTERS:
            raise validation(f"Filter type {name} is not correct. Allowed Filter types are: {', '.join(_FILTERS)}")
        if not values:
            raise validation(f"The filter {name} must have at least one value.")
        if name == "Status":
            if group is None:
                raise validation("The Status filter can only be used with an AutoScalingGroupName.")
            found["statuses"] = values
        else:
            instants = [_instant(value) for value in values]
            lower = name == "StartTimeLowerBound"
            # Values of one filter are alternatives: the widest of them holds.
            found["started_from" if lower else "started_until"] = min(instants) if lower else max(instants)
    return found


def _instant(text: str) -> datetime:
    """An ISO 8601 instant; without an offset it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise validation(f"Invalid timestamp: {text}") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
