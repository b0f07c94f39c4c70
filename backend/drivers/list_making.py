"""The port that keeps sets of addresses at the cloud, which rules of security groups name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backend.domain.scope import Scope


class ListMaking(Protocol):
    """Each call raises CloudUnavailable, NotAuthorized or Refused; writes OutcomeUnknown, too."""

    def check_lists(self, scope: Scope) -> None:
        """Whether rules may name one. Raises NoAddressGroups: the cloud has none, or heeds no such rule."""

    def create_list(self, scope: Scope, token: str, name: str, cidrs: Sequence[str]) -> str:
        """Make one of these blocks; the cloud's id of it.

        Args:
            token: what it is found by when the answer was lost.
            name: for people to read.

        Raises:
            NoAddressGroups
            QuotaExceeded: of ``address_groups``.
        """

    def find_lists(self, scope: Scope, token: str) -> Sequence[str]:
        """The cloud's ids of those that were made with that token: two where an answer was lost. Raises as above."""

    def set_addresses(self, scope: Scope, list_id: str, cidrs: Sequence[str]) -> None:
        """Let it be of these blocks, and no others. Safe to repeat. Raises AddressGroupNotFound."""

    def delete_list(self, scope: Scope, list_id: str) -> None:
        """Delete one. Safe to repeat. Raises AddressGroupInUse: rules name it."""
