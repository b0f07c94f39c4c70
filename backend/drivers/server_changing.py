"""The port that changes what a server is while it is there: its options, groups, flavor and user data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from backend.domain.scope import Scope


class ServerChanging(Protocol):
    """Every call may raise CloudUnavailable, NotAuthorized and ServerNotFound; writes OutcomeUnknown.

    All are safe to repeat.
    """

    def set_options(self, scope: Scope, server_id: str, values: Mapping[str, Any]) -> None:
        """Set fields of ``ServerOptions`` by name; the others stay.

        Raises:
            Unsupported: the cloud has no such switch (``detail`` names it in AWS's words).
        """

    def set_groups(self, scope: Scope, server_id: str, groups: Sequence[str]) -> None:
        """Put it into these security groups (cloud ids) and no others."""

    def set_flavor(self, scope: Scope, server_id: str, flavor: str) -> None:
        """Give a stopped server another instance type.

        Raises:
            ServerStateConflict: it is not stopped.
            FlavorNotFound, QuotaExceeded, NoCapacity
            Unsupported: the cloud cannot, or would begin what somebody has to confirm.
        """

    def set_user_data(self, scope: Scope, server_id: str, user_data: str | None) -> None:
        """Give a stopped server other user data (base64). Raises ServerStateConflict, Unsupported."""

    def console(self, scope: Scope, server_id: str) -> str:
        """The last 64 KiB at most of what it wrote to its console."""
