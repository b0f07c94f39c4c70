"""Notification configurations' rows, and who hears of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, select

from backend.domain.activity import Activity
from backend.domain.notifications import Notification, notice_of
from backend.store.notification_tables import notifications
from backend.store.records import Records

NOTIFICATIONS: Final = Records(notifications, Notification)
_c = notifications.c


def topics(conn: Connection, cluster_id: str) -> dict[str, frozenset[str]]:
    """Topics that hear of a cluster -> the words of Notice that each hears of, by ARN."""
    found = conn.execute(select(_c.topic, _c.kinds).where(_c.cluster_id == cluster_id).order_by(_c.topic))
    return {row.topic: frozenset(row.kinds) for row in found}


def hearing(heard: Mapping[str, frozenset[str]], entry: Activity) -> list[str]:
    """Those of the topics that hear of the end of an entry."""
    notice = notice_of(entry)
    return [topic for topic, kinds in heard.items() if notice in kinds]
