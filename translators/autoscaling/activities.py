"""Scaling activities: the journal as AWS lists it."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backend.services.activities import ActivityQuery
from translators.autoscaling.activity_words import told
from translators.autoscaling.errors import unknown_group, validation
from translators.autoscaling.listing import among, limit_of, marker_of, refused_token, result, with_managed
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_MOST_IDS: Final = 50
_LONGEST_MONTH: Final = 31
_INSTANT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[tT](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([zZ]|[+-]\d\d:[0-5]\d)", re.ASCII
)
_FILTERS: Final = ("Status", "StartTimeLowerBound", "StartTimeUpperBound")


@operation("autoscaling", "DescribeScalingActivities")
def describe(call: Call) -> Result:
    params = call.params
    name = params.get("AutoScalingGroupName")
    ids = among(call, "ActivityIds", _MOST_IDS)
    # Activities asked for by id are told even when their group is gone: their callers poll them to the end.
    deleted = bool(params.get("IncludeDeletedGroups")) or (bool(ids) and name is None)
    bounds = _bounds(params.get("Filters") or (), name)
    query = ActivityQuery(cluster_name=name, deleted=deleted, ids=ids, managed=with_managed(call), **bounds)
    limit, after = limit_of(call, 100, 100), marker_of(call)
    try:
        with unknown_group(call.operation):
            page = call.backend.activities.page(call.scope, query, limit=limit, after=after)
    except (ValueError, OverflowError) as error:
        raise refused_token(call) from error
    region, account = call.region, call.account_id
    zone_ids = call.backend.catalog.zone_ids(call.scope, {one.zone for one in page.items if one.zone})
    return result(call, page, "Activities", lambda activity: told(activity, region, account, zone_ids))


def _bounds(filters: Sequence[Mapping[str, Any]], group: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in filters:
        name, values = item.get("Name", ""), list(item.get("Values") or ())
        if name not in _FILTERS:
            # unsourced
            raise validation(f"Filter type {name} is not correct. Allowed Filter types are: {', '.join(_FILTERS)}")
        if not values:
            raise validation(f"The filter {name} must have at least one value.")  # unsourced
        if name == "Status":
            if group is None:
                raise validation("The Status filter can only be used with an AutoScalingGroupName.")  # unsourced
            found["statuses"] = values
        else:
            field = "started_from" if name == "StartTimeLowerBound" else "started_until"
            if len(values) > 1 or field in found:
                raise _unfit(f"Multiple values for {name} aren't supported. Specify a single timestamp value.")
            found[field] = _bound(_instant(values[0]), upper=field == "started_until")
    return found


def _unfit(words: str) -> AWSError:
    return validation(f"The filter configuration isn't valid. {words}")


def _bound(at: datetime, *, upper: bool) -> datetime:
    """What a start must reach that is told in milliseconds and kept finer: the told one is compared, both inclusive."""
    told_at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    if upper:
        return told_at + timedelta(microseconds=999)
    try:
        return told_at if told_at == at else told_at + timedelta(milliseconds=1)
    except OverflowError:  # the last millisecond that there is
        raise _unfit("The specified timestamp isn't valid.") from None


def _instant(text: str) -> datetime:
    """An instant as the real service reads it: in either case, 30 February as the month's last day, 24:00 as midnight.

    Source: conformance/recorded activity-filters.
    """
    found = _INSTANT.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        year, month, day, hour, minute, second = (int(found[part]) for part in range(1, 7))
        last = calendar.monthrange(year, month)[1] if day <= _LONGEST_MONTH else 0
        ends = (hour, minute, second) == (24, 0, 0)
        at = datetime(year, month, min(day, last), 0 if ends else hour, minute, second, tzinfo=UTC)
        at += timedelta(days=int(ends), microseconds=int((found[7] or "0")[:6].ljust(6, "0")))
        return at - _offset(found[8])
    except (ValueError, OverflowError):
        raise _unfit("The specified timestamp isn't valid.") from None


def _offset(zone: str) -> timedelta:
    if zone in {"z", "Z"}:
        return timedelta()
    shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return -shift if zone[0] == "-" else shift
