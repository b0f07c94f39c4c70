"""What a project may decide once for all its clusters of a region."""

from __future__ import annotations

from enum import StrEnum


class Setting(StrEnum):
    """A switch, off as long as nobody turned it on.

    LAUNCH_FIRST: clusters without a maintenance policy launch a node before the one goes that it replaces.
    """

    LAUNCH_FIRST = "launch_first"
