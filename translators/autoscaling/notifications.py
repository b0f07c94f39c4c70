"""Notification configurations: topics that hear of launches and terminations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from backend.domain.notifications import Notice
from backend.domain.page import Page
from translators.autoscaling.errors import validation
from translators.autoscaling.listing import among, limit_of, marker_of, result, with_managed
from translators.registry import Call, Result, operation

_TYPES: Final[Mapping[Notice, str]] = {
    Notice.LAUNCH: "autoscaling:EC2_INSTANCE_LAUNCH",
    Notice.LAUNCH_ERROR: "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
    Notice.TERMINATE: "autoscaling:EC2_INSTANCE_TERMINATE",
    Notice.TERMINATE_ERROR: "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
    Notice.TEST: "autoscaling:TEST_NOTIFICATION",
}
_NOTICES: Final = {words: notice for notice, words in _TYPES.items()}
_MOST_NAMES: Final = 100
_ARN: Final = re.compile(r"arn:[\x21-\x7e]+")


@operation("autoscaling", "PutNotificationConfiguration")
def put(call: Call) -> Result:
    kinds = [_notice(words) for words in call.params["NotificationTypes"]]
    topic = call.params["TopicARN"]
    if not _ARN.fullmatch(topic):
        raise validation(f"Invalid parameter: Topic {topic} is no ARN")  # unsourced but for its beginning
    call.backend.notifications.put(call.scope, call.params["AutoScalingGroupName"], topic, kinds)
    return {}


def _notice(words: str) -> Notice:
    """Raises AWSError where there is no such type. Source: badmintoncryer/cdk-preflight."""
    notice = _NOTICES.get(words)
    if notice is None:
        raise validation(f'"{words}" is not a valid Notification Type')
    return notice


@operation("autoscaling", "DeleteNotificationConfiguration")
def delete(call: Call) -> Result:
    call.backend.notifications.delete(call.scope, call.params["AutoScalingGroupName"], call.params["TopicARN"])
    return {}


@operation("autoscaling", "DescribeNotificationConfigurations")
def describe(call: Call) -> Result:
    """A row for each topic and type. As in all lists of groups, names that no group has are left out."""
    names = among(call, "AutoScalingGroupNames", _MOST_NAMES)
    page = _page(_rows(call, names), marker_of(call), limit_of(call, 50, 100))
    return result(call, page, "NotificationConfigurations", _told)


_Row = tuple[str, str, str]


def _rows(call: Call, names: Sequence[str]) -> list[_Row]:
    """(group, topic, type) of all, in the order in which they are told."""
    return [
        (each.cluster_name, each.topic, _TYPES[kind])
        for each in call.backend.notifications.list(call.scope, names, managed=with_managed(call))
        for kind in each.kinds
    ]


def _page(rows: Sequence[_Row], marker: str | None, limit: int) -> Page[_Row]:
    """Those after the marker, which is the place of the last row in the order."""
    rows = sorted(rows, key=_key)
    if marker is not None:
        rows = [row for row in rows if _key(row) > marker]
    more = len(rows) > limit
    return Page(rows[:limit], _key(rows[limit - 1]) if more else None)


def _key(row: _Row) -> str:
    return "\x1f".join(row)


def _told(row: _Row) -> Mapping[str, str]:
    group, topic, kind = row
    return {"AutoScalingGroupName": group, "TopicARN": topic, "NotificationType": kind}
